/** Snapshots on a real nats-server: what is taken over, what is read again, and what is not believed. */
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Nats, startNats } from '../../../../infra/dev/nats.ts'
import { type Authority, openAuthority } from '../../../../infra/dev/pki.ts'
import { freePorts } from '../../../../infra/dev/ports.ts'
import * as facts from '../../../../infra/testing/facts.ts'
import { type Bus, connectBus } from '../bus/connect.ts'
import { bootstrapStreams } from '../bus/streams.ts'
import { newId } from '../ids.ts'
import { createLog } from '../log.ts'
import { createPrincipals } from '../principals.ts'
import { append } from './append.ts'
import { newCommit } from './commit.ts'
import { keepModels } from './keep.ts'
import { listener } from './read-model.ts'
import { capture, type Mark, writeSnapshot } from './snapshot.ts'
import { readFrames } from './snapshot-file.ts'

const lines: { msg: string; error?: string }[] = []
const log = createLog('test', 'info', { write: (line) => void lines.push(JSON.parse(line)) })
const SOURCE = 'spiffe://test.local/service/identity'

let nats: Nats
let authority: Authority
let bus: Bus
let folder: string
let data: string

const connectAs = async (name: string): Promise<Bus> => {
  const tls = await authority.issue(name, `spiffe://test.local/service/${name}`)
  return connectBus({ servers: [nats.url], name, nkeyFile: nats.nkeyFile(name), log, ...tls })
}
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'credence-keep-'))
  authority = await openAuthority(join(folder, 'pki'), 'test.local')
  const [port = 0] = await freePorts(1)
  nats = await startNats({ folder: join(folder, 'nats'), port, authority, trustDomain: 'test.local' })
  bus = await connectAs('identity')
})
afterAll(async () => {
  await bus?.close()
  await nats?.process().stop()
  rmSync(folder, { recursive: true, force: true })
})
beforeEach(() => {
  data = mkdtempSync(join(folder, 'data-'))
  lines.length = 0
})

async function register(count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, () => newId('agt'))
  const about = { actor: { kind: 'workload' as const, id: SOURCE }, source: SOURCE, now: new Date() }
  for (const agent of ids) {
    const commit = newCommit([facts.registered(facts.agent({ agent }))], { ...about, subject: `agent/${agent}` })
    await append(bus, 'IDENTITY', `credence.identity.agent.${agent}`, commit, 0)
  }
  return ids
}

async function open(part: { code?: string; every?: number; folder?: string } = {}) {
  const principals = createPrincipals()
  const heard: number[] = []
  const ear = listener('test/ear', ({ sequence }) => void heard.push(sequence))
  const keeper = await keepModels({
    bus,
    log,
    models: { IDENTITY: [...principals.models, ear], POLICY: [] },
    snapshots: { folder: part.folder ?? data, service: 'identity', code: part.code ?? 'this code' },
    every: part.every ?? 1_000_000,
    onHalt: (error) => {
      throw error
    },
  })
  await keeper.caughtUp
  const known = () => [...principals.agents.all()].map(([id]) => id)
  return { keeper, principals, heard, known }
}
const said = (msg: string) => lines.filter((line) => line.msg === msg)

describe('read models that are kept', () => {
  it('start from where they stopped, and read what came since', async () => {
    const before = await register(5)
    const first = await open()
    await first.keeper.stop()
    expect(said('snapshot written')).toHaveLength(1)
    const since = await register(3)
    const second = await open()
    expect(second.heard).toHaveLength(3)
    expect(second.known().slice(-8)).toEqual([...before, ...since])
    expect(second.keeper.followers.IDENTITY.position()).toBe(first.keeper.followers.IDENTITY.position() + since.length)
    await second.keeper.stop()
    const third = await open()
    expect(third.heard).toEqual([])
    expect(third.known()).toEqual(second.known())
    // Nothing came since, so nothing is written again.
    const { mtimeMs } = statSync(join(data, 'identity.snapshot'))
    await third.keeper.stop()
    expect(statSync(join(data, 'identity.snapshot')).mtimeMs).toBe(mtimeMs)
  })

  it('are written while events arrive, so that a kill costs only what came after', { timeout: 20_000 }, async () => {
    const first = await open({ every: 3 })
    await register(4)
    await expect.poll(() => existsSync(join(data, 'identity.snapshot')), { timeout: 10_000 }).toBe(true)
    const late = await register(1)
    // As a kill leaves it: nothing is written at the end.
    const second = await open()
    expect(second.heard.length).toBeLessThanOrEqual(1)
    expect(second.known().at(-1)).toBe(late[0])
    await Promise.all([first.keeper.stop(), second.keeper.stop()])
    expect(readdirSync(data)).toEqual(['identity.snapshot'])
  })

  it('are read anew by other code', async () => {
    await register(2)
    const first = await open()
    await first.keeper.stop()
    const other = await open({ code: 'newer code' })
    expect(said('snapshot passed over').map(({ error }) => error)).toEqual(['other code wrote it'])
    expect(other.heard).toHaveLength(first.keeper.followers.IDENTITY.position())
    expect(other.known()).toEqual(first.known())
    await other.keeper.stop()
  })

  it('are read anew when the stream holds another message where they stopped', async () => {
    await register(2)
    const first = await open()
    await first.keeper.stop()
    const path = join(data, 'identity.snapshot')
    const frames: unknown[] = []
    for await (const frame of readFrames(path)) frames.push(frame)
    const { marks } = frames[0] as { marks: Mark[] }
    const { models } = createPrincipals()
    const others = marks.map((mark) => ({ ...mark, id: newId('evt') }))
    const ear = listener('test/ear', () => undefined)
    const file = { path, code: 'this code', log }
    await writeSnapshot(file, capture(file.code, [...models, ear], others), async () => undefined)
    const second = await open()
    expect(said('snapshot passed over')).toHaveLength(1)
    expect(second.known()).toEqual(first.known())
    await second.keeper.stop()
  })

  it('are read anew from a stream that was made again, though it is as long as it was', {
    timeout: 20_000,
  }, async () => {
    await register(2)
    const first = await open()
    await first.keeper.stop()
    const length = first.keeper.followers.IDENTITY.position()
    const bootstrap = await connectAs('bootstrap')
    await bootstrap.jsm.streams.delete('IDENTITY')
    await bootstrapStreams(bootstrap, { replicas: 1, maxBytes: 1024 ** 3 })
    await bootstrap.close()
    const others = await register(length)
    const second = await open()
    expect(said('snapshot passed over').map(({ error }) => error)).toEqual([
      `IDENTITY does not hold the message at ${length} any more`,
    ])
    expect(second.known()).toEqual(others)
    await second.keeper.stop()
    const third = await open()
    expect(third.heard).toEqual([])
    expect(third.known()).toEqual(others)
    await third.keeper.stop()
  })
})
