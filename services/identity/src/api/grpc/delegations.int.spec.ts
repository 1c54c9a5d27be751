/** Delegations and mandates by gRPC: narrowing that is told, ends that reach down, who may read and end what. */
import type { AuthorizationDetail } from '@credence/contracts/authority'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as facts from '../../../../../infra/testing/facts.ts'
import { BLUEPRINT, CEILING, type House, openHouse } from '../../testing/house.ts'
import { type Lives, livesOf, refusalOf } from '../../testing/lives.ts'
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

const because = { reason: 'test' }
const [calendar, crm] = CEILING as [AuthorizationDetail, AuthorizationDetail]
const mail = facts.detail({ locations: ['https://mail.acme.example'], actions: ['mail.send'], resources: ['Mail::*'] })
const read = async (delegationId: string, by = house.security) =>
  (await by.getDelegation({ delegationId, notBefore: [] })).delegation
const same = (details: unknown) => JSON.parse(JSON.stringify(details))

describe('what is asked and does not fit', () => {
  it('is refused, with its place named, or cut away, recorded and told, as the caller wants', async () => {
    const { agentId } = await house.worker()
    const asked = { authorizationDetails: [calendar, mail] as never }
    expect(await refusalOf(house.delegate(agentId, asked))).toMatchObject({
      status: 'failed_precondition',
      reason: 'outside_ceiling',
      field: 'authorization_details.1',
    })
    const { delegation, dropped } = await house.delegate(agentId, { ...asked, narrow: true })
    expect(same(delegation?.authorizationDetails)).toMatchObject([calendar])
    expect(same(dropped)).toMatchObject([{ detail: mail, reason: 'outside_ceiling' }])
    const [fact] = (await lives.recorded('credence.identity.delegation.granted.v1')).filter(
      ({ data }) => data.delegation === delegation?.id,
    )
    expect(fact?.data).toMatchObject({ dropped: [{ detail: mail, reason: 'outside_ceiling' }] })
    const nothing = house.delegate(agentId, { authorizationDetails: [mail] as never, narrow: true })
    expect(await refusalOf(nothing)).toMatchObject({ reason: 'nothing_left' })
    const empty = house.delegate(agentId, { authorizationDetails: [], narrow: true })
    expect(await refusalOf(empty)).toMatchObject({ field: 'authorization_details' })
  })

  it('is cut on the way down as well: the child holds no more than its parent, and hears what it does not get', async () => {
    const narrow = facts.detail({ actions: ['calendar.read'] })
    const parent = await workersOf(house).workerWith({ delegate: { authorizationDetails: [narrow] as never } })
    const child = await workersOf(house).childOf(parent)
    const wanted = { delegationId: parent.delegation.id, agentId: child.agentId, purpose: 'Help' }
    const pass = { ...wanted, authorizationDetails: [calendar, crm] as never, lifetimeSeconds: 600n, maximumDepth: 0 }
    expect(await refusalOf(parent.client.passOnDelegation({ ...pass, narrow: false }))).toMatchObject({
      reason: 'outside_delegation',
    })
    const { delegation, dropped } = await parent.client.passOnDelegation({ ...pass, narrow: true })
    expect(same(delegation?.authorizationDetails)).toMatchObject([narrow])
    expect(dropped.map(({ reason }) => reason)).toEqual(['outside_delegation', 'outside_delegation'])
    const foreign = { ...pass, narrow: true, agentId: (await house.worker()).agentId }
    expect(await refusalOf(parent.client.passOnDelegation(foreign))).toMatchObject({ reason: 'not_your_child' })
    const stolen = child.client.passOnDelegation({ ...pass, narrow: true })
    expect(await refusalOf(stolen)).toMatchObject({ reason: 'delegation_of_another_agent' })
  })
})

