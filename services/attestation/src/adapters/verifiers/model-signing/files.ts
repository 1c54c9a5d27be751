/** What was found in the model’s folder, against what was signed (OpenSSF Model Signing v1.0, §8.4): all of it, and nothing else. */
import { ignoredBy, type ModelEvidence, pieceNamed } from '@credence/contracts/attestation/model-manifest'
import type { Refused } from '../sigstore/bundle.ts'
import type { Manifest } from './manifest.ts'

type Found = Extract<ModelEvidence, { form: 'files' }>['files']

const MAX_NAMED = 200

/**
 * There is no switch that lets unsigned files pass: a loader runs what it finds (`modeling_*.py`).
 * @returns undefined when both agree, or `file_named_twice`, `file_extra`, `file_changed`, `file_missing` with
 * the first name concerned
 */
export function filesFault(files: Found, manifest: Manifest): Refused | undefined {
  const { serialization, pieces, paths } = manifest
  const pathOf = (name: string) => pieceNamed(name, serialization.method)?.path ?? name
  const isIgnored = ignoredBy(serialization)
  const counts = (name: string) => !isIgnored(pathOf(name))
  const found = new Map(files.filter(({ name }) => counts(name)).map(({ name, digest }) => [name, digest]))
  const foundPaths = new Set([...found.keys()].map(pathOf))
  const named = (refused: string, name: string) => ({ refused, detail: name.slice(0, MAX_NAMED) })

  if (found.size !== files.filter(({ name }) => counts(name)).length) return { refused: 'file_named_twice' }
  const extra = [...foundPaths].find((path) => !paths.has(path))
  if (extra !== undefined) return named('file_extra', extra)
  const missing = [...paths].find((path) => !foundPaths.has(path))
  if (missing !== undefined) return named('file_missing', missing)
  const changed =
    [...pieces].find(([name, digest]) => found.get(name) !== digest) ?? [...found].find(([name]) => !pieces.has(name))
  return changed && named('file_changed', changed[0])
}
