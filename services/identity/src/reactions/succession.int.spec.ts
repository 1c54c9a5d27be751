/** What happens to agents when the person who answers for them leaves; and how that person is changed. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BLUEPRINT, type House, openHouse } from '../testing/house.ts'
import { type Lives, livesOf, refusalOf, until } from '../testing/lives.ts'
import { newKey, tokenClient, workersOf } from '../testing/token-client.ts'

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
const sponsors = ['credence-sponsors']
const blueprintOf = async (name: string) => (await house.security.getBlueprint({ name })).blueprint
const sponsorOf = async (name: string) => (await blueprintOf(name))?.sponsor
const stateOf = async (agentId: string) => (await house.security.getAgent({ agentId, notBefore: [] })).agent?.state
const changesOf = async (blueprint: string) =>
  (await lives.recorded('credence.identity.blueprint.sponsor_changed.v1')).filter(
    ({ data }) => data.blueprint === blueprint,
  )

/** A person with a blueprint that they answer for, placed in the company. */
async function sponsor(subject: string, part: object, place: Parameters<Lives['place']>[1] = {}) {
  const person = await house.person({ subject, name: subject, groups: sponsors })
  const humanId = await lives.place(subject, place)
  const name = `of-${subject}`
  await person.createBlueprint({
    ...((await blueprintOf(BLUEPRINT)) as object),
    name,
    sponsor: '',
    owner: '',
    ...part,
  } as never)
  return { person, humanId, name }
}

describe('a sponsor leaves', () => {
  it('sponsor-leaves-successor: the nearest manager who is there takes over at once; the agents go on, and answer to them', async () => {
    await lives.place('top')
    const manager = await lives.place('middle', { managerSubject: 'top' })
    const { humanId, name } = await sponsor('ann', {}, { managerSubject: 'middle' })
    const worker = await workersOf(house).workerWith({ register: { blueprint: name } })
    await house.platform.deactivateHuman({ humanId, ...because })
    expect(
      await until(
        () => sponsorOf(name),
        (now) => now === manager,
      ),
    ).toBe(manager)
    expect(await stateOf(worker.agentId)).toBe('AGENT_STATE_ACTIVE')
    expect((await tokens.exchange(worker)).access_token).toBeDefined()

    const [change, ...more] = await changesOf(name)
    expect(more).toEqual([])
    expect(change?.data).toMatchObject({ sponsor: manager, previous: humanId, cause: 'manager' })
    // The event by which the sponsor left is named as what led to it.
    const [left] = (await lives.recorded('credence.identity.human.deactivated.v1')).filter(
      ({ data }) => data.human === humanId,
    )
    expect(change?.commit.causation).toBe(left?.commit.id)

    const successor = await house.person({ subject: 'middle', name: 'Middle' })
    await successor.suspendAgent({ agentId: worker.agentId, ...because })
    expect(await stateOf(worker.agentId)).toBe('AGENT_STATE_SUSPENDED')
  })

  it('sponsor-leaves-successor: past managers who have left too, up to the one who is there', async () => {
    const top = await lives.place('chief')
    const gone = await lives.place('left-before', { managerSubject: 'chief' })
    const { humanId, name } = await sponsor('bob', {}, { managerSubject: 'left-before' })
    await house.platform.deactivateHuman({ humanId: gone, ...because })
    await house.platform.deactivateHuman({ humanId, ...because })
    expect(
      await until(
        () => sponsorOf(name),
        (now) => now === top,
      ),
    ).toBe(top)
  })

  it('sponsor-leaves-successor: without a manager the one of the group who has been here longest, also one who joins it later', async () => {
    const group = 'stewards'
    const first = await lives.place('steward-one', { groups: [group] })
    await lives.place('steward-two', { groups: [group] })
    const { humanId, name } = await sponsor('cleo', { successorGroup: group })
    await house.platform.deactivateHuman({ humanId, ...because })
    expect(
      await until(
        () => sponsorOf(name),
        (now) => now === first,
      ),
    ).toBe(first)
    expect((await changesOf(name))[0]?.data).toMatchObject({ cause: 'group' })

    const late = await sponsor('dan', { successorGroup: 'nobody-yet' })
    await house.platform.deactivateHuman({ humanId: late.humanId, ...because })
    const heir = await lives.place('steward-two', { groups: ['nobody-yet'] })
    expect(
      await until(
        () => sponsorOf(late.name),
        (now) => now === heir,
      ),
    ).toBe(heir)
  })

  it('sponsor-no-successor-suspends: after the time of grace, with several replicas once an agent; a new sponsor who accepts brings them back', {
    timeout: 60_000,
  }, async () => {
    const { humanId, name } = await sponsor('eve', {})
    const { workerWith } = workersOf(house)
    const one = await workerWith({ register: { blueprint: name } })
    const { agent: fresh } = await house.register(await newKey(), { blueprint: name })
    const { agent: done } = await house.register(await newKey(), { blueprint: name })
    await house.security.revokeAgent({ agentId: done?.id ?? '', ...because })
    await house.platform.deactivateHuman({ humanId, ...because })
    // Seven days of grace: it goes on.
    expect((await tokens.exchange(one)).access_token).toBeDefined()

    // Two replicas whose time of grace is a second.
    const replicas = await Promise.all([1, 2].map(() => lives.replica({ CREDENCE_SPONSOR_GRACE_SECONDS: '1' })))
    const suspended = await until(
      () => lives.recorded('credence.identity.agent.suspended.v1'),
      (facts) => facts.filter(({ data }) => data.cause === 'no_sponsor').length >= 2,
    )
    const orphaned = suspended.filter(({ data }) => data.cause === 'no_sponsor')
    expect(orphaned.map(({ data }) => data.agent).sort()).toEqual([one.agentId, fresh?.id].sort())
    expect(
      await until(
        () => stateOf(one.agentId),
        (state) => state === 'AGENT_STATE_SUSPENDED',
      ),
    ).toBe('AGENT_STATE_SUSPENDED')
    expect((await tokens.exchange(one)).access_token).toBeUndefined()
    const about = { agentId: one.agentId, ...because }
    expect(await refusalOf(house.security.restoreAgent(about))).toMatchObject({ reason: 'no_sponsor' })

    const heir = await house.person({ subject: 'frida', name: 'Frida' })
    const heirId = await lives.place('frida')
    await house.security.proposeSponsor({ name, sponsor: heirId })
    await heir.acceptSponsorship({ name })
    expect((await heir.restoreAgent(about)).agent?.state).toBe('AGENT_STATE_ACTIVE')
    expect((await tokens.exchange(one)).access_token).toBeDefined()
    await Promise.all(replicas.map(({ running }) => running.stop()))
    const all = await lives.recorded('credence.identity.agent.suspended.v1')
    expect(all.filter(({ data }) => data.cause === 'no_sponsor')).toHaveLength(2)
  })

  it('and comes back: still the sponsor, when nobody took over', async () => {
    const { humanId, name, person } = await sponsor('gina', {})
    await house.platform.deactivateHuman({ humanId, ...because })
    expect(await refusalOf(person.withdrawBlueprint({ name, ...because }))).toMatchObject({
      reason: 'human_deactivated',
    })
    await house.platform.reactivateHuman({ humanId, ...because })
    await person.withdrawBlueprint({ name, ...because })
    expect(await blueprintOf(name)).toMatchObject({ sponsor: humanId, withdrawn: true })
  })
})

