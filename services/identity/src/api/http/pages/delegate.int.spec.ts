/** A person delegates by themselves: finds the agent, says what, reads what follows, says yes; and ends it. */
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { actionOf, type Fields, type Page, wordsOf } from '../../../../../../infra/dev/person.ts'
import * as facts from '../../../../../../infra/testing/facts.ts'
import { openPeopleHouse, type PeopleHouse } from '../../../testing/people.ts'
import { newKey } from '../../../testing/token-client.ts'

let house: PeopleHouse
let cora: Awaited<ReturnType<PeopleHouse['signedIn']>>
let agent: Awaited<ReturnType<PeopleHouse['agent']>>
beforeAll(async () => {
  house = await openPeopleHouse()
  cora = await house.signedIn('cora')
  agent = await house.agent()
}, 120_000)
afterAll(() => house?.close(), 60_000)

const form = () => cora.open(house.at(`/delegate/${agent.agentId}`))
const GOOD: Fields = { 'd0.actions': '0', 'd0.resources': '0', life: '28800', purpose: 'My meetings while I travel' }
const review = async (fields: Fields) => cora.submit(await form(), { ...GOOD, ...fields }, 'Review')
const grant = async (fields: Fields = {}): Promise<Page> => cora.submit(await review(fields), {}, 'Delegate')
const idOf = ({ url }: Page) => url.pathname.split('/').at(-1) ?? ''
const recorded = async (delegation: string) =>
  (await house.read('IDENTITY'))
    .flatMap(({ facts: all }) => all)
    .flatMap(({ type, data }) =>
      type === 'credence.identity.delegation.granted.v1' && data.delegation === delegation ? [data] : [],
    )[0]

