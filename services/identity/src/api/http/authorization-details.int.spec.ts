/** Rich authorization requests (RFC 9396) in the token exchange: what is asked is inside the grant, or nothing is given. */
import type { AuthorizationDetail } from '@credence/contracts/authority'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CALENDAR, detail } from '../../../../../infra/testing/facts.ts'
import { type House, openHouse, type Worker } from '../../testing/house.ts'
import { type Answer, outcomes, refusal, tokenClient, tokensIssued, workersOf } from '../../testing/token-client.ts'

const CRM = 'https://crm.acme.example'

let house: House
let worker: Worker
let http: ReturnType<typeof tokenClient>
let outcome: ReturnType<typeof outcomes>

beforeAll(async () => {
  house = await openHouse()
  http = tokenClient(house.stack.issuer, house.stack.authority.caFile)
  outcome = outcomes(() => house.read('IDENTITY'))
  worker = await house.worker()
}, 120_000)
afterAll(() => house?.close(), 60_000)

const outside = refusal('invalid_authorization_details')
const given = { status: 200, issued: 1 }

/** The worker, with another task whose grant holds these details. */
const under = async (...authorization_details: AuthorizationDetail[]): Promise<Worker> => ({
  ...worker,
  ...(await house.grant(worker.delegation, { authorization_details })),
})
/** An exchange that asks for these details: text as it is, everything else as JSON. */
const exchange = (asked: unknown, holder = worker, resource = CALENDAR): Promise<Answer> => {
  const authorization_details = typeof asked === 'string' ? asked : JSON.stringify(asked)
  return http.exchange(holder, { authorization_details, resource })
}
const ask = (asked: unknown, holder?: Worker, resource?: string) => outcome(() => exchange(asked, holder, resource))
const refuses = async (asked: unknown, holder?: Worker) =>
  expect(await ask(asked, holder), JSON.stringify(asked)).toEqual(outside)
const gives = async (asked: unknown, holder?: Worker) =>
  expect(await ask(asked, holder), JSON.stringify(asked)).toMatchObject(given)
/** A good detail but for one member. */
const bent = (member: string, value: unknown) => [{ ...detail(), [member]: value }]
const claimsOf = ({ access_token = '' }: Answer) => decodeJwt(access_token)

describe('what does not fit the type is refused', () => {
  it('rar-unknown-type: RFC 9396 §5, a type that is not known here is refused, beside a known one too', async () => {
    for (const type of ['payment_initiation', '', 'agent_permission ', null, 1, ['agent_permission'], undefined]) {
      await refuses(bent('type', type))
      await refuses([detail(), ...bent('type', type)])
    }
  })

  it('rar-unknown-member: RFC 9396 §5, a member that the type does not define is refused, and a missing one', async () => {
    const unknown = ['colour', 'identifier', 'privileges', 'datatypes', 'Actions', 'toString', 'constructor']
    for (const member of unknown) await refuses(bent(member, ['x']))
    const text = JSON.stringify([detail()])
    await refuses(text.replace('}]', ',"__proto__":{"actions":["crm.read"]}}]'))
    for (const member of ['locations', 'actions', 'resources'])
      for (const value of [undefined, null, 'calendar.read', { 0: 'x' }, [['calendar.read']], [null], [{}]])
        await refuses(bent(member, value))
  })

  it('rar-duplicate-member: RFC 9396 §5 with RFC 8259 §4, one member twice in an object is refused', async () => {
    const text = JSON.stringify(bent('actions', ['calendar.read']))
    const twice = (member: string) => text.replace('}]', `,${member}}]`)
    await gives(text)
    await refuses(twice('"actions":["calendar.book"]'))
    await refuses(twice('"actions":["calendar.read"]'))
    await refuses(twice('"\\u0061ctions":["calendar.book"]'))
    await refuses(text.replace('[{', '[{"type":"payment_initiation",'))
    await refuses(`[${text.slice(1, -1)},${twice('"resources":["CalendarEvent::1"]').slice(1)}`)
  })

  it('rar-number-unsafe: RFC 9396 §5 with RFC 8259 §6, a number that parsing would change is refused everywhere', async () => {
    for (const number of ['9007199254740993', '1e400', '-1e400', '123456789012345678901234567890'])
      for (const member of ['type', 'locations', 'actions', 'resources', 'limits', 'amount']) {
        const money = `{"amount":{"currency":"EUR","value":${number}}}`
        for (const value of [number, `[${number}]`, `{"count":${number}}`, money])
          await refuses(JSON.stringify(bent(member, '?')).replace('"?"', value))
      }
  })

  it('rar-empty-is-nothing: RFC 9396 §2, an empty array or member asks for nothing and gets nothing', async () => {
    const trailing = `[${JSON.stringify(detail())},]`
    for (const empty of [[], {}, [{}], [[]], [null], null, true, 7, detail(), '"x"', '[', 'x', '[,]', trailing])
      await refuses(empty)
    for (const member of ['locations', 'actions', 'resources'])
      for (const value of [[], '', ['']]) await refuses(bent(member, value))
  })

  it('rar-size-limit: RFC 9396 §11.4, 1 MiB is refused, declared or in chunks, and changes nothing', async () => {
    const before = (await house.read('IDENTITY')).length
    const actions = Array.from({ length: 40_000 }, (_, at) => `calendar.action-number-${at}`)
    const form = await http.form(worker, { authorization_details: JSON.stringify(bent('actions', actions)) })
    const body = form.toString()
    expect(body.length).toBeGreaterThan(2 ** 20)
    const dpop = await http.proof(worker)
    const chunked = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
    const inChunks = { dpop, 'transfer-encoding': 'chunked', 'content-length': undefined }
    for (const request of [
      { body, headers: { dpop } },
      { body: chunked, headers: inChunks },
    ]) {
      const answer = await http.raw(request)
      expect([400, 413]).toContain(answer.status)
      expect(JSON.parse(answer.text)).toMatchObject({ error: 'invalid_request' })
    }
    expect((await house.read('IDENTITY')).length).toBe(before)
    await refuses(Array.from({ length: 33 }, () => detail()))
    await refuses(bent('actions', ['calendar.'.padEnd(300, 'x')]))
  })
})

