/** Agents found by what is known of them, and watched as they change. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DIGEST } from '../../../../../infra/testing/facts.ts'
import { BLUEPRINT, type House, openHouse } from '../../testing/house.ts'
import { type Lives, livesOf, refusalOf, registration } from '../../testing/lives.ts'
import { newKey } from '../../testing/token-client.ts'

let house: House
let lives: Lives
beforeAll(async () => {
  house = await openHouse()
  lives = await livesOf(house)
})
afterAll(async () => {
  lives?.close()
  await house?.close()
})

type Term = [field: string, value: string]
const filterOf = (terms: Term[], part: object = {}) => ({
  terms: terms.map(([field, value]) => ({ field, value })),
  withoutSponsor: false,
  withoutOwner: false,
  ...part,
})
const list = async (terms: Term[], part: object = {}) => {
  const page = { pageSize: 500, pageToken: '', notBefore: [] }
  const { agents } = await house.security.listAgents({ filter: filterOf(terms, part), ...page })
  return agents.map(({ id }) => id)
}
const made = async (part: Parameters<House['register']>[1] = {}) => {
  const key = await newKey()
  const { agent } = await house.register(key, part)
  return { key, id: agent?.id ?? '', spiffeId: agent?.spiffeId ?? '' }
}

describe('agents are found', () => {
  it('by any metadata, exactly or by how it begins; all terms must fit', async () => {
    const digest = 'b'.repeat(64)
    const one = await made({
      purpose: 'Sorts invoices',
      kind: 'AGENT_KIND_CONTINUOUS',
      autonomy: 'AGENT_AUTONOMY_AUTONOMOUS',
      model: { provider: 'acme', name: 'small', version: '7.1', digest },
      promptDigest: digest,
      toolManifestDigest: digest,
      labels: { team: 'billing', 'cost.centre': '4711' },
    })
    const two = await made({ purpose: 'Sorts mail', labels: { team: 'billing-east' } })
    const owner = await lives.place('olga')
    await house.sponsor.changeOwner({ of: { $case: 'agentId', value: one.id }, owner, reason: 'test' })
    const { sponsor = '' } = (await house.security.getBlueprint({ name: BLUEPRINT })).blueprint ?? {}
    const found: [Term[], string[]][] = [
      [[['id', one.id]], [one.id]],
      [[['id', `${one.id.slice(0, -1)}*`]], [one.id]],
      [[['purpose', 'Sorts invoices']], [one.id]],
      [[['purpose', 'Sorts*']], [one.id, two.id]],
      [[['purpose', 'sorts*']], []],
      [[['kind', 'continuous']], [one.id]],
      [[['kind', 'AGENT_KIND_CONTINUOUS']], [one.id]],
      [[['autonomy', 'autonomous']], [one.id]],
      [[['owner', owner]], [one.id]],
      [[['model.version', '7.1']], [one.id]],
      [[['model.version', '7*']], [one.id]],
      [[['model.digest', digest]], [one.id]],
      [[['prompt_digest', digest]], [one.id]],
      [[['tool_manifest_digest', digest]], [one.id]],
      [[['key_thumbprint', one.key.thumbprint]], [one.id]],
      [[['key_thumbprint', 'x'.repeat(43)]], []],
      [[['labels.team', 'billing']], [one.id]],
      [[['labels.team', 'billing*']], [one.id, two.id]],
      [[['labels.team', '*']], [one.id, two.id]],
      [[['labels.cost.centre', '4711']], [one.id]],
      [[['labels.constructor', 'x']], []],
      [[['blueprint', 'nothing-such']], []],
      [
        [
          ['labels.team', 'billing*'],
          ['labels.cost.centre', ''],
        ],
        [two.id],
      ],
      [
        [
          ['sponsor', sponsor],
          ['blueprint', BLUEPRINT],
          ['model.provider', 'acme'],
          ['model.name', 'small'],
          ['purpose', 'Sorts mail'],
        ],
        [two.id],
      ],
    ]
    for (const [terms, wanted] of found) expect(await list(terms), JSON.stringify(terms)).toEqual(wanted)
    expect(await list([['model.digest', DIGEST]])).toContain(two.id)
    expect(await list([['parent', '']])).toEqual(expect.arrayContaining([one.id, two.id]))
  })

  it('by the state that they are in now', async () => {
    const held = await made({ labels: { lot: 'states' } })
    const fresh = await made({ labels: { lot: 'states' } })
    await house.security.suspendAgent({ agentId: held.id, reason: 'test' })
    const lot: Term = ['labels.lot', 'states']
    expect(await list([lot, ['state', 'suspended']])).toEqual([held.id])
    expect(await list([lot, ['state', 'AGENT_STATE_REGISTERED']])).toEqual([fresh.id])
    await house.security.revokeAgent({ agentId: held.id, reason: 'test' })
    expect(await list([lot, ['state', 'suspended']])).toEqual([])
    expect(await list([lot, ['state', 'revoked']])).toEqual([held.id])
  })

  it('without a sponsor or an owner: those whose person has left', async () => {
    const nora = await house.person({ subject: 'nora', name: 'Nora', groups: ['credence-sponsors'] })
    const [sponsor, owner] = [await lives.place('nora'), await lives.place('oscar')]
    const { blueprint } = await house.security.getBlueprint({ name: BLUEPRINT })
    await nora.createBlueprint({ ...(blueprint as object), name: 'noras', sponsor: '', owner } as never)
    const { id } = await made({ blueprint: 'noras' })
    expect([await list([], { withoutSponsor: true }), await list([], { withoutOwner: true })]).toEqual([[], []])
    await house.platform.deactivateHuman({ humanId: owner, reason: 'test' })
    expect([await list([], { withoutSponsor: true }), await list([], { withoutOwner: true })]).toEqual([[], [id]])
    await house.platform.deactivateHuman({ humanId: sponsor, reason: 'test' })
    expect(await list([], { withoutSponsor: true })).toEqual([id])
    expect(await list([['blueprint', BLUEPRINT]], { withoutSponsor: true })).toEqual([])
  })

  it('not by a field or a word that there is not, a size or a page that is none: each is named, with what is allowed', async () => {
    const page = { filter: undefined, pageSize: 10, pageToken: '', notBefore: [] }
    const ask = (part: object) => house.security.listAgents({ ...page, ...part })
    const named = async (part: object) => {
      const error = await ask(part).then(
        () => undefined,
        (refused) => refused,
      )
      return [error?.violations?.[0]?.field, error?.violations?.[0]?.description]
    }
    for (const field of ['nothing', '', 'labels.', 'constructor', '__proto__', 'model'])
      expect(await named({ filter: filterOf([[field, 'x']]) })).toEqual([
        'filter.terms.0.field',
        expect.stringContaining('labels.<name>'),
      ])
    expect(await named({ filter: filterOf([['state', 'asleep']]) })).toEqual([
      'filter.terms.0.value',
      expect.stringContaining('quarantined'),
    ])
    const many = Array.from({ length: 17 }, (): Term => ['purpose', 'x'])
    expect(await named({ filter: filterOf(many) })).toEqual(['filter.terms', 'must be at most 16'])
    for (const pageSize of [-1, 501]) expect((await named({ pageSize }))[0]).toBe('page_size')
    const foreign = Buffer.from('blueprints\nmeeting-scheduler').toString('base64url')
    const strange = ['x', '====', foreign, Buffer.from('agents\nagt_nobody').toString('base64url'), 'x'.repeat(300)]
    for (const pageToken of strange) expect((await named({ pageToken }))[0], pageToken).toBe('page_token')
    expect((await named({ notBefore: ['EFFECTS:1'] }))[0]).toBe('not_before')
  })

  it('blueprints are listed in the order of their making, page by page', async () => {
    const { blueprint } = await house.security.getBlueprint({ name: BLUEPRINT })
    const names = ['zebra', 'aardvark', 'mole']
    for (const name of names)
      await house.sponsor.createBlueprint({ ...(blueprint as object), name, sponsor: '', owner: '' } as never)
    const seen: string[] = []
    let pageToken = ''
    do {
      const page = await house.security.listBlueprints({ pageSize: 2, pageToken })
      expect(page.blueprints.length).toBeLessThanOrEqual(2)
      seen.push(...page.blueprints.map(({ name }) => name))
      pageToken = page.nextPageToken
    } while (pageToken)
    expect(seen[0]).toBe(BLUEPRINT)
    expect(seen.slice(-3)).toEqual(names)
    expect(new Set(seen).size).toBe(seen.length)
  })
})

describe('agents are watched', () => {
  it('all that fit, then that this was all, then every change as it happens', async () => {
    const filter = filterOf([['labels.lot', 'watched']])
    const there = [await made({ labels: { lot: 'watched' } }), await made({ labels: { lot: 'watched' } })]
    await made({ labels: { lot: 'another' } })
    const watch = lives.watch({ filter })
    const { found } = await watch.there()
    expect(found.map(({ agent }) => agent?.id)).toEqual(there.map(({ id }) => id))

    const later = await made({ labels: { lot: 'watched' } })
    await made({ labels: { lot: 'another' } })
    expect(await watch.next()).toMatchObject({
      agent: { id: later.id, state: 'AGENT_STATE_REGISTERED' },
      current: true,
    })
    await house.security.suspendAgent({ agentId: there[0]?.id ?? '', reason: 'test' })
    expect((await watch.next()).agent).toMatchObject({ id: there[0]?.id, state: 'AGENT_STATE_SUSPENDED' })
    watch.cancel()
  })

  it('begins again after a position: what changed meanwhile, in its newest state, and nothing else', async () => {
    const label = { labels: { lot: 'resumed' } }
    const filter = filterOf([['labels.lot', 'resumed']])
    const [still, changed] = [await made(label), await made(label)]
    const first = lives.watch({ filter })
    const { position } = await first.there()
    first.cancel()
    await house.security.suspendAgent({ agentId: changed.id, reason: 'test' })
    await house.security.quarantineAgent({ agentId: changed.id, reason: 'test' })
    const born = await made(label)
    const second = lives.watch({ filter, after: position })
    const { found } = await second.there()
    expect(found.map(({ agent }) => [agent?.id, agent?.state])).toEqual([
      [changed.id, 'AGENT_STATE_QUARANTINED'],
      [born.id, 'AGENT_STATE_REGISTERED'],
    ])
    expect(found.map(({ agent }) => agent?.id)).not.toContain(still.id)
    second.cancel()

    // Broken off in the middle, the position of the last message is enough to miss nothing.
    const [last] = found
    const third = lives.watch({ filter, after: last?.position ?? '' })
    expect((await third.there()).found.map(({ agent }) => agent?.id)).toEqual([born.id])
    third.cancel()
  })

  it('tells what reaches an agent from above: the end of its parent, its blueprint withdrawn and restored, its sponsor changed', async () => {
    const { blueprint } = await house.security.getBlueprint({ name: BLUEPRINT })
    const name = 'above'
    await house.sponsor.createBlueprint({ ...(blueprint as object), name, sponsor: '', owner: '' } as never)
    const root = await made({ blueprint: name })
    await house.attest(root.id)
    await house.stateOf(root.id, 'ACTIVE')
    const request = { ...registration(await newKey()), lifetimeSeconds: 60n }
    const { agent: child } = await house.asAgent(root.key, root.spiffeId).spawnAgent(request)
    const watch = lives.watch({ filter: filterOf([['id', child?.id ?? '']]) })
    await watch.there()
    await house.sponsor.withdrawBlueprint({ name, reason: 'test' })
    expect((await watch.next()).agent?.state).toBe('AGENT_STATE_SUSPENDED')
    await house.sponsor.restoreBlueprint({ name, reason: 'test' })
    expect((await watch.next()).agent?.state).toBe('AGENT_STATE_REGISTERED')
    const heir = await house.person({ subject: 'hanna', name: 'Hanna' })
    const humanId = await lives.place('hanna')
    await house.sponsor.proposeSponsor({ name, sponsor: humanId })
    await heir.acceptSponsorship({ name })
    expect((await watch.next()).agent?.sponsor).toBe(humanId)
    await house.security.revokeAgent({ agentId: root.id, reason: 'test' })
    expect((await watch.next()).agent?.state).toBe('AGENT_STATE_REVOKED')
    watch.cancel()
  })

  it('tells once more of one that no longer fits', async () => {
    const filter = filterOf([
      ['labels.lot', 'fitting'],
      ['state', 'registered'],
    ])
    const { id } = await made({ labels: { lot: 'fitting' } })
    const watch = lives.watch({ filter })
    const { position } = await watch.there()
    await house.security.suspendAgent({ agentId: id, reason: 'test' })
    await house.security.quarantineAgent({ agentId: id, reason: 'test' })
    const next = await made({ labels: { lot: 'fitting' } })
    const told = [await watch.next()]
    while (told.at(-1)?.agent?.id !== next.id) told.push(await watch.next())
    expect(told.map(({ agent }) => agent?.id)).toEqual([id, next.id])
    watch.cancel()
    const again = lives.watch({ filter, after: position })
    expect((await again.there()).found.map(({ agent }) => [agent?.id, agent?.state])).toEqual([
      [id, 'AGENT_STATE_QUARANTINED'],
      [next.id, 'AGENT_STATE_REGISTERED'],
    ])
    again.cancel()
  })

  it('a reader who is slow is told the newest state of each agent, not every state between', async () => {
    const { blueprint } = await house.security.getBlueprint({ name: BLUEPRINT })
    const name = 'slow'
    await house.sponsor.createBlueprint({ ...(blueprint as object), name, sponsor: '', owner: '' } as never)
    const agents = 300
    const requests = Array.from({ length: agents }, async (_, at) => {
      return { key: String(at), registration: registration(await newKey('EdDSA'), { blueprint: name }) }
    })
    await lives.registerAll(await Promise.all(requests))
    const watch = lives.watch({ filter: filterOf([['blueprint', name]]) })
    // Nothing is read: what the transport does not hold waits in the service, once an agent.
    const rounds = 30
    for (let round = 0; round < rounds; round++) {
      await house.sponsor.withdrawBlueprint({ name, reason: 'test' })
      await house.sponsor.restoreBlueprint({ name, reason: 'test' })
    }
    const { id } = await made({ blueprint: name })
    await watch.there()
    let told = 1
    for (let last = await watch.next(); last.agent?.id !== id; told++) last = await watch.next()
    expect(told).toBeLessThan(2 * rounds * agents)
    watch.cancel()
  })

  it('not after a position of another stream, or none', async () => {
    for (const after of ['POLICY:1', 'IDENTITY:x', 'x']) {
      const refused = await refusalOf(lives.watch({ after }).next())
      expect(refused, after).toEqual({ status: 'invalid_argument', reason: 'invalid_field', field: 'after' })
    }
    const ahead = await refusalOf(lives.watch({ after: 'IDENTITY:999999' }).next())
    expect(ahead).toEqual({ status: 'unavailable', reason: 'not_current' })
  })
})