describe('a delegation is revoked', () => {
  it('by exactly one event, and everything below it is dead', async () => {
    const { workerWith, childOf } = workersOf(house)
    const { blueprint } = await house.security.getBlueprint({ name: BLUEPRINT })
    const name = 'deep'
    const deep = { ...(blueprint as object), name, sponsor: '', owner: '', maximumSpawnDepth: 3 }
    await house.sponsor.createBlueprint(deep as never)
    const root = await workerWith({ register: { blueprint: name }, delegate: { maximumDepth: 3 } })
    const middle = await childOf(root, 2)
    const leaf = await childOf(middle, 1)
    const beside = await childOf(root, 1)
    const before = (await house.read('IDENTITY')).length
    const { endedDelegationIds } = await house.cora.revokeDelegation({ delegationId: middle.delegation.id, ...because })
    const written = (await house.read('IDENTITY')).slice(before).flatMap((commit) => commit.facts)
    expect(written).toMatchObject([
      { type: 'credence.identity.delegation.revoked.v1', data: { delegation: middle.delegation.id } },
    ])
    expect(endedDelegationIds).toEqual([middle.delegation.id, leaf.delegation.id])
    const outcomes = []
    for (const worker of [root, middle, leaf, beside])
      outcomes.push([
        (await tokens.exchange(worker)).access_token !== undefined,
        (await read(worker.delegation.id))?.end,
      ])
    expect(outcomes).toEqual([
      [true, ''],
      [false, 'delegation_revoked'],
      [false, 'delegation_revoked'],
      [true, ''],
    ])
  })

  it('by its human, by the agent that holds it, by security; not by others, and not by the agent below', async () => {
    const worker = await house.worker()
    const child = await workersOf(house).childOf(worker)
    const stranger = await house.person({ subject: 'stranger', name: 'Stranger' })
    const about = { delegationId: worker.delegation.id, ...because }
    for (const caller of [stranger, child.client, (await house.worker()).client])
      expect(await refusalOf(caller.revokeDelegation(about))).toEqual({
        status: 'permission_denied',
        reason: 'not_your_delegation',
      })
    await child.client.revokeDelegation({ delegationId: child.delegation.id, ...because })
    expect((await read(child.delegation.id))?.end).toBe('delegation_revoked')
    expect((await read(worker.delegation.id))?.end).toBe('')
    await house.security.revokeDelegation(about)
    expect((await read(worker.delegation.id))?.end).toBe('delegation_revoked')
  })
})

describe('delegations are read', () => {
  it('by their human, the agents of their chain, and those who oversee; by nobody else', async () => {
    const worker = await house.worker()
    const child = await workersOf(house).childOf(worker)
    const auditor = await house.person({ subject: 'aud', name: 'Aud', groups: ['credence-auditors'] })
    for (const by of [house.cora, worker.client, child.client, house.security, auditor])
      expect((await read(child.delegation.id, by))?.parent).toBe(worker.delegation.id)
    const stranger = await house.person({ subject: 'stranger', name: 'Stranger' })
    for (const by of [stranger, (await house.worker()).client, house.sponsor])
      expect(await refusalOf(read(child.delegation.id, by))).toMatchObject({ reason: 'not_your_delegation' })
    expect(await refusalOf(read(worker.delegation.id, child.client))).toMatchObject({ reason: 'not_your_delegation' })
  })

  it('page by page: one’s own, or anybody’s by those who oversee; all, or those that count', async () => {
    const petra = await house.person({ subject: 'petra', name: 'Petra' })
    const worker = await house.worker()
    const given: string[] = []
    for (let at = 0; at < 5; at++) {
      const wanted = { agentId: worker.agentId, authorizationDetails: CEILING as never, purpose: `No ${at}` }
      const rest = { lifetimeSeconds: 600n, maximumDepth: 0, notBefore: [], narrow: false }
      given.push((await petra.grantDelegation({ ...wanted, ...rest })).delegation?.id ?? '')
    }
    const humanId = (await read(given[0] ?? ''))?.human ?? ''
    await petra.revokeDelegation({ delegationId: given[1] ?? '', ...because })
    const all = async (by: typeof petra, part: object = {}) => {
      const ids: string[] = []
      let pageToken = ''
      do {
        const page = { humanId: '', agentId: '', liveOnly: false, pageSize: 2, pageToken, ...part }
        const { delegations, nextPageToken } = await by.listDelegations(page)
        expect(delegations.length).toBeLessThanOrEqual(2)
        ids.push(...delegations.map(({ id }) => id))
        pageToken = nextPageToken
      } while (pageToken)
      return ids
    }
    const living = given.filter((id) => id !== given[1])
    expect(await all(petra)).toEqual(given)
    expect(await all(petra, { liveOnly: true })).toEqual(living)
    expect(await all(petra, { agentId: worker.agentId })).toEqual(given)
    expect(await all(house.security, { humanId })).toEqual(given)
    expect(await all(house.security, { agentId: worker.agentId })).toEqual([worker.delegation.id, ...given])
    expect(await all(house.security)).toEqual([])
    expect(await refusalOf(all(house.cora, { humanId }))).toMatchObject({ reason: 'not_your_delegations' })
    await house.security.suspendAgent({ agentId: worker.agentId, ...because })
    expect(await all(petra, { liveOnly: true })).toEqual([])
    await house.security.restoreAgent({ agentId: worker.agentId, ...because })
    expect(await all(petra, { liveOnly: true })).toEqual(living)
  })
})