describe('narrower, one object by one object', () => {
  const part = (action: string, ...resources: string[]) => detail({ actions: [action], resources })
  const read = part('calendar.read', 'CalendarEvent::a/*')
  const book = part('calendar.book', 'CalendarEvent::b/*')

  it('rar-child-covered-by-one-parent: RFC 9396 §6.1, each object asked lies inside one object of the grant', async () => {
    const holder = await under(read, part('calendar.read', 'CalendarEvent::b/*'))
    const [a, b] = [part('calendar.read', 'CalendarEvent::a/1'), part('calendar.read', 'CalendarEvent::b/1')]
    await gives([a], holder)
    await gives([a, b], holder)
    await refuses([part('calendar.read', 'CalendarEvent::a/1', 'CalendarEvent::b/1')], holder)
    await refuses([a, part('calendar.read', 'CalendarEvent::c/1')], holder)
  })

  it('rar-union-cross-product-rejected: RFC 9396 §6.1, action of one object, resource of another: nobody gave that', async () => {
    const holder = await under(read, book)
    const actions = ['calendar.read', 'calendar.book']
    await gives([part('calendar.book', 'CalendarEvent::b/1')], holder)
    await refuses([part('calendar.read', 'CalendarEvent::b/1')], holder)
    await refuses([part('calendar.book', 'CalendarEvent::a/*')], holder)
    await refuses([detail({ actions, resources: ['CalendarEvent::a/1'] })], holder)
    await refuses([detail({ actions, resources: ['CalendarEvent::a/1', 'CalendarEvent::b/1'] })], holder)
  })

  it('tx-scope-never-wider: RFC 8693 §5 with RFC 9396 §6.1, what is asked beyond the grant is refused', async () => {
    const small = await under(read)
    await refuses([detail()], small)
    await refuses([read, book], small)
    expect(await outcome(() => http.exchange(small, { resource: CRM }))).toEqual(refusal('invalid_target'))
    const scoped = await outcome(() => http.exchange(small, { scope: 'calendar.*' }))
    expect(scoped).toMatchObject({ status: 400, issued: 0 })
  })

  it('tx-scope-never-wider-than-delegation: RFC 8693 §5, a grant beyond the delegation widens no token', async () => {
    const small = await workersOf(house).workerWith({ delegate: { authorizationDetails: [read] } })
    const { status, authorization_details } = await http.exchange(small)
    expect(status === 200 ? authorization_details : [read]).toEqual([read])
  })

  it('rar-absent-inherits-parent: RFC 9396 §6, without the parameter comes what the grant holds here, no more', async () => {
    const elsewhere = detail({ locations: [CRM], actions: ['crm.read'], resources: ['Customer::7'] })
    const answer = await http.exchange(await under(read, book, elsewhere))
    expect(answer.status).toBe(200)
    expect(answer.authorization_details).toEqual([read, book])
    expect(claimsOf(answer).authorization_details).toEqual([read, book])
  })

  it('rar-wildcard-set: RFC 9396 §6.1, a star stands at the end or nowhere, and covers downwards only', async () => {
    for (const action of ['calendar.*', 'calendar.read', 'calendar.event.read', 'calendar.event.*'])
      await gives(bent('actions', [action]))
    for (const action of [
      '*',
      '**',
      '.*',
      'calendar*',
      'calendar.re*',
      'calendar.*.read',
      '*.read',
      'calendar.**',
      'crm.*',
    ])
      await refuses(bent('actions', [action]))
    for (const resource of ['*', '*::*', 'Calendar*', 'CalendarEvent*', 'CalendarEvent::*/1', 'CalendarEvent::'])
      await refuses(bent('resources', [resource]))
    for (const location of ['*', 'https://*', 'https://*.acme.example', `${CALENDAR}*`, `${CALENDAR}/*`])
      await refuses(bent('locations', [location]))
    const narrow = await under(part('calendar.read', 'CalendarEvent::2026/*'))
    await gives([part('calendar.read', 'CalendarEvent::2026/7')], narrow)
    for (const action of ['calendar.*', 'calendar.read.*', 'calendar.book'])
      await refuses([part(action, 'CalendarEvent::2026/7')], narrow)
    for (const resource of ['CalendarEvent::*', 'CalendarEvent::2026*', 'CalendarEvent::2027/1'])
      await refuses([part('calendar.read', resource)], narrow)
  })

  it('rar-case-and-unicode: RFC 9396 §6.1, bytes compare: no folding, no trimming, no normalising', async () => {
    const named = await under(part('calendar.read', 'CalendarEvent::Abc'))
    const asked = (action: string, resource: string) => [part(action, resource)]
    await gives(asked('calendar.read', 'CalendarEvent::Abc'), named)
    const actions = ['Calendar.read', 'CALENDAR.READ', 'calendar.Read', 'calendar.read\n', ' calendar.read']
    const alike = [
      'calendar.r\u0435ad',
      'calendar\uff0eread',
      'calendar.read\u200b',
      'calendar.re\u0301ad',
      'calendar.read\0',
    ]
    for (const action of [...actions, ...alike]) await refuses(asked(action, 'CalendarEvent::Abc'), named)
    for (const id of ['abc', 'ABC', 'Abc\n', 'Abc ', 'Abc/', 'A\u0062\u0301c', '\uff21bc', './Abc'])
      await refuses(asked('calendar.read', `CalendarEvent::${id}`), named)
    for (const type of ['Agent_Permission', 'AGENT_PERMISSION', 'agent_permissi\u043en', 'agent_permission\n'])
      await refuses(bent('type', type))
  })
})

