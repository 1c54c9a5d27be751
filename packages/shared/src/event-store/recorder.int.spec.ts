import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Fact } from '@credence/contracts/events/catalog'
import { newId } from '@credence/shared/ids'
import { createLog } from '@credence/shared/log'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Nats, startNats } from '../../../../infra/dev/nats.ts'
import { type Authority, openAuthority } from '../../../../infra/dev/pki.ts'
import { freePorts } from '../../../../infra/dev/ports.ts'
import { freeze } from '../../../../infra/testing/freeze.ts'
import { type Bus, connectBus } from '../bus/connect.ts'
import { verifyStreams } from '../bus/streams.ts'
import { append } from './append.ts'
import { type Commit, newCommit, type RecordedCommit } from './commit.ts'
import { followCommits } from './follow.ts'
import { createRecorder, type Recorder } from './recorder.ts'

const SOURCE = 'spiffe://test.local/service/policy'
const SUBJECT = 'credence.decision.agt_test'
const log = createLog('test', 'fatal')

let folder: string
let authority: Authority
let nats: Nats
let bus: Bus
let recorder: Recorder

const connect = async (name: string): Promise<Bus> => {
  const tls = await authority.issue(name, `spiffe://test.local/service/${name}`)
  return connectBus({ servers: [nats.url], name, nkeyFile: nats.nkeyFile(name), log, ...tls })
}
function aCommit(cause = 'test'): Commit {
  const fact: Fact = { type: 'credence.policy.task.aborted.v1', data: { task: newId('tsk'), cause } }
  const about = { actor: { kind: 'workload' as const, id: SOURCE }, source: SOURCE, subject: 'decision/agt_test' }
  return newCommit([fact], { ...about, now: new Date() })
}
const commits = (count: number): Commit[] => Array.from({ length: count }, () => aCommit())

/** Everything in the stream, as audit reads it. */
async function stored(): Promise<RecordedCommit[]> {
  const audit = await connect('audit')
  const found: RecordedCommit[] = []
  const follower = await followCommits({ bus: audit, log, stream: 'DECISIONS' }, (commit) => {
    found.push(commit)
  })
  await follower.caughtUp
  await follower.stop()
  await audit.close()
  return found
}
async function eventually<T>(attempt: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + 10_000
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (Date.now() > deadline) throw error
      await sleep(100)
    }
  }
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'credence-'))
  authority = await openAuthority(join(folder, 'pki'), 'test.local')
  const [port] = await freePorts(1)
  nats = await startNats({ folder: join(folder, 'nats'), port: port as number, authority, trustDomain: 'test.local' })
  bus = await connect('policy')
})
beforeEach(() => {
  recorder = createRecorder({ bus, stream: 'DECISIONS' })
})
afterEach(async () => {
  await recorder.stop()
})
afterAll(async () => {
  await bus?.close()
  await nats?.process().stop()
  rmSync(folder, { recursive: true, force: true })
})

