/** Read models by two ways: replayed from the first event, and from a snapshot that was taken somewhere between. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RecordedCommit } from '@credence/shared/event-store/commit'
import type { ReadModel } from '@credence/shared/event-store/read-model'
import {
  capture,
  loadSnapshot,
  type Mark,
  openSnapshotFile,
  writeSnapshot,
} from '@credence/shared/event-store/snapshot'
import { createLog } from '@credence/shared/log'

const log = createLog('test', 'silent')
const CODE = 'this code'

export const openFolder = () => {
  const folder = mkdtempSync(join(tmpdir(), 'credence-snapshot-'))
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

const applyAll = (models: readonly ReadModel[], commits: readonly RecordedCommit[]) => {
  for (const commit of commits) for (const model of models) model.apply(commit)
}

export function replayed<T extends { models: readonly ReadModel[] }>(
  make: () => T,
  commits: readonly RecordedCommit[],
): T {
  const made = make()
  applyAll(made.models, commits)
  return made
}

/**
 * What a second process has that loads the snapshot which a first one took at `at`, and then reads the rest. The first one
 * goes on applying events between the moment and the writing, as it does in service.
 */
export async function restored<T extends { models: readonly ReadModel[] }>(
  folder: string,
  make: () => T,
  commits: readonly RecordedCommit[],
  at: number,
): Promise<{ before: T; after: T }> {
  const first = replayed(make, commits.slice(0, at))
  const last = commits[at - 1]
  const mark: Mark = { stream: 'IDENTITY', created: 'then', sequence: last?.sequence ?? 0, id: last?.id ?? '' }
  const file = await openSnapshotFile(folder, 'test', CODE, log)
  const frames = capture(CODE, first.models, [mark])
  applyAll(first.models, commits.slice(at))
  await writeSnapshot(file, frames, async () => undefined)
  const load = async () => {
    const made = make()
    const marks = await loadSnapshot(file, made.models, ['IDENTITY'], async (one) => one.id === mark.id)
    if (marks?.[0]?.sequence !== mark.sequence) throw new Error('the snapshot was passed over')
    return made
  }
  const after = await load()
  applyAll(after.models, commits.slice(at))
  return { before: await load(), after }
}
