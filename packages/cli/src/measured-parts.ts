/** Parts of an agent as options name them: a file or a folder that is measured, or a digest that somebody else made. */
import { hash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { basename } from 'node:path'
import { createHashing } from '@credence/attester/hashing/hashing'
import { payloadIn } from '@credence/attester/manifest/open'
import { filesIn, folderDigest } from '@credence/attester/measure/model'
import { MeasureError } from '@credence/attester/measure-error'
import type { Part } from '@credence/contracts/attestation/agent-manifest'
import { readTools, type ToolDigest } from '@credence/contracts/attestation/tools'
import { Sha256 } from '@credence/contracts/events/values'
import type { Command } from 'commander'
import { Usage } from './failure.ts'

type Options = Record<string, string | undefined>

/** Program and model: a file that is hashed, or a digest that somebody else made. */
export const withParts = (command: Command): Command =>
  command
    .option('--program <file>', 'the program')
    .option('--program-digest <sha256>', 'instead of a file: the digest of an image')
    .option('--program-name <text>', 'what to call it; the name of the file otherwise')
    .option('--model <file>', 'the model: one file, or a folder')
    .option('--model-bundle <file>', 'instead: the signature of the model, whose statement is the model')
    .option('--model-digest <sha256>', 'instead: what somebody else made')
    .option('--model-name <text>', 'what to call it; the name of the file otherwise')

export async function programIn({ program, programDigest, programName }: Options): Promise<Part | undefined> {
  refuseSeveral('program', program, programDigest)
  if (program !== undefined) return fileIn(program, programName)
  if (programDigest === undefined) return undefined
  return { name: programName ?? 'program', digest: digestIn(programDigest, '--program-digest') }
}

export async function modelIn({ model, modelDigest, modelBundle, modelName }: Options): Promise<Part | undefined> {
  refuseSeveral('model', model, modelDigest, modelBundle)
  if (model !== undefined) return isFolder(model) ? folderIn(model, modelName) : fileIn(model, modelName)
  if (modelDigest !== undefined) return { name: modelName ?? 'model', digest: digestIn(modelDigest, '--model-digest') }
  if (modelBundle === undefined) return undefined
  const statement = payloadIn(read(modelBundle).toString('utf8'))
  return { name: modelName ?? basename(modelBundle), digest: hash('sha256', statement, 'hex') }
}

function refuseSeveral(what: string, ...ways: (string | undefined)[]): void {
  if (ways.filter((way) => way !== undefined).length > 1) throw new Usage(`Name the ${what} in one way only.`)
}

export const fileIn = async (file: string, name?: string): Promise<Part> => ({
  name: name ?? basename(file),
  digest: await measured(file, async (digests) => (await digests([file])).get(file) ?? ''),
})

/** As the attester measures a model that nobody signed. */
const folderIn = async (folder: string, name?: string): Promise<Part> => ({
  name: name ?? basename(folder),
  digest: await measured(folder, async (digests) => {
    const files = await filesIn(folder)
    const all = await digests(files.map(({ path }) => path))
    return folderDigest(files.map((file) => ({ name: file.name, digest: all.get(file.path) ?? '' })))
  }),
})

type Digests = ReturnType<typeof createHashing>['digests']

async function measured(what: string, measure: (digests: Digests) => Promise<string>): Promise<string> {
  const hashing = createHashing()
  try {
    return await measure(hashing.digests)
  } catch (error) {
    throw error instanceof MeasureError ? new Usage(error.message) : new Usage(`${what} cannot be read.`)
  } finally {
    await hashing.close()
  }
}

/** Hexadecimal digits, or as images are named. */
export function digestIn(text: string, option: string): string {
  const { data } = Sha256.safeParse(text.replace(/^sha256:/, ''))
  if (!data) throw new Usage(`${option} must be 64 lower-case hexadecimal digits (SHA-256).`)
  return data
}

export function toolsIn(file: string): ToolDigest[] {
  const { value, refused, detail } = readTools(read(file))
  if (!value) throw new Usage(`${file} ${detail} (${refused}).`)
  return value
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true

export function read(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch {
    throw new Usage(`${file} cannot be read.`)
  }
}
