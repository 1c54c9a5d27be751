/** What attestation results do to agents, by the real service: states, SVIDs, tokens, introspection, and what is recorded. */
import type { EventData } from '@credence/contracts/events/catalog'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as facts from '../../../../infra/testing/facts.ts'
import { type House, openHouse, type Worker } from '../testing/house.ts'
import { type Lives, livesOf, refusalOf, until } from '../testing/lives.ts'
import { webClient } from '../testing/standard-client.ts'
import { newKey, tokenClient, workersOf } from '../testing/token-client.ts'

let house: House
let lives: Lives
let tokens: ReturnType<typeof tokenClient>
let rooms: Awaited<ReturnType<typeof webClient>>
beforeAll(async () => {
  house = await openHouse()
  lives = await livesOf(house)
  tokens = tokenClient(house.stack.issuer, house.stack.authority.caFile)
  const path = 'enforcement-point/rooms'
  const spiffeId = `spiffe://${house.stack.trustDomain}/${path}`
  rooms = await webClient(house, { spiffeId, tls: await house.stack.workload(path) })
}, 120_000)
afterAll(async () => {
  await rooms?.close()
  lives?.close()
  await house?.close()
}, 60_000)

type Recorded = EventData<'credence.attestation.result.recorded.v1'>
type Revoked = EventData<'credence.attestation.result.revoked.v1'>

/** A worker whose newest result is known, and a token of it. */
async function attested(part: Partial<Recorded> = {}) {
  const result = facts.result().result
  const worker = await workersOf(house).workerWith({ result: { result, ...part } })
  const { access_token: token = '' } = await tokens.exchange(worker)
  expect((await rooms.introspect(token)).active).toBe(true)
  return { ...worker, result, token }
}
const revoke = (agent: string, result: string, part: Partial<Revoked> = {}) =>
  house.write('ATTESTATION', `result/${result}`, {
    type: 'credence.attestation.result.revoked.v1',
    data: {
      result,
      agent,
      cause: 'reference_withdrawn',
      because: 'ref_1',
      consequence: 'quarantine',
      reason: 'The model is poisoned.',
      ...part,
    },
  })
/** One event at a time, in order: when this one is active, all that was written before has been heard. */
async function allHeard(): Promise<void> {
  const { agent } = await house.register(await newKey())
  await house.attest(agent?.id ?? '')
  expect(await house.stateOf(agent?.id ?? '', 'ACTIVE')).toBe('AGENT_STATE_ACTIVE')
}
const holds = async (agent: string) =>
  (await lives.recorded('credence.identity.agent.suspended.v1', 'credence.identity.agent.quarantined.v1')).filter(
    ({ data }) => data.agent === agent,
  )
const svid = (worker: Worker) => refusalOf(worker.client.issueX509Svid({ lifetimeSeconds: 0n }))
async function getsNothing(worker: Worker & { token: string }, reason: string): Promise<void> {
  expect(await svid(worker)).toMatchObject({ reason })
  expect((await tokens.exchange(worker)).access_token).toBeUndefined()
  expect((await rooms.introspect(worker.token)).active).toBe(false)
}
const because = { reason: 'Looked at' }