describe('the recorder, on a real nats-server', () => {
  it('stores many at once in the order in which they came, and tells where each stands', async () => {
    const given = commits(500)
    const sequences = await Promise.all(given.map((commit) => recorder.record(SUBJECT, commit)))
    const bySequence = new Map((await stored()).map((commit) => [commit.sequence, commit]))
    expect(sequences).toEqual(sequences.map((_, at) => (sequences[0] as number) + at))
    expect(sequences.map((sequence) => bySequence.get(sequence)?.id)).toEqual(given.map(({ id }) => id))
    expect(bySequence.get(sequences[7] as number)?.facts).toEqual(given[7]?.facts)
    expect(recorder.waiting()).toBe(0)
  })

  it('stores a commit once, however often it is recorded, also beside an append of it', async () => {
    const [commit, other] = [aCommit(), aCommit()]
    const [first, again] = await Promise.all([recorder.record(SUBJECT, commit), recorder.record(SUBJECT, commit)])
    const later = await createRecorder({ bus, stream: 'DECISIONS' }).record(SUBJECT, commit)
    expect([again, later]).toEqual([first, first])
    const sequence = await recorder.record(SUBJECT, other)
    expect(await append(bus, 'DECISIONS', SUBJECT, other)).toEqual({ kind: 'already mine', sequence })
  })

  it('keeps two that record at the same time apart', async () => {
    const second = createRecorder({ bus: await connect('policy'), stream: 'DECISIONS' })
    const given = commits(200)
    const told = await Promise.all(given.map((commit, at) => (at % 2 ? recorder : second).record(SUBJECT, commit)))
    const all = new Map((await stored()).map(({ sequence, id }) => [sequence, id]))
    expect(told.map((sequence) => all.get(sequence))).toEqual(given.map(({ id }) => id))
    await second.stop()
  })

  it('refuses at once what is more than may wait, and stores the others', async () => {
    const small = createRecorder({ bus, stream: 'DECISIONS', atMost: 10 })
    const given = commits(25)
    const before = (await stored()).length
    const results = await Promise.allSettled(given.map((commit) => small.record(SUBJECT, commit)))
    expect(results.map(({ status }) => status === 'fulfilled')).toEqual(given.map((_, at) => at < 10))
    expect(results[10]).toMatchObject({ reason: { status: 'resource_exhausted', reason: 'record_queue_full' } })
    expect(await stored()).toHaveLength(before + 10)
    expect(await small.record(SUBJECT, aCommit())).toBe(before + 11)
    await small.stop()
  })

  it('fails the one that the server refuses, and not its neighbours', async () => {
    const misled = createRecorder({ bus, stream: 'POLICY' })
    const refused = misled.record(SUBJECT, aCommit())
    const taken = recorder.record(SUBJECT, aCommit())
    await expect(refused).rejects.toMatchObject({ status: 'unavailable', reason: 'not_recorded' })
    expect(await taken).toBeGreaterThan(0)
    await expect(recorder.record('credence decision', aCommit())).rejects.toMatchObject({ reason: 'not_recorded' })
    await misled.stop()
  })

  it('refuses what does not fit before anything is sent', async () => {
    const wrong = { ...aCommit(), source: 'x\r\nNats-Msg-Id: y' }
    await expect(recorder.record(SUBJECT, wrong)).rejects.toMatchObject({ status: 'internal', reason: 'bad_header' })
    const large = aCommit('x'.repeat(60_000))
    await expect(recorder.record(SUBJECT, large)).rejects.toMatchObject({ reason: 'event_too_large' })
    expect(recorder.waiting()).toBe(0)
  })

  it('says unknown at the deadline of a server that hangs; the same commit again is stored once', async () => {
    const commit = aCommit()
    await freeze(nats.process())
    const started = performance.now()
    const short = recorder.record(SUBJECT, commit, 200)
    const usual = recorder.record(SUBJECT, aCommit())
    await expect(short).rejects.toMatchObject({ status: 'unavailable', reason: 'record_unknown' })
    expect(performance.now() - started).toBeLessThan(500)
    await expect(usual).rejects.toMatchObject({ reason: 'record_unknown' })
    expect(performance.now() - started).toBeLessThan(1_200)
    nats.process().kill('SIGCONT')
    const sequence = await eventually(() => recorder.record(SUBJECT, commit))
    const found = (await stored()).filter(({ id }) => id === commit.id)
    expect(found.map((one) => one.sequence)).toEqual([sequence])
  })

  it('loses nothing that was acknowledged when the server is killed in the middle, and calls nothing else stored', async () => {
    const told: { commit: Commit; outcome: number | Error }[] = []
    let working = true
    const work = async () => {
      while (working) {
        const commit = aCommit()
        const outcome = await recorder.record(SUBJECT, commit).catch((error: Error) => error)
        told.push({ commit, outcome })
        if (outcome instanceof Error) await sleep(20)
      }
    }
    const workers = Array.from({ length: 64 }, work)
    await sleep(300)
    nats.process().kill('SIGKILL')
    await sleep(500)
    await nats.restart()
    await eventually(() => recorder.record(SUBJECT, aCommit()))
    await sleep(200)
    working = false
    await Promise.all(workers)

    const acknowledged = told.filter(({ outcome }) => typeof outcome === 'number')
    const failed = told.filter(({ outcome }) => typeof outcome !== 'number')
    expect(acknowledged.length).toBeGreaterThan(100)
    expect(failed.length).toBeGreaterThanOrEqual(64)
    for (const { outcome } of failed) expect(outcome).toMatchObject({ status: 'unavailable' })
    const all = new Map((await stored()).map(({ sequence, id }) => [sequence, id]))
    expect(acknowledged.filter(({ commit, outcome }) => all.get(outcome as number) !== commit.id)).toEqual([])

    await Promise.all(failed.map(({ commit }) => eventually(() => recorder.record(SUBJECT, commit))))
    const ids = (await stored()).map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
    expect(told.filter(({ commit }) => !ids.includes(commit.id))).toEqual([])
  })

  it('ends what waits soon after the connection is lost, and refuses what comes then', async () => {
    await freeze(nats.process())
    const waiting = recorder.record(SUBJECT, aCommit(), 5_000).catch((error: unknown) => error)
    nats.process().kill('SIGKILL')
    const started = performance.now()
    expect(await waiting).toMatchObject({ reason: 'record_unknown' })
    expect(performance.now() - started).toBeLessThan(1_000)
    await expect(recorder.record(SUBJECT, aCommit())).rejects.toMatchObject({ reason: 'nats_down' })
    await nats.restart()
    await eventually(() => recorder.record(SUBJECT, aCommit()))
  })

  it('stops when what it took has its answer, and takes no more', async () => {
    const stopping = createRecorder({ bus, stream: 'DECISIONS' })
    const taken = commits(50).map((commit) => stopping.record(SUBJECT, commit))
    const ended = stopping.stop()
    await expect(stopping.record(SUBJECT, aCommit())).rejects.toMatchObject({ reason: 'stopping' })
    await ended
    expect(stopping.waiting()).toBe(0)
    expect((await Promise.all(taken)).every((sequence) => sequence > 0)).toBe(true)
  })

  it('is not offered a stream that acknowledges what is not on disk', async () => {
    const bootstrap = await connect('bootstrap')
    const { config } = await bootstrap.jsm.streams.info('EFFECTS')
    await bootstrap.jsm.streams.delete('EFFECTS')
    const made = await bootstrap.jsm.streams.add({ ...config, persist_mode: 'async' } as typeof config)
    const verified = verifyStreams(bootstrap, ['EFFECTS'])
    // Servers before 2.12 do not know the setting, and are always patient.
    if (made.config.persist_mode) await expect(verified).rejects.toMatchObject({ reason: 'stream_mismatch' })
    else await verified
    await bootstrap.close()
  })
})