describe('delegating', () => {
  it('goes from search to review to a live delegation, with a token for that agent alone', async () => {
    const search = await cora.open(house.at(`/delegate?q=${agent.agentId.slice(-8)}`))
    expect(wordsOf(search)).toContain(agent.agentId)
    const page = await cora.follow(search, agent.agentId)
    expect(wordsOf(page)).toMatch(/Do everything under “calendar” calendar.\*/)
    const shown = await cora.submit(page, { ...GOOD, depth: '1' }, 'Review')
    expect(wordsOf(shown)).toContain(
      'Let the agent meeting-scheduler do everything under “calendar” on all calendar events at calendar.acme.example for 8 hours, on your behalf?',
    )
    expect(wordsOf(shown)).toContain('My meetings while I travel')
    expect((await recorded('')) ?? null).toBeNull()
    const done = await cora.submit(shown, {}, 'Delegate')
    expect(wordsOf(done)).toMatch(/Delegated. The agent may begin as soon as it has the token below.*Live/)
    expect(await recorded(idOf(done))).toMatchObject({
      human: cora.human,
      agent: agent.agentId,
      authorization_details: [facts.detail()],
      maximum_depth: 1,
      purpose: 'My meetings while I travel',
    })
    const token = /<textarea[^>]*>([^<]+)</.exec(done.text)?.[1] ?? ''
    expect(decodeJwt(token)).toMatchObject({ jti: idOf(done), may_act: { sub: agent.spiffeId } })
  })

  it('can be narrower than the class in every way: acts, ids, limits, a time of one’s own', async () => {
    const done = await grant({
      'd0.actions.0.only': 'calendar.read, book',
      'd0.resources.0.begins': '2026/',
      'd0.amount': '420.00',
      'd0.currency': 'eur',
      'd0.count': '3',
      'd0.argument': 'room',
      'd0.pattern': 'Blue*',
      'd0.from': '2026-11-24T09:00',
      'd0.until': '2036-11-24T17:30',
      life: 'other',
      life_count: '90',
      life_unit: 'minutes',
    })
    const made = await recorded(idOf(done))
    expect(made?.authorization_details).toEqual([
      facts.detail({
        actions: ['calendar.read', 'calendar.book'],
        resources: ['CalendarEvent::2026/*'],
        limits: {
          amount: { currency: 'EUR', value: '420.00' },
          count: 3,
          patterns: [{ argument: 'room', pattern: 'Blue*' }],
          window: { from: '2026-11-24T09:00:00Z', until: '2036-11-24T17:30:00Z' },
        },
      }),
    ])
    expect(Date.parse(made?.expires_at ?? '') - Date.parse(made?.not_before ?? '')).toBe(5_400_000)
    for (const words of [
      'at most EUR 420.00 each time',
      'only where room begins with “Blue”',
      'whose id begins with “2026/”',
    ])
      expect(wordsOf(done)).toContain(words)
  })

  it('tells every mistake at its field, says what is allowed, keeps what was typed, and changes nothing', async () => {
    const before = (await house.read('IDENTITY')).length
    for (const [fields, id, message] of [
      [{ 'd0.actions': [], 'd0.resources': [] }, 'details', 'Tick at least one thing that the agent may do'],
      [{ 'd0.resources': [] }, 'd0.resources', 'Tick at least one thing that it may do this with'],
      [{ 'd0.actions': [] }, 'd0.actions', 'Tick at least one thing that it may do with'],
      [{ purpose: ' ' }, 'purpose', 'must not be empty'],
      [{ purpose: 'a\u202Eb' }, 'purpose', 'must not hold control or direction characters'],
      [{ 'd0.actions.0.only': 'Read Me!' }, 'd0.actions.0.only', 'Name actions under “calendar”'],
      [{ 'd0.resources.0.begins': 'a b' }, 'd0.resources.0.begins', 'letters, digits and . _ / @ - only'],
      [{ 'd0.amount': 'much', 'd0.currency': 'EUR' }, 'd0.amount', 'must be a decimal number'],
      [{ 'd0.amount': '1', 'd0.currency': 'Euro' }, 'd0.currency', 'must be an ISO 4217 code'],
      [{ 'd0.count': '0' }, 'd0.count', 'Too small'],
      [{ 'd0.argument': 'Room', 'd0.pattern': 'x' }, 'd0.argument', 'must be the name of an argument'],
      [{ 'd0.argument': 'room', 'd0.pattern': 'a*b' }, 'd0.pattern', 'must be exact, or have one star'],
      [{ 'd0.from': '2026-11-24T09:00', 'd0.until': '2026-11-24T08:00' }, 'd0.until', 'must begin before it ends'],
      [{ life: 'other', life_count: '31', life_unit: 'days' }, 'life_count', 'from 1 minute to 30 days'],
      [{ life: 'other', life_count: 'x' }, 'life_count', 'from 1 minute to 30 days'],
      [{ life: '7' }, 'life', 'Choose how long'],
    ] as [Fields, string, string][]) {
      const page = await review(fields)
      const error = new RegExp(`id="${id.replaceAll('.', '\\.')}-error">([^<]*)<`).exec(page.text)?.[1]
      expect([id, page.status, error]).toEqual([id, 400, expect.stringContaining(message)])
      expect(wordsOf(page)).toContain('Nothing was delegated')
      if (!('purpose' in fields)) expect(page.text).toContain('My meetings while I travel</textarea>')
    }
    expect((await house.read('IDENTITY')).length).toBe(before)
  })

  it('stays below the limits of the class, and says what they are', async () => {
    await house.sponsor.createBlueprint({
      name: 'payer',
      purpose: 'Pays invoices',
      sponsor: '',
      owner: '',
      ceiling: [
        facts.detail({
          actions: ['bank.pay'],
          resources: ['Invoice::*'],
          limits: { amount: { currency: 'EUR', value: '500.00' }, count: 10, patterns: [] },
        }),
      ],
      allowedModels: [{ provider: 'acme', name: 'small' }],
      maximumLifetimeSeconds: 86_400n,
      maximumSpawnDepth: 0,
      childrenSurvive: false,
      successorGroup: '',
      redirectUris: [],
    })
    const { agent: payer } = await house.register(await newKey(), { blueprint: 'payer' })
    const open = () => cora.open(house.at(`/delegate/${payer?.id}`))
    expect(wordsOf(await open())).toContain('Limits: at most EUR 500.00 each time and at most 10 times in all')
    const above = await cora.submit(await open(), { ...GOOD, 'd0.amount': '500.01', 'd0.currency': 'EUR' }, 'Review')
    expect(wordsOf(above)).toContain('The class of this agent allows at most EUR 500.00 each time; choose within that')
    const other = await cora.submit(await open(), { ...GOOD, 'd0.amount': '5', 'd0.currency': 'USD' }, 'Review')
    expect(other.status).toBe(400)
    const often = await cora.submit(await open(), { ...GOOD, 'd0.count': '11' }, 'Review')
    expect(wordsOf(often)).toContain('allows at most 10 times in all')
    // What is not typed is the limit of the class: it is never dropped.
    const done = await cora.submit(
      await cora.submit(await open(), { ...GOOD, 'd0.count': '2' }, 'Review'),
      {},
      'Delegate',
    )
    expect((await recorded(idOf(done)))?.authorization_details[0]?.limits).toEqual({
      amount: { currency: 'EUR', value: '500.00' },
      count: 2,
      patterns: [],
    })
  })

  it('grants what was reviewed and nothing else: a form that was changed after the review is refused', async () => {
    const shown = await review({})
    const changes: Fields[] = [
      { life: '604800' },
      { 'd1.actions': '0', 'd1.resources': '0' },
      { delegation: 'dlg_01m87nm6ctectrmyxxzy9z8vpd' },
    ]
    for (const fields of changes) {
      const hidden = [...shown.text.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)">/g)]
      const all = Object.fromEntries(hidden.map(([, name = '', value = '']) => [name, value]))
      const page = await cora.post(actionOf(shown, ['seal']), { ...all, step: 'grant', ...fields })
      expect([page.status, wordsOf(page)]).toEqual([403, expect.stringContaining('not what you were shown to review')])
    }
  })
  it('makes one delegation of two clicks', async () => {
    const shown = await review({})
    const pages = await Promise.all([cora.submit(shown, {}, 'Delegate'), cora.submit(shown, {}, 'Delegate')])
    expect(pages.map(({ status }) => status)).toEqual([200, 200])
    expect(new Set(pages.map(idOf)).size).toBe(1)
  })
  it('can be changed from the review, with everything as it was', async () => {
    const page = await cora.submit(await review({ depth: '1', 'd0.count': '3' }), {}, 'Change something')
    expect(page.text).toContain('My meetings while I travel</textarea>')
    expect(page.text).toMatch(/name="d0.actions" value="0" checked/)
    expect(page.text).toMatch(/name="d0.count" value="3"/)
  })
  it('is not offered for agents that cannot be delegated to', async () => {
    const ended = await house.agent()
    await house.security.revokeAgent({ agentId: ended.agentId, reason: 'test' })
    const page = await cora.open(house.at(`/delegate/${ended.agentId}`))
    expect([page.status, wordsOf(page)]).toEqual([
      409,
      expect.stringContaining('Nobody can delegate to this agent now'),
    ])
    expect(wordsOf(await cora.open(house.at(`/delegate?q=${ended.agentId}`)))).toContain('No agent fits')
    expect((await cora.open(house.at('/delegate/agt_nothing'))).status).toBe(404)
  })
})

