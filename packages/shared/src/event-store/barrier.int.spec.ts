import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Fact } from '@credence/contracts/events/catalog'
import { newId } from '@credence/shared/ids'
import { createLog } from '@credence/shared/log'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Nats, startNats } from '../../../../infra/dev/nats.ts'
import { openAuthority } from '../../../../infra/dev/pki.ts'
import { freePorts } from '../../../../infra/dev/ports.ts'
import { type Bus, connectBus } from '../bus/connect.ts'
import { append } from './append.ts'
import { type Barrier, createBarrier } from './barrier.ts'
import { newCommit } from './commit.ts'
import { type Follower, followCommits } from './follow.ts'

const SOURCE = 'spiffe://test.local/service/identity'
const log = createLog('test', 'fatal')

let folder: string
let nats: Nats
let writer: Bus
let reader: Bus
let follower: Follower
let barrier: Barrier

/** Writes one event, on another connection than the reader's. @returns its sequence, as acknowledged */
async function write(): Promise<number> {
  const delegation = newId('dlg')
  const fact: Fact = { type: 'credence.identity.delegation.revoked.v1', data: { delegation, reason: 'test' } }
  const about = { actor: { kind: 'workload' as const, id: SOURCE }, source: SOURCE, now: new Date() }
  const commit = newCommit([fact], { ...about, subject: `delegation/${delegation}` })
  const appended = await append(writer, 'IDENTITY', `credence.identity.delegation.${delegation}`, commit, 0)
  return (appended as { sequence: number }).sequence
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'credence-'))
  const authority = await openAuthority(join(folder, 'pki'), 'test.local')
  const [port] = await freePorts(1)
  nats = await startNats({ folder: join(folder, 'nats'), port: port as number, authority, trustDomain: 'test.local' })
  const tls = await authority.issue('identity', SOURCE)
  const connect = () =>
    connectBus({ servers: [nats.url], name: 'identity', nkeyFile: nats.nkeyFile('identity'), log, ...tls })
  writer = await connect()
  reader = await connect()
  follower = await followCommits({ bus: reader, log, stream: 'IDENTITY' }, () => undefined)
  barrier = createBarrier(reader, [follower])
})
afterAll(async () => {
  await follower?.stop()
  await Promise.all([writer?.close(), reader?.close()])
  await nats?.process().stop()
  rmSync(folder, { recursive: true, force: true })
})

describe('the read barrier, on a real nats-server', () => {
  it('lets nobody past before what was acknowledged when they came is applied', async () => {
    const early: string[] = []
    let passed = 0
    const ask = async () => {
      for (let round = 0; round < 40; round++) {
        const sequence = await write()
        await barrier()
        passed++
        if (follower.position() < sequence) early.push(`${follower.position()} < ${sequence}`)
      }
    }
    await Promise.all(Array.from({ length: 16 }, ask))
    expect([passed, early]).toEqual([640, []])
  })

  it('asks once for all who come in one turn, and again for who comes while that question is under way', async () => {
    const before = reader.connection.stats().outMsgs
    const first = Array.from({ length: 100 }, barrier)
    await nextTurn()
    await nextTurn()
    const later = Array.from({ length: 100 }, barrier)
    expect(new Set(first).size).toBe(1)
    expect(new Set([...first, ...later]).size).toBe(2)
    await Promise.all([...first, ...later])
    // Two questions, and perhaps one pull of the follower.
    expect(reader.connection.stats().outMsgs - before).toBeLessThanOrEqual(3)
  })

  it('lets nobody past while the server is away, and recovers', async () => {
    nats.process().kill('SIGKILL')
    const asked = barrier()
    await expect(asked).rejects.toMatchObject({ status: 'unavailable' })
    await expect(barrier()).rejects.toMatchObject({ status: 'unavailable', reason: 'nats_down' })
    await nats.restart()
    await expect
      .poll(
        () =>
          barrier().then(
            () => true,
            () => false,
          ),
        { timeout: 10_000 },
      )
      .toBe(true)
    const sequence = await write()
    await barrier()
    expect(follower.position()).toBeGreaterThanOrEqual(sequence)
  })
})
