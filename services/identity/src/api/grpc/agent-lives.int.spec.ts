/** Lives of agents: states, who may change them, what ends with what, and that all of it is recorded. */
import { type Delegation, SpawnAgentRequest } from '@credence/contracts/gen/credence/identity/v1/identity'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BLUEPRINT, CEILING, described, type House, openHouse, type Worker } from '../../testing/house.ts'
import { type Lives, livesOf, refusalOf, registration, until } from '../../testing/lives.ts'
import { newKey, tokenClient, workersOf } from '../../testing/token-client.ts'

let house: House
let lives: Lives
let tokens: ReturnType<typeof tokenClient>
beforeAll(async () => {
  house = await openHouse()
  lives = await livesOf(house)
  tokens = tokenClient(house.stack.issuer, house.stack.authority.caFile)
})
afterAll(async () => {
  lives?.close()
  await house?.close()
})

const stateOf = async (agentId: string) => (await house.security.getAgent({ agentId, notBefore: [] })).agent?.state
const endOf = async (delegationId: string) =>
  (await house.security.getDelegation({ delegationId, notBefore: [] })).delegation?.end
/** Which OAuth error a refusal has is the matter of the exchange's own tests. */
const exchange = async (worker: Worker) => {
  const { status, error, access_token } = await tokens.exchange(worker)
  if (access_token) return 'token'
  return error && status < 500 ? 'refused' : `${status} ${error}`
}
const because = { reason: 'test' }

/** A blueprint of its own, so that what happens to it happens to nobody else. */
async function blueprint(name: string, part: object = {}) {
  await house.sponsor.createBlueprint({
    name,
    purpose: 'Books meetings',
    sponsor: '',
    owner: '',
    ceiling: CEILING,
    allowedModels: [{ provider: 'acme', name: 'small' }],
    maximumLifetimeSeconds: 86_400n,
    maximumSpawnDepth: 2,
    childrenSurvive: false,
    successorGroup: '',
    redirectUris: [],
    ...part,
  })
  return name
}

describe('an agent becomes active', () => {
  it('agent-activate-needs-sponsor-and-key: neither a blueprint without a sponsor nor an agent without a key comes to be', async () => {
    const lonely = { name: 'lonely', purpose: 'x', owner: '', ceiling: CEILING, maximumLifetimeSeconds: 60n }
    const rest = { maximumSpawnDepth: 0, childrenSurvive: false, successorGroup: '', redirectUris: [] }
    const asked = { ...lonely, ...rest, allowedModels: [{ provider: 'acme', name: 'small' }] }
    const none = { status: 'invalid_argument', field: 'sponsor' }
    expect(await refusalOf(house.platform.createBlueprint({ ...asked, sponsor: '' }))).toMatchObject(none)
    const nobody = 'hum_01k00000000000000000000000'
    expect(await refusalOf(house.platform.createBlueprint({ ...asked, sponsor: nobody }))).toMatchObject(none)
    const keyless = registration(await newKey(), { publicJwk: '' })
    expect(await refusalOf(house.platform.registerAgent(keyless))).toMatchObject({ field: 'public_jwk' })
  })

  it('agent-activate-needs-sponsor-and-key: good evidence does not make one active whose sponsor has left, or whose key was withdrawn', async () => {
    const nora = await house.person({ subject: 'nora', name: 'Nora', groups: ['credence-sponsors'] })
    const humanId = await lives.place('nora')
    await nora.createBlueprint({
      ...(await house.security.getBlueprint({ name: BLUEPRINT })).blueprint,
      name: 'noras',
      sponsor: '',
      owner: '',
      maximumLifetimeSeconds: 86_400n,
    } as never)
    const { agent: orphan } = await house.register(await newKey(), { blueprint: 'noras' })
    await house.platform.deactivateHuman({ humanId, ...because })
    await house.attest(orphan?.id ?? '')

    const key = await newKey()
    const { agent: keyless } = await house.register(key)
    await house.security.withdrawKey({ agentId: keyless?.id ?? '', keyThumbprint: key.thumbprint, ...because })
    await house.attest(keyless?.id ?? '')
    const restored = house.security.restoreAgent({ agentId: keyless?.id ?? '', ...because })
    expect(await refusalOf(restored)).toMatchObject({ status: 'failed_precondition', reason: 'no_key' })

    // A third, attested after both, has both: when it is active, the results of the others were seen.
    const { agent: witness } = await house.register(await newKey())
    await house.attest(witness?.id ?? '')
    expect(await house.stateOf(witness?.id ?? '', 'ACTIVE')).toBe('AGENT_STATE_ACTIVE')
    expect(await stateOf(orphan?.id ?? '')).toBe('AGENT_STATE_REGISTERED')
    expect(await stateOf(keyless?.id ?? '')).toBe('AGENT_STATE_QUARANTINED')
  })
})