describe('a mandate', () => {
  const wanted = {
    blueprint: BLUEPRINT,
    authorizationDetails: [calendar] as never,
    purpose: 'Nightly tidying',
    lifetimeSeconds: 3_600n,
    maximumDepth: 1,
  }
  const autonomous = async (part: object = {}) => {
    const key = await newKey()
    const { agent } = await house.register(key, { autonomy: 'AGENT_AUTONOMY_AUTONOMOUS', ...part })
    const { id: agentId = '', spiffeId = '' } = agent ?? {}
    await house.attest(agentId)
    await house.stateOf(agentId, 'ACTIVE')
    return { key, agentId, spiffeId, client: house.asAgent(key, spiffeId) }
  }

  it('is signed off by the sponsor, drawn by an autonomous agent of the blueprint, and gives tokens until it is revoked', async () => {
    const { mandate } = await house.sponsor.grantMandate(wanted)
    const mandateId = mandate?.id ?? ''
    const agent = await autonomous()
    const { delegation, delegationToken } = await agent.client.drawMandate({ mandateId, notBefore: [] })
    expect(delegation).toMatchObject({ mandate: mandateId, human: mandate?.human, agentId: agent.agentId, end: '' })
    expect(same(delegation?.authorizationDetails)).toMatchObject([calendar])
    if (!delegation) throw new Error('no delegation')
    const task = await house.grant(delegation, { authorization_details: [calendar] })
    const holder = { ...agent, delegationToken, ...task }
    expect((await tokens.exchange(holder)).access_token).toBeDefined()

    const before = (await house.read('IDENTITY')).length
    const { endedDelegationIds } = await house.sponsor.revokeMandate({ mandateId, ...because })
    expect(endedDelegationIds).toEqual([delegation.id])
    expect((await house.read('IDENTITY')).length).toBe(before + 1)
    expect((await tokens.exchange(holder)).access_token).toBeUndefined()
    expect((await read(delegation.id))?.end).toBe('mandate_ended')
    expect(await refusalOf(agent.client.drawMandate({ mandateId, notBefore: [] }))).toMatchObject({
      reason: 'mandate_ended',
    })
  })

  it('stays inside the ceiling, belongs to one blueprint, and is not for agents that people delegate to; nobody delegates to autonomous ones', async () => {
    const above = { ...wanted, authorizationDetails: [mail] as never }
    expect(await refusalOf(house.sponsor.grantMandate(above))).toMatchObject({ reason: 'outside_ceiling' })
    for (const other of [house.security, house.cora])
      expect(await refusalOf(other.grantMandate(wanted))).toMatchObject({ reason: 'not_the_sponsor' })
    const { mandate } = await house.sponsor.grantMandate(wanted)
    const draw = { mandateId: mandate?.id ?? '', notBefore: [] }
    const delegated = await house.worker()
    expect(await refusalOf(delegated.client.drawMandate(draw))).toMatchObject({ reason: 'agent_delegated' })
    const { blueprint } = await house.security.getBlueprint({ name: BLUEPRINT })
    const name = 'elsewhere'
    await house.sponsor.createBlueprint({ ...(blueprint as object), name, sponsor: '', owner: '' } as never)
    const stranger = await autonomous({ blueprint: name })
    expect(await refusalOf(stranger.client.drawMandate(draw))).toMatchObject({
      reason: 'mandate_of_another_blueprint',
    })
    const held = await autonomous()
    await house.security.suspendAgent({ agentId: held.agentId, ...because })
    expect(await refusalOf(held.client.drawMandate(draw))).toMatchObject({ reason: 'agent_suspended' })
    expect(await refusalOf(house.delegate(held.agentId))).toMatchObject({ reason: 'agent_autonomous' })
  })
})
