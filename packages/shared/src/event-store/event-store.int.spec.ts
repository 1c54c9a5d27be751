import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Fact } from '@credence/contracts/events/catalog'
import { newId } from '@credence/shared/ids'
import { createLog } from '@credence/shared/log'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Nats, startNats } from '../../../../infra/dev/nats.ts'
import { openAuthority } from '../../../../infra/dev/pki.ts'
import { freePorts } from '../../../../infra/dev/ports.ts'
import { type Bus, connectBus } from '../bus/connect.ts'
import { verifyStreams } from '../bus/streams.ts'
import { aggregates, createWriter } from './aggregates.ts'
import { append } from './append.ts'
import { newCommit } from './commit.ts'
import { type Follower, followCommits } from './follow.ts'

const SOURCE = 'spiffe://test.local/service/identity'
const actor = { kind: 'workload' as const, id: SOURCE }
const log = createLog('test', 'error')

type Count = { ended: boolean; changes: number }
const counting = {
  initialState: { ended: false, changes: 0 } as Count,
  evolve: (state: Count, fact: Fact): Count => ({
    ended: fact.type === 'credence.identity.delegation.revoked.v1',
    changes: state.changes + 1,
  }),
}
const revoked = (delegation: string) =>
  ({ type: 'credence.identity.delegation.revoked.v1', data: { delegation, reason: 'test' } }) as const

let nats: Nats
let bus: Bus
let folder: string

async function openStore() {
  const store = aggregates('identity', 'delegation', counting)
  const follower = await followCommits({ bus, log, stream: 'IDENTITY' }, (commit) => store.apply(commit))
  await follower.caughtUp
  return { store, follower, writer: createWriter({ bus, follower, stream: 'IDENTITY', source: SOURCE }) }
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'credence-'))
  const authority = await openAuthority(join(folder, 'pki'), 'test.local')
  const [port] = await freePorts(1)
  nats = await startNats({ folder: join(folder, 'nats'), port: port as number, authority, trustDomain: 'test.local' })
  const tls = await authority.issue('identity', SOURCE)
  bus = await connectBus({ servers: [nats.url], name: 'identity', nkeyFile: nats.nkeyFile('identity'), log, ...tls })
})

afterAll(async () => {
  await bus?.close()
  await nats?.process().stop()
  rmSync(folder, { recursive: true, force: true })
})

describe('the event store, on a real nats-server', () => {
  it('offers what is needed of every stream', async () => {
    await verifyStreams(bus)
  })

  it('stores a decision and can be read at the position that the answer names', async () => {
    const { store, follower, writer } = await openStore()
    const id = newId('dlg')
    const { position } = await writer.execute(store, { id, actor, now: new Date(), decide: () => [revoked(id)] })
    expect(position).toBe(`IDENTITY:${follower.position()}`)
    expect(store.get(id).state).toEqual({ ended: true, changes: 1 })
    await follower.stop()
  })

  it('tells a repeated commit from a conflict, after the fact as well', async () => {
    const id = newId('dlg')
    const subject = `credence.identity.delegation.${id}`
    const commit = newCommit([revoked(id)], { actor, source: SOURCE, subject: `delegation/${id}`, now: new Date() })
    const first = await append(bus, 'IDENTITY', subject, commit, 0)
    const again = await append(bus, 'IDENTITY', subject, commit, 0)
    expect(first.kind).toBe('stored')
    expect(again).toEqual({ kind: 'already mine', sequence: (first as { sequence: number }).sequence })
    const other = newCommit([revoked(id)], { actor, source: SOURCE, subject: `delegation/${id}`, now: new Date() })
    expect(await append(bus, 'IDENTITY', subject, other, 0)).toEqual({ kind: 'conflict' })
  })

  it('lets two processes decide on one aggregate, each on what the other wrote', async () => {
    const left = await openStore()
    const right = await openStore()
    const id = newId('dlg')
    const once = (state: Count) => (state.ended ? [] : [revoked(id)])
    const command = { id, actor, now: new Date(), decide: once }
    const written = await Promise.all([left, right].map(({ writer, store }) => writer.execute(store, command)))
    expect(written.map(({ facts }) => facts.length).sort()).toEqual([0, 1])
    const always = { ...command, decide: () => [revoked(id)] }
    await Promise.all([left, right, left, right].map(({ writer, store }) => writer.execute(store, always)))
    await left.follower.reached(right.follower.position(), 1_000)
    expect(left.store.get(id).state.changes).toBe(5)
    await Promise.all([left.follower.stop(), right.follower.stop()])
  })

  it('refuses a subject that belongs to another service', async () => {
    const commit = newCommit([revoked(newId('dlg'))], { actor, source: SOURCE, subject: 'task/x', now: new Date() })
    await expect(append(bus, 'POLICY', 'credence.policy.task.x', commit)).rejects.toMatchObject({
      status: 'unavailable',
    })
  })

  it('says unavailable within two seconds when NATS is killed, and goes on when it is back', async () => {
    const { store, follower, writer } = await openStore()
    const id = newId('dlg')
    const command = { id, actor, now: new Date(), decide: () => [revoked(id)] }
    await writer.execute(store, command)
    nats.process().kill('SIGKILL')
    const started = Date.now()
    await expect(writer.execute(store, command)).rejects.toMatchObject({ status: 'unavailable' })
    expect(Date.now() - started).toBeLessThan(2_000)
    await nats.restart()
    await expectEventually(() => writer.execute(store, command))
    await expectEventually(async () => expect(follower.fresh()).toBe(true))
    const fresh: { follower: Follower; store: typeof store } = await openStore()
    expect(fresh.store.get(id).state.changes).toBe(store.get(id).state.changes)
    await Promise.all([follower.stop(), fresh.follower.stop()])
  })
})

async function expectEventually<T>(attempt: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + 10_000
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (Date.now() > deadline) throw error
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}
