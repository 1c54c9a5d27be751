/** What an agent is made of, measured: program, prompt, tools, model. */
import { readFile } from 'node:fs/promises'
import { hostedModelDigest, ProviderStatement } from '@credence/contracts/attestation/model-manifest'
import { readTools, toolManifestDigest } from '@credence/contracts/attestation/tools'
import type { Composition } from '@credence/contracts/events/values'
import { sha256 } from '@credence/shared/digest'
import { decodeJwt } from 'jose'
import type { Hashing, Progress } from '../hashing/hashing.ts'
import { payloadIn } from '../manifest/open.ts'
import { MeasureError, unreadable } from '../measure-error.ts'
import { type Held, loadedModels } from './loaded.ts'
import { filesIn, folderDigest, type ModelFile } from './model.ts'
import { lookAtProcess, programOf, type RunningProcess, runsFile } from './process.ts'

export type Made = {
  /** A file; what the process was started from; or the digest of a container image, or a file that holds it. */
  program: { file: string } | { process: true } | { image: string } | { imageFile: string }
  prompt: string
  tools: { file: string; server?: string | undefined }
  model: MadeOf
}
/**
 * A file; a folder, with `signature` (a bundle of OpenSSF Model Signing) the signed statement; of a hosted model its
 * provider’s statement, or only which it is said to be.
 */
export type MadeOf =
  | { file: string }
  | { folder: string; followLinks?: boolean | undefined; signature?: string | undefined }
  | { providerStatement: string }
  | { provider: string; name: string; version: string }

/** How each part is known: read from a file, seen in the running process, or told by the configuration. */
export type Note = { part: keyof Composition | 'process'; known: 'read' | 'seen' | 'told'; what: string }

export type Measured = {
  composition: Composition
  notes: Note[]
  /** Where the process runs on something else than was named: then that was measured. */
  faults: { code: 'other_program_runs' | 'other_model_loaded'; message: string }[]
  /** Over all that was read: another one when any file changed, even if the composition does not show it. */
  seal: string
  /** False when a file was changed a moment ago: measure once more, after `SETTLE_MS`. */
  settled: boolean
}

/** What cannot be read any more is approved nowhere. */
const UNREADABLE = '0'.repeat(64)

/**
 * @param about.pid the agent’s process. What it runs on is compared with what was named; what it really runs on is measured
 * @throws MeasureError naming the part that cannot be measured
 */
export async function measureComposition(
  made: Made,
  about: { hashing: Hashing; pid?: number | undefined; onProgress?: ((progress: Progress) => void) | undefined },
): Promise<Measured> {
  const { hashing, pid, onProgress } = about
  const process = pid === undefined ? undefined : await lookAtProcess(pid)
  const [program, files, tools] = await Promise.all([
    programOfAgent(made, process),
    modelFiles(made.model),
    toolsDigest(made.tools),
  ])
  const paths = [program.via, made.prompt, ...files.map(({ path }) => path)].filter((path) => path !== undefined)
  const { digests, settled } = await hashing.digestsNow(paths, onProgress)
  const of = (path: string): string => digests.get(path) as string
  const model = new Map(files.map(({ path }) => [path, of(path)]))
  const held: Held = process ? await loadedModels(process.pid, model, hashing.digest) : { paths: [] }
  const named = await modelDigest(made.model, files, of)
  return {
    composition: {
      program: program.via === undefined ? program.digest : of(program.via),
      prompt: of(made.prompt),
      tool_manifest: tools,
      model: held.other ? (held.other.digest ?? UNREADABLE) : named,
    },
    notes: notesOf(made, program, process, held),
    faults: [...(program.fault ? [program.fault] : []), ...(held.other ? [otherModel(process?.pid, held.other)] : [])],
    seal: sha256(JSON.stringify([...digests].sort())),
    settled,
  }
}

type Program = { known: Note['known']; what: string; fault?: Measured['faults'][number] } & (
  | { via: string }
  | { via?: undefined; digest: string }
)

