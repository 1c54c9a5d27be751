/** A folder as `credence policy test` takes it: policies.cedar, maybe schema.cedarschema, and files of cases. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { inWorker } from '../in-worker.ts'
import { load } from '../load.ts'
import type { Finding } from '../policies.ts'
import { versionOf } from '../version.ts'
import { CaseFile } from './format.ts'
import { type CaseResult, runCases } from './run.ts'

export const POLICIES = 'policies.cedar'
export const SCHEMA = 'schema.cedarschema'
export const CASES = '.cases.json'

/** The folder is not what it should be. */
export class FolderError extends Error {}

export type FolderResult = {
  version: string
  findings: Finding[]
  /** Results by file; none when findings are errors. */
  files: { file: string; results: CaseResult[] }[]
}

/** @throws FolderError naming the file and what is wrong with it */
export async function testFolder(folder: string): Promise<FolderResult> {
  const read = (file: string): string => readFileSync(join(folder, file), 'utf8')
  if (!existsSync(join(folder, POLICIES))) throw new FolderError(`${join(folder, POLICIES)} is not there.`)
  const source = { policies: read(POLICIES), schema: existsSync(join(folder, SCHEMA)) ? read(SCHEMA) : '' }
  const names = readdirSync(folder)
    .filter((file) => file.endsWith(CASES))
    .sort()
  if (names.length === 0) throw new FolderError(`${folder} holds no cases: name their files like "mail${CASES}".`)
  const files = names.map((file) => ({ file, cases: parse(file, read(file)) }))
  const version = versionOf(source)
  const checked = await inWorker({ kind: 'check', source })
  if (!checked.read) return { version, findings: checked.findings, files: [] }
  const policies = load(version, checked.read)
  const results = files.map(({ file, cases }) => ({ file, results: runCases(cases, policies) }))
  return { version, findings: checked.findings, files: results }
}

function parse(file: string, text: string): CaseFile {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw new FolderError(`${file} cannot be read as JSON.`)
  }
  const parsed = CaseFile.safeParse(json)
  if (parsed.success) return parsed.data
  const [first] = parsed.error.issues
  throw new FolderError(`${file}: ${first?.path.join('.') || 'file'}: ${first?.message}`)
}