describe('an agent is held', () => {
  it('suspend-blocks-and-revokes: no token from the next call on, what it passed on does not count, and restoring brings both back', async () => {
    const worker = await house.worker()
    const child = await workersOf(house).childOf(worker)
    expect([await exchange(worker), await exchange(child)]).toEqual(['token', 'token'])

    const { agent } = await house.sponsor.suspendAgent({ agentId: worker.agentId, ...because })
    expect(agent?.state).toBe('AGENT_STATE_SUSPENDED')
    expect([await exchange(worker), await exchange(child)]).toEqual(['refused', 'refused'])
    expect([await endOf(worker.delegation.id), await endOf(child.delegation.id)]).toEqual([
      'agent_suspended',
      'delegator_held',
    ])
    const key = await newKey()
    expect(await refusalOf(worker.client.spawnAgent(described(key)))).toMatchObject({ reason: 'agent_suspended' })
    expect(await refusalOf(house.delegate(worker.agentId))).toMatchObject({ reason: 'agent_suspended' })
    const pass = { delegationId: worker.delegation.id, agentId: child.agentId, authorizationDetails: CEILING }
    const more = { purpose: 'Help', lifetimeSeconds: 60n, maximumDepth: 0, narrow: false }
    expect(await refusalOf(worker.client.passOnDelegation({ ...pass, ...more }))).toMatchObject({
      reason: 'agent_suspended',
    })
    // Good evidence does not lift what a person decided.
    await house.attest(worker.agentId)
    expect(await exchange(worker)).toBe('refused')

    await house.sponsor.restoreAgent({ agentId: worker.agentId, ...because })
    expect([await exchange(worker), await exchange(child)]).toEqual(['token', 'token'])
    expect([await endOf(worker.delegation.id), await endOf(child.delegation.id)]).toEqual(['', ''])
  })

  it('a quarantine is lifted by security only, and takes the place of a suspension', async () => {
    const { agentId } = await house.worker()
    await house.platform.suspendAgent({ agentId, ...because })
    await house.security.quarantineAgent({ agentId, ...because })
    expect(await refusalOf(house.sponsor.restoreAgent({ agentId, ...because }))).toMatchObject({
      status: 'failed_precondition',
      reason: 'agent_quarantined',
    })
    await house.sponsor.suspendAgent({ agentId, ...because })
    expect(await stateOf(agentId)).toBe('AGENT_STATE_QUARANTINED')
    expect((await house.security.restoreAgent({ agentId, ...because })).agent?.state).toBe('AGENT_STATE_ACTIVE')
  })
})