describe('a revoked result', () => {
  it('puts its agent into quarantine: no SVID, no token, and none that it had counts', async () => {
    const worker = await attested()
    await revoke(worker.agentId, worker.result)
    expect(await house.stateOf(worker.agentId, 'QUARANTINED')).toBe('AGENT_STATE_QUARANTINED')
    await getsNothing(worker, 'agent_quarantined')
    const [hold, ...more] = await holds(worker.agentId)
    expect(more).toEqual([])
    expect(hold?.data).toMatchObject({ cause: 'reference_withdrawn', reason: 'The model is poisoned.' })
    expect(hold?.commit.facts.map(({ type }) => type.split('.').at(-2))).toEqual(['attestation_lost', 'quarantined'])
    expect(hold?.commit.actor.id).toContain('/service/attestation')
  })

  it('is lifted by no attestation, by security only, and then the agent attests anew', async () => {
    const worker = await attested()
    await revoke(worker.agentId, worker.result, { cause: 'measurement_blocked', because: facts.DIGEST })
    await house.stateOf(worker.agentId, 'QUARANTINED')
    const about = { agentId: worker.agentId, ...because }
    expect(await refusalOf(house.sponsor.restoreAgent(about))).toMatchObject({ reason: 'agent_quarantined' })
    expect((await house.security.restoreAgent(about)).agent?.state).toBe('AGENT_STATE_REGISTERED')
    await getsNothing(worker, 'agent_not_active')
    await house.attest(worker.agentId)
    expect(await house.stateOf(worker.agentId, 'ACTIVE')).toBe('AGENT_STATE_ACTIVE')
    expect((await tokens.exchange(worker)).access_token).toBeDefined()
  })

  it('stays a quarantine though a better result comes; restored, the agent goes on with that one', async () => {
    const worker = await attested()
    await revoke(worker.agentId, worker.result)
    await house.attest(worker.agentId)
    await allHeard()
    expect(await house.stateOf(worker.agentId, 'QUARANTINED')).toBe('AGENT_STATE_QUARANTINED')
    const { agent } = await house.security.restoreAgent({ agentId: worker.agentId, ...because })
    expect(agent?.state).toBe('AGENT_STATE_ACTIVE')
  })

  it('that is not the newest accepted one changes nothing', async () => {
    const worker = await attested()
    await house.attest(worker.agentId)
    await revoke(worker.agentId, worker.result)
    await allHeard()
    expect(await house.stateOf(worker.agentId, 'ACTIVE')).toBe('AGENT_STATE_ACTIVE')
    expect(await holds(worker.agentId)).toEqual([])
  })

  it('suspends when the profile asks for more, until the agent attests again', async () => {
    const worker = await attested()
    await revoke(worker.agentId, worker.result, { cause: 'profile_changed', because: '2', consequence: 'suspend' })
    expect(await house.stateOf(worker.agentId, 'SUSPENDED')).toBe('AGENT_STATE_SUSPENDED')
    await getsNothing(worker, 'attestation_revoked')
    expect((await holds(worker.agentId))[0]?.data).toMatchObject({ cause: 'attestation_revoked' })
    const about = { agentId: worker.agentId, ...because }
    expect(await refusalOf(house.security.restoreAgent(about))).toMatchObject({ reason: 'attest_first' })
    await house.attest(worker.agentId)
    expect(await house.stateOf(worker.agentId, 'ACTIVE')).toBe('AGENT_STATE_ACTIVE')
    expect((await tokens.exchange(worker)).access_token).toBeDefined()
  })

  it('is taken from one that a person suspended; the person’s word stays', async () => {
    const worker = await attested()
    const about = { agentId: worker.agentId, ...because }
    await house.security.suspendAgent(about)
    await revoke(worker.agentId, worker.result, { cause: 'profile_changed', because: '2', consequence: 'suspend' })
    await house.attest(worker.agentId, { accepted: false })
    await allHeard()
    expect((await holds(worker.agentId)).map(({ data }) => data.cause)).toEqual(['operator'])
    expect((await house.sponsor.restoreAgent(about)).agent?.state).toBe('AGENT_STATE_REGISTERED')
  })

  it('of many agents in one commit holds all of them', async () => {
    const workers = await Promise.all([1, 2, 3].map(() => attested()))
    const told = workers.map(({ agentId: agent, result }) => ({
      type: 'credence.attestation.result.revoked.v1' as const,
      data: {
        ...{ agent, result, because: 'anc_1', reason: 'Its signer lost the key.' },
        cause: 'anchor_withdrawn' as const,
        consequence: 'quarantine' as const,
      },
    }))
    await house.write('ATTESTATION', 'anchor/anc_1', ...told)
    for (const { agentId } of workers)
      expect(await house.stateOf(agentId, 'QUARANTINED')).toBe('AGENT_STATE_QUARANTINED')
  })
})

