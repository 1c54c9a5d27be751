/** Two sequencers at once on a real nats-server, with many in flight: they get in each other's way as often as they can. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ORIGINS, type Origin } from '@credence/contracts/streams'
import { type Bus, connectBus } from '@credence/shared/bus/connect'
import { follow } from '@credence/shared/event-store/follow'
import { createLog } from '@credence/shared/log'
import { headers } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Nats, startNats } from '../../../../infra/dev/nats.ts'
import { type Authority, openAuthority } from '../../../../infra/dev/pki.ts'
import { freePorts } from '../../../../infra/dev/ports.ts'
import { placeOf } from '../domain/entry.ts'
import { publishAll, startSequencer } from './sequencer.ts'

const log = createLog('test', 'silent')
let folder: string
let nats: Nats
let authority: Authority

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'credence-sequencer-'))
  authority = await openAuthority(join(folder, 'pki'), 'test.local')
  const [port = 0] = await freePorts(1)
  nats = await startNats({ folder: join(folder, 'nats'), port, authority, trustDomain: 'test.local' })
})
afterAll(async () => {
  await nats?.process().stop()
  rmSync(folder, { recursive: true, force: true })
})

async function connectAs(name: string): Promise<Bus> {
  const tls = await authority.issue(name, `spiffe://test.local/service/${name}`)
  return connectBus({ servers: [nats.url], name, nkeyFile: nats.nkeyFile(name), log, ...tls })
}

/** A sequencer with a view of TRAIL of its own, as another process would have. */
async function startOne() {
  const bus = await connectAs('audit')
  const positions = new Map<Origin, number>()
  const halts: string[] = []
  const onHalt = (error: Error) => void halts.push(error.message)
  const follower = await follow({ bus, log, stream: 'TRAIL', onHalt }, (message) => {
    const { origin, sequence } = placeOf(message.data)
    const before = positions.get(origin) ?? 0
    if (sequence !== before + 1) throw new Error(`${origin}:${sequence} after ${origin}:${before}`)
    positions.set(origin, sequence)
  })
  await follower.caughtUp
  const sequenced = (origin: Origin) => positions.get(origin) ?? 0
  const sequencer = await startSequencer({ bus, log, trail: { follower, sequenced }, onHalt })
  return {
    halts,
    sequenced,
    stop: async () => {
      await sequencer.stop()
      await follower.stop()
      await bus.close()
    },
  }
}

describe('two sequencers', () => {
  it('write each message of each origin once, in its order, without a gap', { timeout: 60_000 }, async () => {
    const writers = {
      IDENTITY: 'identity',
      POLICY: 'policy',
      ATTESTATION: 'attestation',
      DECISIONS: 'policy',
      EFFECTS: 'audit',
    } as const
    const subjects = {
      IDENTITY: 'credence.identity.x.y',
      POLICY: 'credence.policy.x.y',
      ATTESTATION: 'credence.attestation.x.y',
      DECISIONS: 'credence.decision.y',
      EFFECTS: 'credence.effect.y',
    } as const
    const buses = new Map<string, Bus>()
    for (const name of new Set(Object.values(writers))) buses.set(name, await connectAs(name))
    const each = 600
    const head = headers()
    head.set('ce-id', 'x')
    const pair = [await startOne(), await startOne()]
    await Promise.all(
      ORIGINS.map(async (origin) => {
        for (let count = 0; count < each; count++) {
          await buses.get(writers[origin])?.js.publish(subjects[origin], '{"facts":[]}', { headers: head })
          if (count % 100 === 50) await new Promise((resolve) => setTimeout(resolve, Math.random() * 300))
        }
      }),
    )
    const deadline = Date.now() + 20_000
    const done = () =>
      pair.every(({ sequenced, halts }) => halts.length > 0 || ORIGINS.every((origin) => sequenced(origin) === each))
    while (!done() && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 50))
    expect(pair.flatMap(({ halts }) => halts)).toEqual([])
    for (const { sequenced } of pair) expect(ORIGINS.map(sequenced)).toEqual(ORIGINS.map(() => each))
    const [bus] = buses.values()
    expect((await bus?.jsm.streams.info('TRAIL'))?.state.last_seq).toBe(each * ORIGINS.length)
    await Promise.all(pair.map(({ stop }) => stop()))
    for (const one of buses.values()) await one.close()
  })

  it('whose view is one behind stores nothing: not its first entry, and none of those behind it', async () => {
    const bus = await connectAs('audit')
    const entry = (origin: Origin, sequence: number) => ({
      origin,
      sequence,
      subject: 'credence.x.y',
      entry: Buffer.from(`{"origin":"${origin}","sequence":${sequence},`),
    })
    const { last_seq } = (await bus.jsm.streams.info('TRAIL')).state
    expect(await publishAll(bus, [entry('POLICY', 9_001)], last_seq)).toBe(true)
    expect(
      await publishAll(bus, [entry('IDENTITY', 9001), entry('IDENTITY', 9002), entry('IDENTITY', 9003)], last_seq),
    ).toBe(false)
    expect((await bus.jsm.streams.info('TRAIL')).state.last_seq).toBe(last_seq + 1)
    expect(
      await publishAll(bus, [entry('IDENTITY', 9001), entry('IDENTITY', 9002), entry('IDENTITY', 9003)], last_seq + 1),
    ).toBe(true)
    await bus.close()
  })
})