async function programOfAgent({ program }: Made, process: RunningProcess | undefined): Promise<Program> {
  if ('image' in program) return { known: 'told', what: `image sha256:${program.image}`, digest: program.image }
  if ('imageFile' in program) {
    const digest = await imageDigestIn(program.imageFile)
    return { known: 'told', what: `image sha256:${digest} (${program.imageFile})`, digest }
  }
  if ('file' in program && !process) return { known: 'read', what: program.file, via: program.file }
  if (!process)
    throw new MeasureError('process_missing', 'The program is that of the process, and no process is named.')
  if ('file' in program && (await runsFile(process, program.file)))
    return { known: 'seen', what: program.file, via: program.file }
  const { path, via } = programOf(process)
  const seen = { known: 'seen' as const, what: path, via }
  if ('process' in program) return seen
  const message =
    path === program.file
      ? `Process ${process.pid} runs what lay at ${path} when it was started; another file lies there now.`
      : `Process ${process.pid} runs ${path}, not ${program.file}.`
  return { ...seen, fault: { code: 'other_program_runs', message } }
}

async function imageDigestIn(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((error) => {
    throw unreadable(path, error)
  })
  const digest = /(?:^|[@\s])sha256:([0-9a-f]{64})\s*$/.exec(text.slice(0, 1024))?.[1]
  if (!digest) throw new MeasureError('image_unknown', `${path} does not end in an image digest like sha256:….`)
  return digest
}

async function modelFiles(model: MadeOf): Promise<ModelFile[]> {
  if ('file' in model) return [{ name: '', path: model.file }]
  if (!('folder' in model)) return []
  const { folder, signature, followLinks = false } = model
  const inside = signature?.startsWith(`${folder}/`) ? [signature.slice(folder.length + 1)] : []
  return filesIn(folder, { without: inside, followLinks })
}

async function modelDigest(model: MadeOf, files: ModelFile[], of: (path: string) => string): Promise<string> {
  if ('file' in model) return of(model.file)
  if ('providerStatement' in model)
    return statementDigest(model.providerStatement, (text) => hostedModelDigest(saidIn(text)))
  if ('provider' in model)
    return sha256(JSON.stringify({ name: model.name, provider: model.provider, version: model.version }))
  // With its signer, a signed model is its signed statement.
  if (model.signature) return statementDigest(model.signature, (text) => sha256(payloadIn(text)))
  return folderDigest(files.map(({ name, path }) => ({ name, digest: of(path) })))
}

const saidIn = (statement: string) => ProviderStatement.parse(decodeJwt(statement.trim()))

async function statementDigest(path: string, digestOf: (text: string) => string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((error) => {
    throw unreadable(path, error)
  })
  try {
    return digestOf(text)
  } catch (cause) {
    throw new MeasureError('signature_malformed', `${path} is no signed statement about a model.`, { cause })
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

const otherModel = (
  pid: number | undefined,
  { path, digest }: NonNullable<Held['other']>,
): Measured['faults'][number] => ({
  code: 'other_model_loaded',
  message: `Process ${pid} has ${path} loaded, which is not the model that was named${digest ? '' : ', or was replaced since: restart the process'}.`,
})

function modelNote(model: MadeOf): Note {
  if ('provider' in model)
    return { part: 'model', known: 'told', what: `${model.provider} ${model.name} ${model.version}` }
  if ('providerStatement' in model) return { part: 'model', known: 'told', what: model.providerStatement }
  return { part: 'model', known: 'read', what: 'file' in model ? model.file : (model.signature ?? model.folder) }
}

function notesOf(made: Made, program: Program, process: RunningProcess | undefined, held: Held): Note[] {
  const { model } = made
  const seen = (part: Note['part'], what: string): Note => ({ part, known: 'seen', what })
  return [
    { part: 'program', known: program.known, what: program.what },
    { part: 'prompt', known: 'read', what: made.prompt },
    { part: 'tool_manifest', known: 'read', what: made.tools.file },
    modelNote(model),
    ...held.paths.map((path) => seen('model', `${path} is loaded`)),
    ...(process ? [seen('process', `${process.pid} runs ${process.executable}`)] : []),
    ...(process?.container ? [seen('process', `in container ${process.container.slice(0, 12)}`)] : []),
  ]
}