describe('details and audience', () => {
  it('rar-locations-match-aud: RFC 9396 §3.2, a token speaks only of the resource that it is for', async () => {
    const both = detail({ locations: [CALENDAR, CRM], actions: ['calendar.read'] })
    const holder = await under(both)
    for (const resource of [CALENDAR, CRM]) {
      const here = { ...both, locations: [resource] }
      const answer = await http.exchange(holder, { resource })
      expect(claimsOf(answer)).toMatchObject({ aud: resource, authorization_details: [here] })
    }
    await gives([{ ...both, locations: [CALENDAR] }], holder)
    await refuses([both], holder)
    await refuses([{ ...both, locations: [CRM] }], holder)
    for (const near of [`${CALENDAR}/`, CALENDAR.toUpperCase(), `${CALENDAR}:443`, `${CALENDAR}\n`, ` ${CALENDAR}`]) {
      await refuses(bent('locations', [near]))
      expect(await ask([detail()], worker, near), near).toEqual(refusal('invalid_target'))
    }
  })

  it('rar-granted-echoed: RFC 9396 §7, answer, token and record say the same: what was granted', async () => {
    const asked = [detail({ actions: ['calendar.read'], resources: ['CalendarEvent::1'] }), detail()]
    const answer = await exchange(asked)
    const claims = claimsOf(answer)
    expect(answer.authorization_details).toEqual(asked)
    expect(claims.authorization_details).toEqual(asked)
    const facts = tokensIssued(await house.read('IDENTITY')).map(({ data }) => data)
    const recorded = { token: claims.jti, audience: CALENDAR, grant: worker.grant, authorization_details: asked }
    expect(facts.at(-1)).toMatchObject(recorded)
  })
})