describe('an agent ends', () => {
  it('retire-is-final: it gets nothing more, and neither restoring nor good evidence nor renewal brings it back', async () => {
    const worker = await house.worker()
    const child = await workersOf(house).childOf(worker)
    const { endedAgentIds } = await worker.client.retireAgent({ agentId: worker.agentId, reason: 'The work is done' })
    expect(endedAgentIds).toEqual([worker.agentId, child.agentId])
    expect([await stateOf(worker.agentId), await stateOf(child.agentId)]).toEqual([
      'AGENT_STATE_RETIRED',
      'AGENT_STATE_RETIRED',
    ])
    const gone = { status: 'failed_precondition', reason: 'agent_retired' }
    const about = { agentId: worker.agentId, ...because }
    expect(await refusalOf(house.security.restoreAgent(about))).toMatchObject(gone)
    expect(await refusalOf(house.security.suspendAgent(about))).toMatchObject(gone)
    expect(await refusalOf(house.security.quarantineAgent(about))).toMatchObject(gone)
    const renewal = { agentId: worker.agentId, lifetimeSeconds: 3_600n }
    expect(await refusalOf(worker.client.renewAgent(renewal))).toMatchObject(gone)
    await house.attest(worker.agentId)
    expect(await exchange(worker)).toBe('refused')
    expect(await exchange(child)).toBe('refused')
    // Ending what has ended says the same and writes nothing.
    const again = await house.security.revokeAgent(about)
    expect(again.endedAgentIds).toEqual([worker.agentId, child.agentId])
    expect(await stateOf(worker.agentId)).toBe('AGENT_STATE_RETIRED')
  })

  it('a revoked agent takes its whole subtree with it, by exactly one event; others live on', async () => {
    const name = await blueprint('tree')
    const { workerWith, childOf } = workersOf(house)
    const root = await workerWith({ register: { blueprint: name }, delegate: { maximumDepth: 2 } })
    const middle = await childOf(root, 1)
    const leaf = await childOf(middle)
    const other = await childOf(root)
    const before = (await house.read('IDENTITY')).length
    const { endedAgentIds } = await house.security.revokeAgent({ agentId: middle.agentId, ...because })
    const written = (await house.read('IDENTITY')).slice(before)
    expect(written.map(({ facts }) => facts.map(({ type }) => type))).toEqual([['credence.identity.agent.revoked.v1']])
    expect(endedAgentIds).toEqual([middle.agentId, leaf.agentId])
    expect([await exchange(root), await exchange(middle), await exchange(leaf), await exchange(other)]).toEqual([
      'token',
      'refused',
      'refused',
      'token',
    ])
    expect([await stateOf(leaf.agentId), await stateOf(other.agentId)]).toEqual([
      'AGENT_STATE_REVOKED',
      'AGENT_STATE_ACTIVE',
    ])
  })

  it('a child survives its parent where the blueprint says so; what the parent passed on does not', async () => {
    const name = await blueprint('survivors', { childrenSurvive: true })
    const { workerWith, childOf } = workersOf(house)
    const root = await workerWith({ register: { blueprint: name }, delegate: { maximumDepth: 2 } })
    const child = await childOf(root)
    const { endedAgentIds } = await house.security.revokeAgent({ agentId: root.agentId, ...because })
    expect(endedAgentIds).toEqual([root.agentId])
    expect([await stateOf(child.agentId), await endOf(child.delegation.id)]).toEqual([
      'AGENT_STATE_ACTIVE',
      'delegator_ended',
    ])
  })

  it('an ephemeral agent expires by itself, with an event; a continuous one renews, and never beyond its blueprint', {
    timeout: 60_000,
  }, async () => {
    const key = await newKey()
    const kind = 'AGENT_KIND_CONTINUOUS'
    const short = await house.register(await newKey(), { lifetimeSeconds: 2n })
    const { agent } = await house.register(key, { kind, lifetimeSeconds: 600n })
    const agentId = agent?.id ?? ''
    const continuous = house.asAgent(key, agent?.spiffeId ?? '')
    const renewal = { agentId, lifetimeSeconds: 3_600n }
    expect(await refusalOf(continuous.renewAgent(renewal))).toMatchObject({ reason: 'agent_not_active' })
    await house.attest(agentId)
    await house.stateOf(agentId, 'ACTIVE')
    const { agent: renewed } = await continuous.renewAgent(renewal)
    expect(Number(renewed?.expiresAt) - Number(agent?.expiresAt)).toBeGreaterThan(2_900_000)
    expect(await refusalOf(house.platform.renewAgent({ agentId, lifetimeSeconds: 86_401n }))).toMatchObject({
      field: 'lifetime_seconds',
    })
    const ephemeral = await house.worker()
    const other = { agentId: ephemeral.agentId, lifetimeSeconds: 3_600n }
    expect(await refusalOf(ephemeral.client.renewAgent(other))).toMatchObject({ reason: 'agent_ephemeral' })
    expect(await refusalOf(continuous.renewAgent(other))).toMatchObject({ reason: 'not_yourself' })

    const expired = await until(
      () => lives.recorded('credence.identity.agent.expired.v1'),
      (facts) => facts.length > 0,
    )
    expect(expired.map(({ data }) => data.agent)).toEqual([short.agent?.id])
    expect(expired[0]?.commit.actor).toMatchObject({ kind: 'workload' })
    expect(await stateOf(short.agent?.id ?? '')).toBe('AGENT_STATE_EXPIRED')
  })

  it('name-reuse-inherits-nothing: kc#51398, a name is given once; an agent made alike has none of what the one before had', async () => {
    const worker = await house.worker()
    await house.security.revokeAgent({ agentId: worker.agentId, ...because })
    const again = { ...registration(worker.key) }
    expect(await refusalOf(house.platform.registerAgent(again))).toMatchObject({ reason: 'key_taken' })
    const key = await newKey()
    const { agent } = await house.register(key)
    expect(agent?.id).not.toBe(worker.agentId)
    expect(agent?.spiffeId).not.toBe(worker.spiffeId)
    await house.attest(agent?.id ?? '')
    await house.stateOf(agent?.id ?? '', 'ACTIVE')
    const heir = { ...worker, key, spiffeId: agent?.spiffeId ?? '' }
    expect(await exchange(heir)).toBe('refused')
    const { delegations } = await house.security.listDelegations({
      humanId: '',
      agentId: agent?.id ?? '',
      liveOnly: false,
      pageSize: 0,
      pageToken: '',
    })
    expect(delegations).toEqual([])

    await house.security.withdrawBlueprint({ name: await blueprint('once'), ...because })
    expect(await refusalOf(blueprint('once'))).toMatchObject({ status: 'already_exists', reason: 'blueprint_exists' })
  })
})