describe('what was delegated', () => {
  it('is listed with the reason why it ended, and ended with a reason', async () => {
    const page = await grant({ purpose: 'To be ended soon' })
    const unreasoned = await cora.submit(page, { reason: '' }, 'End this delegation')
    expect([unreasoned.status, wordsOf(unreasoned)]).toEqual([
      400,
      expect.stringContaining('The reason must not be empty'),
    ])
    const ended = await cora.submit(page, { reason: 'Back at my desk' }, 'End this delegation')
    expect(wordsOf(ended)).toMatch(
      /Ended. The agent is refused from its next act on.*ended by you on .* Reason given: Back at my desk/,
    )
    const list = wordsOf(await cora.open(house.at('/delegations')))
    expect(list).toMatch(/Live .* Ended .*ended by you on .*To be ended soon/)
    const events = (await house.read('IDENTITY')).flatMap(({ facts: all, actor }) =>
      all.flatMap(({ type, data }) => (type === 'credence.identity.delegation.revoked.v1' ? [{ actor, data }] : [])),
    )
    expect(events).toContainEqual({
      actor: { kind: 'human', id: cora.human },
      data: { delegation: idOf(page), reason: 'Back at my desk' },
    })
  })
  it('ends with its agent, and says so', async () => {
    const other = await house.agent()
    const page = await cora.submit(
      await cora.submit(await cora.open(house.at(`/delegate/${other.agentId}`)), GOOD, 'Review'),
      {},
      'Delegate',
    )
    await house.security.revokeAgent({ agentId: other.agentId, reason: 'test' })
    expect(wordsOf(await cora.open(page.url))).toContain('Ended its agent was stopped for good')
  })
  it('is nobody else’s to see or end', async () => {
    const page = await grant()
    const milan = await house.signedIn('milan')
    expect((await milan.open(page.url)).status).toBe(404)
    const csrf = /name="csrf" value="([^"]+)"/.exec(milan.page.text)?.[1] ?? ''
    const ended = await milan.post(house.at(`/delegations/${idOf(page)}/end`), { csrf, reason: 'Mischief' })
    expect(ended.status).toBe(404)
    expect(wordsOf(await cora.open(page.url))).toContain('Live')
  })
  it('shows what was passed on, which ends with it', async () => {
    const parent = await house.worker()
    // The worker's delegation is from the bearer-token Cora, another issuer and so another person.
    const mine = await cora.submit(
      await cora.submit(await cora.open(house.at(`/delegate/${parent.agentId}`)), { ...GOOD, depth: '1' }, 'Review'),
      {},
      'Delegate',
    )
    const key = await newKey()
    const { agent: like } = await house.security.getAgent({ agentId: parent.agentId, notBefore: [] })
    const { agent: child } = await parent.client.spawnAgent({
      purpose: 'Helps',
      model: like?.model,
      promptDigest: like?.promptDigest ?? '',
      toolManifestDigest: like?.toolManifestDigest ?? '',
      publicJwk: JSON.stringify(key.publicJwk),
      lifetimeSeconds: 600n,
      labels: {},
    })
    await parent.client.passOnDelegation({
      delegationId: idOf(mine),
      agentId: child?.id ?? '',
      authorizationDetails: [facts.detail({ actions: ['calendar.read'] })],
      purpose: 'Help',
      lifetimeSeconds: 300n,
      maximumDepth: 0,
      narrow: false,
    })
    const page = wordsOf(await cora.open(mine.url))
    expect(page).toContain(`Passed on to ${child?.id}: read all calendar events at calendar.acme.example`)
    expect(page).toContain('and so is the one that it passed this on to')
    expect(wordsOf(await cora.open(house.at('/delegations')))).not.toContain(child?.id)
  })
})
