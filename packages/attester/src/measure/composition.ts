/** What an agent is made of, measured: program, prompt, tools, model. */
import { readFile } from 'node:fs/promises'
import { readTools, toolManifestDigest } from '@credence/contracts/attestation/tools'
import type { Composition } from '@credence/contracts/events/values'
import { sha256 } from '@credence/shared/digest'
import type { Hashing, Progress } from '../hashing/hashing.ts'
import { payloadIn } from '../manifest/open.ts'
import { MeasureError, unreadable } from '../measure-error.ts'
import { checkLoadedModels } from './loaded.ts'
import { filesIn, folderDigest } from './model.ts'
import { lookAtProcess, programOf, type RunningProcess, runsFile } from './process.ts'

export type Made = {
  /** A file; what the process was started from; or the digest of a container image, or a file that holds it. */
  program: { file: string } | { process: true } | { image: string } | { imageFile: string }
  prompt: string
  tools: { file: string; server?: string }
  /** With `signature` (a bundle of OpenSSF Model Signing) the model is its signed statement. */
  model: ({ file: string } | { folder: string; followLinks?: boolean }) & { signature?: string }
}

/** How each part is known: read from a file, seen in the running process, or told by the configuration. */
export type Note = { part: keyof Composition | 'process'; known: 'read' | 'seen' | 'told'; what: string }

export type Measured = {
  composition: Composition
  notes: Note[]
  /** By path: each file of the model. */
  model: Map<string, string>
}

/**
 * @param about.pid the agent’s process: its program is compared with the named one, and the model files that it holds with
 * the measured ones
 * @throws MeasureError naming the part that cannot be measured, or what the process runs instead
 */
export async function measureComposition(
  made: Made,
  about: { hashing: Hashing; pid?: number | undefined; onProgress?: (progress: Progress) => void },
): Promise<Measured> {
  const { hashing, pid, onProgress } = about
  const process = pid === undefined ? undefined : await lookAtProcess(pid)
  const program = await programFile(made, process)
  const model = await modelFiles(made.model)
  const files = [program.via, made.prompt, ...model.map(({ path }) => path)].filter((path) => path !== undefined)
  const digests = await hashing.digests(files, onProgress)
  const of = (path: string): string => digests.get(path) as string
  const measured = new Map(model.map(({ path }) => [path, of(path)]))
  const held = process ? await checkLoadedModels(process.pid, measured, hashing.digest) : []
  const signed = made.model.signature
  const modelDigest = signed ? await statementDigest(signed) : unsigned(made.model, model, of)
  return {
    composition: {
      program: program.via === undefined ? program.digest : of(program.via),
      prompt: of(made.prompt),
      tool_manifest: await toolsDigest(made.tools),
      model: modelDigest,
    },
    notes: [
      { part: 'program', known: program.known, what: program.what },
      { part: 'prompt', known: 'read', what: made.prompt },
      { part: 'tool_manifest', known: 'read', what: made.tools.file },
      { part: 'model', known: 'read', what: signed ?? ('file' in made.model ? made.model.file : made.model.folder) },
      ...(process ? processNotes(process, held) : []),
    ],
    model: measured,
  }
}

type Program = { known: Note['known']; what: string } & ({ via: string } | { via?: undefined; digest: string })

async function programFile({ program }: Made, process: RunningProcess | undefined): Promise<Program> {
  if ('image' in program) return { known: 'told', what: `image sha256:${program.image}`, digest: program.image }
  if ('imageFile' in program) {
    const digest = await imageDigestIn(program.imageFile)
    return { known: 'told', what: `image sha256:${digest} (${program.imageFile})`, digest }
  }
  if ('process' in program) {
    if (!process)
      throw new MeasureError('process_missing', 'The program is that of the process, and no process is named.')
    const { path, via } = programOf(process)
    return { known: 'seen', what: path, via }
  }
  if (process && !(await runsFile(process, program.file)))
    throw new MeasureError(
      'other_program_runs',
      `Process ${process.pid} runs ${programOf(process).path}, not ${program.file}.`,
    )
  return { known: 'read', what: program.file, via: program.file }
}

async function imageDigestIn(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((error) => {
    throw unreadable(path, error)
  })
  const digest = /(?:^|[@\s])sha256:([0-9a-f]{64})\s*$/.exec(text.slice(0, 1024))?.[1]
  if (!digest) throw new MeasureError('image_unknown', `${path} does not end in an image digest like sha256:….`)
  return digest
}

async function modelFiles(model: Made['model']): Promise<{ name: string; path: string }[]> {
  if ('file' in model) return [{ name: '', path: model.file }]
  const { folder, signature, followLinks = false } = model
  const inside = signature?.startsWith(`${folder}/`) ? [signature.slice(folder.length + 1)] : []
  return filesIn(folder, { without: inside, followLinks })
}

const unsigned = (
  model: Made['model'],
  files: { name: string; path: string }[],
  of: (path: string) => string,
): string =>
  'file' in model ? of(model.file) : folderDigest(files.map(({ name, path }) => ({ name, digest: of(path) })))

/** SHA-256 of the signed statement: with its signer, what a signed model is. */
async function statementDigest(path: string): Promise<string> {
  try {
    return sha256(payloadIn(await readFile(path, 'utf8')))
  } catch (error) {
    if (error instanceof Error && 'code' in error) throw unreadable(path, error)
    throw new MeasureError('signature_malformed', `${path} is no signed statement about a model.`, { cause: error })
  }
}

async function toolsDigest({ file, server }: Made['tools']): Promise<string> {
  const bytes = await readFile(file).catch((error) => {
    throw unreadable(file, error)
  })
  const { value, refused, detail } = readTools(bytes, server)
  if (!value) throw new MeasureError(refused, `${file} ${detail}.`)
  return toolManifestDigest(value)
}

const processNotes = (process: RunningProcess, held: string[]): Note[] => [
  { part: 'process', known: 'seen', what: `${process.pid} runs ${process.executable}` },
  ...held.map((path) => ({ part: 'model' as const, known: 'seen' as const, what: `${path} is loaded` })),
  ...(process.container
    ? [{ part: 'process' as const, known: 'seen' as const, what: `in container ${process.container.slice(0, 12)}` }]
    : []),
]
