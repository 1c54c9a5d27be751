/** A reaction that is interrupted between its effect and the acknowledgement, on a real nats-server. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Nats, startNats } from '../../../../infra/dev/nats.ts'
import { type Authority, openAuthority } from '../../../../infra/dev/pki.ts'
import { freePorts } from '../../../../infra/dev/ports.ts'
import * as facts from '../../../../infra/testing/facts.ts'
import { type Bus, connectBus } from '../bus/connect.ts'
import { newId } from '../ids.ts'
import { createLog } from '../log.ts'
import { append } from './append.ts'
import { newCommit, type RecordedCommit } from './commit.ts'
import { react } from './react.ts'

const log = createLog('test', 'silent')
let nats: Nats
let authority: Authority
let folder: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'credence-react-'))
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

async function tell(bus: Bus, agent: string): Promise<void> {
  const fact = facts.recorded(facts.result({ agent }))
  const about = { actor: { kind: 'workload' as const, id: 'x' }, source: 'x', subject: 'challenge/x', now: new Date() }
  await append(bus, 'ATTESTATION', `credence.attestation.challenge.${newId('chl')}`, newCommit([fact], about))
}

const agentOf = ({ facts: [fact] }: RecordedCommit): string =>
  fact?.type === 'credence.attestation.result.recorded.v1' ? fact.data.agent : ''

describe('a reaction', () => {
  it('gets an event again after a failure, and after the process that had it is gone; and keeps the order', {
    timeout: 30_000,
  }, async () => {
    const writer = await connectAs('attestation')
    const seen: string[] = []
    const done = new Set<string>()
    for (const agent of ['one', 'two', 'three']) await tell(writer, newIdOf(agent))

    // The first process: fails once on "one"; then is cut off with "two" done and not acknowledged.
    const first = await connectAs('identity')
    let failures = 1
    const cut = new Promise<void>((resolve) => {
      void react({ bus: first, log, name: 'identity-activation' }, async (commit) => {
        const agent = nameOf(agentOf(commit))
        seen.push(agent)
        if (agent === 'one' && failures-- > 0) throw new Error('not now')
        done.add(agent)
        if (agent !== 'two') return
        await first.connection.close()
        resolve()
      })
    })
    await cut
    expect(seen).toEqual(['one', 'one', 'two'])

    // Another process takes over: it gets "two" again, and then what comes after.
    const second = await connectAs('identity')
    const all = new Promise<void>((resolve) => {
      void react({ bus: second, log, name: 'identity-activation' }, async (commit) => {
        const agent = nameOf(agentOf(commit))
        seen.push(agent)
        done.add(agent)
        if (agent === 'three') resolve()
      })
    })
    await all
    expect(seen).toEqual(['one', 'one', 'two', 'two', 'three'])
    expect([...done]).toEqual(['one', 'two', 'three'])
    await writer.close()
    await second.close()
  })
})

const names = new Map<string, string>()
function newIdOf(name: string): string {
  const id = newId('agt')
  names.set(id, name)
  return id
}
const nameOf = (id: string): string => names.get(id) ?? id