describe('a withdrawn blueprint', () => {
  it('ends what its agents may do, and restored brings back what had not otherwise ended', async () => {
    const name = await blueprint('pausing')
    const { workerWith, childOf } = workersOf(house)
    const one = await workerWith({ register: { blueprint: name } })
    const two = await workerWith({ register: { blueprint: name } })
    const child = await childOf(two)
    const before = (await house.read('IDENTITY')).length
    await house.sponsor.withdrawBlueprint({ name, ...because })
    expect((await house.read('IDENTITY')).length).toBe(before + 1)
    expect([await exchange(one), await exchange(two)]).toEqual(['refused', 'refused'])
    expect([await stateOf(one.agentId), await endOf(one.delegation.id)]).toEqual([
      'AGENT_STATE_SUSPENDED',
      'blueprint_withdrawn',
    ])
    const more = registration(await newKey(), { blueprint: name })
    expect(await refusalOf(house.platform.registerAgent(more))).toMatchObject({ reason: 'blueprint_withdrawn' })
    await house.security.revokeAgent({ agentId: two.agentId, ...because })
    // What will not come back is not shown as if it would.
    expect([await stateOf(two.agentId), await stateOf(child.agentId)]).toEqual([
      'AGENT_STATE_REVOKED',
      'AGENT_STATE_REVOKED',
    ])
    await house.sponsor.restoreBlueprint({ name, ...because })
    expect([await exchange(one), await exchange(two)]).toEqual(['token', 'refused'])
  })
})

describe('spawning', () => {
  it('is for an active agent, within the depth of its blueprint, and no longer than it lives', async () => {
    const name = await blueprint('shallow', { maximumSpawnDepth: 1 })
    const root = await workersOf(house).workerWith({ register: { blueprint: name, lifetimeSeconds: 1_000n } })
    const long = { ...described(await newKey()), lifetimeSeconds: 2_000n }
    expect(await refusalOf(root.client.spawnAgent(long))).toMatchObject({ field: 'lifetime_seconds' })
    const child = await newKey()
    const { agent } = await root.client.spawnAgent({ ...described(child), lifetimeSeconds: 500n })
    expect(agent).toMatchObject({ parent: root.agentId, blueprint: name, state: 'AGENT_STATE_REGISTERED' })
    const below = { ...described(await newKey()), lifetimeSeconds: 100n }
    const asChild = house.asAgent(child, agent?.spiffeId ?? '')
    expect(await refusalOf(asChild.spawnAgent(below))).toMatchObject({ reason: 'agent_not_active' })
    await house.attest(agent?.id ?? '')
    await house.stateOf(agent?.id ?? '', 'ACTIVE')
    expect(await refusalOf(asChild.spawnAgent(below))).toMatchObject({ reason: 'depth_exhausted' })
    const taken = SpawnAgentRequest.create({ ...below, publicJwk: JSON.stringify(child.publicJwk) })
    expect(await refusalOf(root.client.spawnAgent(taken))).toMatchObject({ reason: 'key_taken' })
  })
})

