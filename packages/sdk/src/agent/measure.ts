import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { readTools, type ToolDigest, toolManifestDigest } from '@credence/contracts/attestation/tools'
import { invalid } from '@credence/contracts/errors'
import type { Composition } from '@credence/contracts/events/values'

/** Files that an agent is made of. */
export type AgentFiles = { program: string; prompt: string; toolManifest: string; model: string }

/**
 * SHA-256 of each file's bytes, read as a stream; of the tools, the digest over their definitions.
 * @throws CredenceError `invalid_argument` when the file of tools cannot be read in one way only
 */
export async function measure(files: AgentFiles): Promise<Composition> {
  const [program, prompt, model] = await Promise.all([files.program, files.prompt, files.model].map(digestOf))
  const tools = toolManifestDigest(await measureTools(files.toolManifest))
  return { program, prompt, tool_manifest: tools, model } as Composition
}

/** The tools in a file, each by its digest (`readTools`). @throws CredenceError `invalid_argument` naming the fault */
export async function measureTools(file: string): Promise<ToolDigest[]> {
  const { value, refused, detail } = readTools(await readFile(file))
  if (!value) throw invalid('tools', `the file ${detail} (${refused})`)
  return value
}

/** SHA-256 of a file's bytes. */
export async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk)
  return hash.digest('hex')
}