describe('a withdrawal on which many rest', () => {
  const MANY = 150

  it('holds each of them once, by whichever replica and way is first, and says why', { timeout: 90_000 }, async () => {
    const replica = await lives.replica()
    const agents = Array.from({ length: MANY }, () => ({ ...facts.agent(), result: facts.result().result }))
    await Promise.all(
      agents.map(async ({ result, ...agent }) => {
        const until = facts.hours(2, new Date())
        const made = { ...agent, expires_at: until }
        await house.happen(`agent/${agent.agent}`, facts.registered(made))
        await house.happen(`agent/${agent.agent}`, facts.activated(agent.agent, until, result))
        await house.attest(agent.agent, { result })
      }),
    )
    await allHeard()
    await Promise.all(agents.map(({ agent, result }) => revoke(agent, result)))
    const ids = new Set(agents.map(({ agent }) => agent))
    const held = async () =>
      (await lives.recorded('credence.identity.agent.quarantined.v1')).filter(({ data }) =>
        ids.has(data.agent as string),
      )
    await until(held, (found) => found.length >= MANY)
    // The reaction has heard of all of them as well.
    await allHeard()
    const found = await held()
    expect(found.map(({ data }) => data.agent).sort()).toEqual([...ids].sort())
    expect(new Set(found.map(({ data }) => data.cause))).toEqual(new Set(['reference_withdrawn']))
    await replica.running.stop()
  })
})

describe('another composition', () => {
  const changed = { accepted: false, changed: true, status: 'contraindicated' as const, expires_at: facts.hours(1) }

  it('puts a running agent into quarantine, and says by which codes', async () => {
    const worker = await attested()
    const reasons = ['model-signing/file_changed', 'agent-manifest/tools_changed', 'not a <code>']
    await house.attest(worker.agentId, { ...changed, reasons })
    expect(await house.stateOf(worker.agentId, 'QUARANTINED')).toBe('AGENT_STATE_QUARANTINED')
    await getsNothing(worker, 'agent_quarantined')
    expect((await holds(worker.agentId))[0]?.data).toMatchObject({
      cause: 'composition_changed',
      reason:
        'It is made of something else than what was approved: model-signing/file_changed, agent-manifest/tools_changed.',
    })
  })

  it('does nothing to one that never was active, and a result that is only refused holds nobody', async () => {
    const { agent } = await house.register(await newKey())
    const worker = await attested()
    await house.attest(agent?.id ?? '', changed)
    await house.attest(worker.agentId, { ...changed, changed: false })
    await allHeard()
    expect(await house.stateOf(agent?.id ?? '', 'REGISTERED')).toBe('AGENT_STATE_REGISTERED')
    expect(await house.stateOf(worker.agentId, 'ACTIVE')).toBe('AGENT_STATE_ACTIVE')
  })
})

describe('a missed deadline', () => {
  const LIFE_MS = 4_000

  it('suspends within about a second, once, however many replicas look; and attesting again lifts it', {
    timeout: 90_000,
  }, async () => {
    const replicas = await Promise.all([1, 2].map(() => lives.replica()))
    const worker = await attested({ expires_at: new Date(Date.now() + LIFE_MS).toISOString() })
    const deadline = Date.now() + LIFE_MS
    const [hold] = await until(
      () => holds(worker.agentId),
      (found) => found.length > 0,
    )
    expect(hold?.data).toMatchObject({ cause: 'attestation_expired' })
    const late = Date.parse(hold?.commit.time ?? '') - deadline
    expect(late).toBeGreaterThan(-1_000)
    expect(late).toBeLessThan(1_500)
    await getsNothing(worker, 'attestation_expired')
    // Each replica has looked again several times.
    await new Promise((resolve) => setTimeout(resolve, 2_000))
    expect(await holds(worker.agentId)).toHaveLength(1)

    await house.attest(worker.agentId)
    expect(await house.stateOf(worker.agentId, 'ACTIVE')).toBe('AGENT_STATE_ACTIVE')
    expect((await tokens.exchange(worker)).access_token).toBeDefined()
    await Promise.all(replicas.map(({ running }) => running.stop()))
  })

  it('is none when a newer result came in time; and a person’s suspension is not lifted by it', async () => {
    const worker = await attested({ expires_at: new Date(Date.now() + 2_000).toISOString() })
    await house.attest(worker.agentId)
    const other = await attested({ expires_at: new Date(Date.now() + 2_000).toISOString() })
    await until(
      () => holds(other.agentId),
      (found) => found.length > 0,
    )
    expect(await holds(worker.agentId)).toEqual([])
    const about = { agentId: other.agentId, ...because }
    await house.security.suspendAgent(about)
    await house.attest(other.agentId)
    await allHeard()
    expect(await house.stateOf(other.agentId, 'SUSPENDED')).toBe('AGENT_STATE_SUSPENDED')
    expect((await house.sponsor.restoreAgent(about)).agent?.state).toBe('AGENT_STATE_ACTIVE')
  })
})