describe('the record', () => {
  it('every-transition-audited: each step of a life is one event that tells who, why and what', async () => {
    const key = await newKey()
    const { agent } = await house.register(key, { kind: 'AGENT_KIND_CONTINUOUS' })
    const agentId = agent?.id ?? ''
    const client = house.asAgent(key, agent?.spiffeId ?? '')
    await house.attest(agentId)
    await house.stateOf(agentId, 'ACTIVE')
    const owner = await lives.place('olga')
    await house.sponsor.suspendAgent({ agentId, reason: 'Odd' })
    await house.security.quarantineAgent({ agentId, reason: 'Very odd' })
    await house.security.restoreAgent({ agentId, reason: 'Explained' })
    await client.renewAgent({ agentId, lifetimeSeconds: 7_200n })
    await house.sponsor.changeOwner({ of: { $case: 'agentId', value: agentId }, owner, reason: 'Moved' })
    await client.retireAgent({ agentId, reason: 'Done' })
    // Said again, it is not written again.
    await client.retireAgent({ agentId, reason: 'Done' })

    const commits = (await house.read('IDENTITY')).filter(({ subject }) => subject === `agent/${agentId}`)
    const told = commits.flatMap(({ facts, actor }) =>
      facts.map(({ type, data }) => [type.split('.').at(-2), actor.kind, 'reason' in data ? data.reason : undefined]),
    )
    expect(told).toEqual([
      ['registered', 'workload', undefined],
      ['activated', 'workload', undefined],
      ['suspended', 'human', 'Odd'],
      ['quarantined', 'human', 'Very odd'],
      ['restored', 'human', 'Explained'],
      ['renewed', 'agent', undefined],
      ['owner_changed', 'human', 'Moved'],
      ['retired', 'agent', 'Done'],
    ])
    const [registered] = commits
    expect(registered?.actor.id).toBe(`spiffe://${house.stack.trustDomain}/platform/workplace`)
    expect(commits.at(-1)?.actor.id).toBe(agent?.spiffeId)
    expect(commits[1]?.causation).toMatch(/^evt_/)
  })

  it('inactivity-not-telemetry-gap: an agent that got a token is in use though nothing else is heard of it; one that got none is not, whatever is heard', async () => {
    const used = await house.worker()
    const heard = await house.worker()
    const { agent: never } = await house.register(await newKey())
    await new Promise((resolve) => setTimeout(resolve, 5))
    const since = new Date()
    await house.attest(heard.agentId)
    expect(await exchange(used)).toBe('token')
    const list = async (unusedSince: Date) => {
      const filter = { terms: [], unusedSince, withoutSponsor: false, withoutOwner: false }
      const { agents } = await house.security.listAgents({ filter, pageSize: 500, pageToken: '', notBefore: [] })
      return agents.map(({ id }) => id)
    }
    // Tokens are heard of as all events are, so a moment may pass.
    const unused = await until(
      () => list(since),
      (ids) => !ids.includes(used.agentId),
    )
    expect(unused).not.toContain(used.agentId)
    expect(unused).toEqual(expect.arrayContaining([heard.agentId, never?.id]))
    const early = await list(new Date(Date.now() - 86_400_000))
    expect(early).toEqual([])
    const { agent } = await house.security.getAgent({ agentId: used.agentId, notBefore: [] })
    expect(Number(agent?.lastUsedAt)).toBeGreaterThanOrEqual(Number(since))
    expect((await house.security.getAgent({ agentId: heard.agentId, notBefore: [] })).agent?.lastUsedAt).toBeUndefined()
  })
})

describe('delegations of a leaver', () => {
  it('delegation-dies-with-grantor: it ends when the human leaves and stays so when they return; the agent lives on', async () => {
    const dora = await house.person({ subject: 'dora', name: 'Dora' })
    const humanId = await lives.place('dora')
    const worker = await house.worker()
    const wanted = { agentId: worker.agentId, authorizationDetails: CEILING, purpose: 'Mine', lifetimeSeconds: 600n }
    const given = await dora.grantDelegation({ ...wanted, maximumDepth: 0, notBefore: [], narrow: false })
    const delegation = given.delegation as Delegation
    const holder = { ...worker, delegation, delegationToken: given.delegationToken, ...(await house.grant(delegation)) }
    expect(await exchange(holder)).toBe('token')
    await house.security.deactivateHuman({ humanId, ...because })
    expect(await exchange(holder)).toBe('refused')
    expect(await endOf(delegation.id)).toBe('human_deactivated')
    expect(await refusalOf(dora.grantDelegation({ ...wanted, maximumDepth: 0, notBefore: [], narrow: false }))).toEqual(
      {
        status: 'unauthenticated',
        reason: 'human_deactivated',
      },
    )
    await house.platform.reactivateHuman({ humanId, ...because })
    expect([await endOf(delegation.id), await exchange(holder)]).toEqual(['human_deactivated', 'refused'])
    expect(await exchange(worker)).toBe('token')
    const anew = await dora.grantDelegation({ ...wanted, maximumDepth: 0, notBefore: [], narrow: false })
    expect(anew.delegation?.end).toBe('')
  })
})
