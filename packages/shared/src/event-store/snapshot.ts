/**
 * A snapshot keeps the read models of a service for its next start. It is a cache and never the truth: it counts only
 * when the same code wrote it, it is whole, and every stream still holds, at the sequence where it stopped, the very
 * message that it saw there. Otherwise it is passed over, with a line in the log, and the streams are replayed. Whoever
 * may write the folder can change what the service believes: it belongs to the service alone.
 */
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { StreamName } from '@credence/contracts/streams'
import { type Log, messageOf } from '../log.ts'
import type { ReadModel } from './read-model.ts'
import { readFrames, writeFrames } from './snapshot-file.ts'

const FORMAT = 1
const ENTRIES_A_FRAME = 64

/** How far a stream was applied: the message there, and when the stream was made. */
export type Mark = { stream: StreamName; created: string; sequence: number; id: string }

type Header = { format: number; code: string; marks: Mark[]; models: string[] }
type Frame = { model: string; entries: unknown[] }

/** Tells whether a stream is the one that was seen and still holds that message. */
export type Holds = (mark: Mark) => Promise<boolean>

export type SnapshotFile = { path: string; code: string; log: Log }

/** The file of a service in its folder, which is made when there is none. Left-overs of a killed writer are removed. */
export async function openSnapshotFile(folder: string, service: string, code: string, log: Log): Promise<SnapshotFile> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const name = `${service}.snapshot`
  for (const file of await readdir(folder))
    if (file.startsWith(`${name}.`) && file.endsWith('.tmp')) await rm(join(folder, file), { force: true })
  return { path: join(folder, name), code, log }
}

/**
 * What the models hold now. The moment is this call; the frames are made later, as they are asked for.
 * @param marks how far each stream was applied at this moment
 */
export function capture(code: string, models: readonly ReadModel[], marks: Mark[]): Iterable<unknown> {
  const dumps = models.map((model) => ({ model: model.name, entries: model.dump() }))
  return (function* () {
    yield { format: FORMAT, code, marks, models: models.map(({ name }) => name) } satisfies Header
    for (const { model, entries } of dumps) {
      let frame: unknown[] = []
      for (const entry of entries) {
        frame.push(entry)
        if (frame.length < ENTRIES_A_FRAME) continue
        yield { model, entries: frame } satisfies Frame
        frame = []
      }
      if (frame.length > 0) yield { model, entries: frame } satisfies Frame
    }
  })()
}

export const writeSnapshot = (file: SnapshotFile, frames: Iterable<unknown>, pause: () => Promise<void>) =>
  writeFrames(file.path, frames, pause)

/**
 * Fills the models, which are empty. @returns the marks from which to go on; undefined, with the models empty again, when
 * there is no snapshot that counts
 */
export async function loadSnapshot(
  file: SnapshotFile,
  models: readonly ReadModel[],
  streams: readonly StreamName[],
  holds: Holds,
): Promise<Mark[] | undefined> {
  const { log } = file
  const frames = readFrames(file.path)
  try {
    const { value: header } = await frames.next()
    await refuseUnfit(header as Header, file.code, models, streams, holds)
    const byName = new Map(models.map((model) => [model.name, model]))
    let count = 0
    for await (const frame of frames as AsyncIterable<Frame>) {
      const model = byName.get(frame.model)
      if (!model) throw new Error(`there is no model ${frame.model}`)
      for (const entry of frame.entries) model.load(entry)
      count += frame.entries.length
    }
    const { marks } = header as Header
    log.info('snapshot loaded', { count, position: positions(marks) })
    return marks
  } catch (error) {
    for (const model of models) model.clear()
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      log.warn('snapshot passed over', { error: messageOf(error) })
    return undefined
  } finally {
    await frames.return()
  }
}

export const positions = (marks: readonly Mark[]): string =>
  marks.map(({ stream, sequence }) => `${stream}:${sequence}`).join(' ')

async function refuseUnfit(
  header: Header,
  code: string,
  models: readonly ReadModel[],
  streams: readonly StreamName[],
  holds: Holds,
): Promise<void> {
  if (header?.format !== FORMAT) throw new Error('it has another format')
  if (header.code !== code) throw new Error('other code wrote it')
  const names = (list: readonly string[]) => [...list].sort().join(' ')
  if (names(header.models) !== names(models.map(({ name }) => name))) throw new Error('it is of other models')
  if (names(header.marks.map(({ stream }) => stream)) !== names(streams)) throw new Error('it is of other streams')
  for (const mark of header.marks)
    if (!(await holds(mark))) throw new Error(`${mark.stream} does not hold the message at ${mark.sequence} any more`)
}