describe('a sponsor is changed', () => {
  it('agent-last-sponsor-cannot-leave: transfer-needs-acceptance: whoever is proposed is it once they accept; until then the one before stays', async () => {
    const { humanId, name, person } = await sponsor('hugo', {})
    const ida = await house.person({ subject: 'ida', name: 'Ida' })
    const jan = await house.person({ subject: 'jan', name: 'Jan' })
    const idaId = await lives.place('ida')
    await person.proposeSponsor({ name, sponsor: idaId })
    expect(await blueprintOf(name)).toMatchObject({ sponsor: humanId, proposedSponsor: idaId })
    const { agent } = await house.register(await newKey(), { blueprint: name })
    expect(agent?.sponsor).toBe(humanId)
    expect(await refusalOf(jan.acceptSponsorship({ name }))).toEqual({
      status: 'permission_denied',
      reason: 'not_proposed',
    })
    expect(await refusalOf(ida.withdrawBlueprint({ name, ...because }))).toMatchObject({ reason: 'not_the_sponsor' })
    const { blueprint } = await ida.acceptSponsorship({ name })
    expect(blueprint).toMatchObject({ sponsor: idaId, proposedSponsor: '' })
    expect((await house.security.getAgent({ agentId: agent?.id ?? '', notBefore: [] })).agent?.sponsor).toBe(idaId)
    expect((await changesOf(name)).map(({ data, commit }) => [data.previous, data.cause, commit.actor.id])).toEqual([
      [humanId, 'accepted', idaId],
    ])
    // Who answered for it before has no say any more.
    expect(await refusalOf(person.suspendAgent({ agentId: agent?.id ?? '', ...because }))).toMatchObject({
      reason: 'not_the_sponsor',
    })
  })

  it('nobody is proposed who is not known, or has left', async () => {
    const gone = await lives.place('kurt')
    await house.platform.deactivateHuman({ humanId: gone, ...because })
    for (const who of [gone, 'hum_01k00000000000000000000000'])
      expect(await refusalOf(house.sponsor.proposeSponsor({ name: BLUEPRINT, sponsor: who }))).toMatchObject({
        status: 'invalid_argument',
        field: 'sponsor',
      })
    const of = { $case: 'blueprint' as const, value: BLUEPRINT }
    expect(await refusalOf(house.sponsor.changeOwner({ of, owner: gone, ...because }))).toMatchObject({
      field: 'owner',
    })
    expect(await refusalOf(house.sponsor.changeOwner({ of: undefined, owner: gone, ...because }))).toMatchObject({
      field: 'of',
    })
  })

  it('an owner is changed, of a blueprint and of an agent, each by one event', async () => {
    const { name, person } = await sponsor('lena', {})
    const owner = await lives.place('mia')
    await person.changeOwner({ of: { $case: 'blueprint', value: name }, owner, ...because })
    expect((await blueprintOf(name))?.owner).toBe(owner)
    const { agent } = await house.register(await newKey(), { blueprint: name })
    expect(agent?.owner).toBe(owner)
    const next = await lives.place('nils')
    await person.changeOwner({ of: { $case: 'agentId', value: agent?.id ?? '' }, owner: next, ...because })
    expect((await house.security.getAgent({ agentId: agent?.id ?? '', notBefore: [] })).agent?.owner).toBe(next)
  })
})
