/** Follows streams into read models, from the last snapshot on, and keeps a snapshot of them from time to time. */
import { setTimeout as delay } from 'node:timers/promises'
import type { StreamName } from '@credence/contracts/streams'
import { type Bus, patiently } from '../bus/connect.ts'
import { type Log, messageOf } from '../log.ts'
import { codeDigest } from './code.ts'
import type { RecordedCommit } from './commit.ts'
import { type Follower, followCommits } from './follow.ts'
import type { ReadModel } from './read-model.ts'
import {
  capture,
  type Holds,
  loadSnapshot,
  type Mark,
  openSnapshotFile,
  positions,
  type SnapshotFile,
  writeSnapshot,
} from './snapshot.ts'

/** Where the snapshots of a service are kept; undefined when no folder is configured. @param main of its main file */
export const snapshotsOf = (service: string, folder: string | undefined, main: string) =>
  folder === undefined ? undefined : { folder, service, code: codeDigest(main) }

export type KeepOptions<Stream extends StreamName> = {
  bus: Bus
  log: Log
  /** What is folded from each stream, in this order. */
  models: Record<Stream, readonly ReadModel[]>
  /** Where snapshots are kept, and of whom; undefined: everything is replayed at each start. */
  snapshots?: { folder: string; service: string; code: string } | undefined
  /** Events after which another snapshot is written. */
  every?: number
  onHalt: (error: Error) => void
}

export type Keeper<Stream extends StreamName> = {
  followers: Record<Stream, Follower>
  /** Resolves when everything that was there at the start was applied. */
  caughtUp: Promise<void>
  /** Stops following; then writes what has changed since the last snapshot. */
  stop(): Promise<void>
}

const EVERY = 50_000
const LOOK_MS = 2_000
/** How long requests go first after each frame: the writer takes a small part of the time. */
const PAUSE_MS = 2

export async function keepModels<Stream extends StreamName>(options: KeepOptions<Stream>): Promise<Keeper<Stream>> {
  const { bus, log, onHalt, snapshots } = options
  const streams = Object.keys(options.models) as Stream[]
  const models = Object.values<readonly ReadModel[]>(options.models).flat()
  const begin = new Map<StreamName, Mark>()
  for (const stream of streams) {
    const { created } = await patiently(() => bus.jsm.streams.info(stream))
    begin.set(stream, { stream, created, sequence: 0, id: '' })
  }
  const file = snapshots && (await openSnapshotFile(snapshots.folder, snapshots.service, snapshots.code, log))
  const loaded = file && (await loadSnapshot(file, models, streams, holdsOn(bus, begin)))
  for (const mark of loaded ?? []) begin.set(mark.stream, mark)

  const last = new Map<StreamName, RecordedCommit>()
  let halted = false
  const halt = (error: Error) => {
    halted = true
    onHalt(error)
  }
  const followers = {} as Record<Stream, Follower>
  // All at once: what is asked while one stream pours in would be answered behind all that it pours, and too late.
  await Promise.all(
    streams.map(async (stream) => {
      const own = options.models[stream]
      const after = begin.get(stream)?.sequence ?? 0
      followers[stream] = await followCommits({ bus, log, stream, onHalt: halt, after }, (commit) => {
        for (const model of own) model.apply(commit)
        last.set(stream, commit)
      })
    }),
  )
  const all = Object.values<Follower>(followers)
  const marks = () =>
    [...begin.values()].map((mark): Mark => {
      const { sequence, id } = last.get(mark.stream) ?? mark
      return { ...mark, sequence, id }
    })
  const every = options.every ?? EVERY
  // A model that failed on an event may have taken half of it: nothing is kept of that.
  const sound = () => !halted
  const writer = file && keepWriting({ file, models, marks, sound, every, written: loaded })
  return {
    followers,
    caughtUp: Promise.all(all.map(({ caughtUp }) => caughtUp)).then(() => undefined),
    stop: async () => {
      await Promise.all(all.map((follower) => follower.stop()))
      await writer?.stop()
    },
  }
}

const holdsOn =
  (bus: Bus, marks: ReadonlyMap<StreamName, Mark>): Holds =>
  async ({ stream, created, sequence, id }) => {
    if (marks.get(stream)?.created !== created) return false
    if (sequence === 0) return true
    const message = await patiently(() => bus.jsm.streams.getMessage(stream, { seq: sequence })).catch(() => undefined)
    return message?.header.get('ce-id') === id
  }

const total = (marks: readonly Mark[]): number => marks.reduce((sum, { sequence }) => sum + sequence, 0)

/** Writes a snapshot after so many events, a little at a time, and once more at the end. */
function keepWriting(options: {
  file: SnapshotFile
  models: readonly ReadModel[]
  marks: () => Mark[]
  sound: () => boolean
  every: number
  written: readonly Mark[] | undefined
}): { stop(): Promise<void> } {
  const { file, models, every } = options
  let written = total(options.written ?? [])
  let writing: Promise<void> | undefined
  let stopping = false

  async function write(pause: () => Promise<void>): Promise<void> {
    const marks = options.marks()
    const began = performance.now()
    try {
      const { bytes } = await writeSnapshot(file, capture(file.code, models, marks), pause)
      const milliseconds = Math.round(performance.now() - began)
      file.log.info('snapshot written', { position: positions(marks), size: bytes, milliseconds })
    } catch (error) {
      if (!stopping) file.log.warn('snapshot not written', { error: messageOf(error) })
    }
    written = total(marks)
  }
  const gently = async () => {
    if (stopping) throw new Error('stopping')
    await delay(PAUSE_MS)
  }
  const look = () => {
    if (writing || stopping || !options.sound() || total(options.marks()) - written < every) return
    writing = write(gently).finally(() => {
      writing = undefined
    })
  }
  const timer = setInterval(look, LOOK_MS).unref()
  return {
    stop: async () => {
      clearInterval(timer)
      stopping = true
      const cut = writing !== undefined
      await writing
      if (options.sound() && (cut || total(options.marks()) !== written)) await write(async () => undefined)
    },
  }
}
