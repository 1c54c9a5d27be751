import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import type { Composition } from '@credence/contracts/events/values'

/** Files that an agent is made of. */
export type AgentFiles = { program: string; prompt: string; toolManifest: string; model: string }

/** SHA-256 of each file's bytes, read as a stream. */
export async function measure(files: AgentFiles): Promise<Composition> {
  const [program, prompt, toolManifest, model] = await Promise.all(
    [files.program, files.prompt, files.toolManifest, files.model].map(digestOf),
  )
  return { program, prompt, tool_manifest: toolManifest, model } as Composition
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk)
  return hash.digest('hex')
}
