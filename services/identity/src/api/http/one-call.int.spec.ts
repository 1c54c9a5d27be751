/** The exchange in one call (RFC 8693): the endpoint opens the task at the real policy service, and tells what was narrowed. */
import { createHash } from 'node:crypto'
import type { AuthorizationDetail } from '@credence/contracts/authority'
import type { EventData } from '@credence/contracts/events/catalog'
import { newId } from '@credence/shared/ids'
import { decodeJwt } from 'jose'
import * as openid from 'openid-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as facts from '../../../../../infra/testing/facts.ts'
import { CALENDAR, DIGEST, detail } from '../../../../../infra/testing/facts.ts'
import { CEILING, type House, openHouse, type Worker } from '../../testing/house.ts'
import { openidClient, webClient } from '../../testing/standard-client.ts'
import * as client from '../../testing/token-client.ts'
import { refusal, tokenClient } from '../../testing/token-client.ts'

const TYPE = 'urn:ietf:params:oauth:token-type:'
const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'

let house: House
let worker: Worker
let http: ReturnType<typeof tokenClient>
let outcome: ReturnType<typeof client.outcomes>
let workerWith: ReturnType<typeof client.workersOf>['workerWith']

beforeAll(async () => {
  house = await openHouse()
  await house.stack.start('policy')
  http = tokenClient(house.stack.issuer, house.stack.authority.caFile)
  outcome = client.outcomes(() => house.read('IDENTITY'))
  ;({ workerWith } = client.workersOf(house))
  worker = await house.worker()
}, 120_000)
afterAll(() => house?.close(), 60_000)

const call = (fields: client.Fields = {}, holder: client.Holder = worker) =>
  http.exchange(holder, { grant_id: undefined, ...fields })
const comesTo = (fields: client.Fields = {}, holder: client.Holder = worker) => outcome(() => call(fields, holder))
const asking = (...details: unknown[]) => ({ authorization_details: JSON.stringify(details) })

type Opened = EventData<'credence.policy.task.opened.v1'>
type Issued = EventData<'credence.policy.grant.issued.v1'>
/** What policy has written of a task. */
async function taskOf(id: unknown): Promise<{ opened: Opened; issued: Issued; actor: object }> {
  for (const { facts: made, subject, actor } of await house.read('POLICY')) {
    const [opened, issued] = made
    if (subject === `task/${id}` && opened?.type === 'credence.policy.task.opened.v1')
      return { opened: opened.data, issued: issued?.data as Issued, actor }
  }
  throw new Error(`${id} was not opened`)
}
const tasks = async () =>
  (await house.read('POLICY')).filter(({ facts: [first] }) => first?.type === 'credence.policy.task.opened.v1').length
const lastRefusal = async () => {
  const made = (await house.read('IDENTITY')).flatMap((commit) => commit.facts)
  return made.filter(({ type }) => type === 'credence.identity.token.refused.v1').at(-1)?.data
}

describe('a token request without a grant', () => {
  it('tx-one-call: RFC 8693 §2.1 by openid-client, one standard request opens the task, issues the grant and gives the token', async () => {
    const { configuration, DPoP, close } = await openidClient(house, worker)
    const asked = [detail({ actions: ['calendar.book', 'mail.send'] }), detail({ actions: ['calendar.read'] })]
    const answer = await openid.genericGrantRequest(
      configuration,
      TOKEN_EXCHANGE,
      {
        subject_token: worker.delegationToken,
        subject_token_type: `${TYPE}jwt`,
        resource: CALENDAR,
        authorization_details: JSON.stringify(asked),
      },
      { DPoP },
    )
    await close()
    const given = [detail({ actions: ['calendar.book'] }), detail({ actions: ['calendar.read'] })]
    expect(answer).toMatchObject({
      token_type: 'dpop',
      issued_token_type: `${TYPE}access_token`,
      authorization_details: given,
      authorization_details_dropped: [{ detail: asked[0], reason: 'outside_delegation' }],
      grant_id: expect.stringMatching(/^grt_/),
      task_id: expect.stringMatching(/^tsk_/),
    })
    const { opened, issued, actor } = await taskOf(answer.task_id)
    expect(actor).toEqual({ kind: 'agent', id: worker.spiffeId })
    expect(opened).toMatchObject({
      agent: worker.agentId,
      delegation: worker.delegation.id,
      human: worker.delegation.human,
      purpose: worker.delegation.purpose,
      trigger: { type: 'token_request', source: worker.spiffeId, digest: expect.stringMatching(/^[0-9a-f]{64}$/) },
    })
    expect(issued).toMatchObject({ grant: answer.grant_id, authorization_details: given })
    const claims = decodeJwt(answer.access_token)
    expect(claims).toMatchObject({
      grant_id: answer.grant_id,
      task_id: answer.task_id,
      authorization_details: given,
      act: { sub: worker.spiffeId },
    })
    expect((claims.exp ?? 0) * 1000).toBeLessThanOrEqual(Date.parse(issued.expires_at))
    const recorded = client.tokensIssued(await house.read('IDENTITY')).at(-1)?.data
    expect(recorded).toMatchObject({ token: claims.jti, grant: answer.grant_id })
  })

  it('tx-one-call: RFC 8693 §2.1 by oauth4webapi, the same', async () => {
    const standard = await webClient(house, worker)
    const parameters = { subject_token: worker.delegationToken, subject_token_type: `${TYPE}jwt`, resource: CALENDAR }
    const answer = await standard.exchange(parameters)
    await standard.close()
    expect(answer).toMatchObject({ token_type: 'dpop', issued_token_type: `${TYPE}access_token` })
    expect((await taskOf(answer.task_id)).issued.grant).toBe(answer.grant_id)
  })

  it('rar-absent-inherits-parent: RFC 9396 §6, asking for nothing is asking for what the delegation holds at this resource', async () => {
    const answer = await call()
    expect(answer).toMatchObject({
      status: 200,
      authorization_details: [CEILING[0]],
      authorization_details_dropped: [],
    })
    const crm = 'https://crm.acme.example'
    const held = CEILING.filter(({ locations }) => locations.includes(crm))
    const there = held.map((one) => ({ ...one, locations: [crm] }))
    expect(await call({ resource: crm })).toMatchObject({ status: 200, authorization_details: there })
    expect(await comesTo({ resource: 'https://mail.acme.example' })).toEqual(refusal('invalid_target'))
  })

  it('rar-empty-is-nothing: RFC 9396 §2, and asking for an empty list is asking for nothing', async () => {
    const before = await tasks()
    for (const text of ['[]', '{}', '[{}]', 'null'])
      expect(await comesTo({ authorization_details: text }), text).toEqual(refusal('invalid_authorization_details'))
    expect(await tasks()).toBe(before)
  })

  it('rar-granted-echoed: RFC 9396 §7, what was dropped is told with its reason; when nothing is left there is no token', async () => {
    const outside = detail({ actions: ['mail.send'] })
    const answer = await call(asking(detail(), outside))
    expect(answer).toMatchObject({
      status: 200,
      authorization_details: [detail()],
      authorization_details_dropped: [{ detail: outside, reason: 'outside_delegation' }],
    })
    const nothing = await call(asking(outside))
    expect(nothing).toMatchObject({ status: 400, error: 'invalid_authorization_details' })
    expect(nothing.error_description).toContain('mail.send')
    expect(await lastRefusal()).toMatchObject({ error: 'invalid_authorization_details', reason: 'nothing_left' })
  })

  it('rar-locations-match-aud: RFC 9396 §3.2, details for another resource open no task', async () => {
    const before = await tasks()
    for (const locations of [['https://crm.acme.example'], [CALENDAR, 'https://crm.acme.example']])
      expect(await comesTo(asking(detail({ locations })))).toEqual(refusal('invalid_authorization_details'))
    expect(await tasks()).toBe(before)
  })

  it('rar-limits-pass-through: RFC 9396 §6.1, limits stay as they were asked, or are those of the delegation', async () => {
    const limits: AuthorizationDetail['limits'] = {
      amount: { currency: 'EUR', value: '420.00' },
      count: 3,
      patterns: [{ argument: 'recipient', pattern: '*@acme.example' }],
      window: { from: '2026-01-01T00:00:00Z', until: '2036-01-01T00:00:00Z' },
    }
    const limited = detail({ limits })
    const answer = await call(asking(limited))
    expect(answer).toMatchObject({ status: 200, authorization_details: [limited] })
    expect(decodeJwt(answer.access_token ?? '').authorization_details).toEqual([limited])
    const holder = await workerWith({ delegate: { authorizationDetails: [limited as never] } })
    expect((await call({}, holder)).authorization_details).toEqual([limited])
    expect(await call(asking(detail()), holder)).toMatchObject({
      authorization_details: [limited],
      authorization_details_dropped: [{ detail: detail(), reason: 'outside_delegation' }],
    })
    const { grant_id } = await call({}, holder)
    const under = { grant_id, ...asking(detail()) }
    expect(await comesTo(under, holder), 'rar-limit-dropped-is-wider').toEqual(refusal('invalid_authorization_details'))
  })
})

describe('the task that it opens', () => {
  const trigger = {
    trigger_type: 'ticket',
    trigger_source: 'https://desk.acme.example',
    trigger_id: 'T-7',
    trigger_digest: DIGEST,
  }

  it('has the trigger, purpose and lifetime that the request names', async () => {
    const answer = await call({ ...trigger, purpose: 'Answer ticket 7', task_lifetime: '120' })
    const { opened, issued } = await taskOf(answer.task_id)
    expect(opened).toMatchObject({
      purpose: 'Answer ticket 7',
      trigger: { type: 'ticket', source: 'https://desk.acme.example', id: 'T-7', digest: DIGEST },
    })
    const { iat = 0, exp = 0 } = decodeJwt(answer.access_token ?? '')
    expect(exp - iat).toBeLessThanOrEqual(121)
    expect(Date.parse(issued.expires_at)).toBeLessThanOrEqual((iat + 122) * 1000)
  })

  it('is told apart from every other by its trigger: the digest is over the parameters, and no token is in it', async () => {
    const [first, second] = [await call(asking(detail())), await call(asking(detail()))]
    const [one, two] = [await taskOf(first.task_id), await taskOf(second.task_id)]
    expect(one.opened.trigger.id).not.toBe(two.opened.trigger.id)
    expect(one.opened.trigger.digest).toBe(two.opened.trigger.digest)
    const parameters = [
      ['authorization_details', JSON.stringify([detail()])],
      ['client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'],
      ['client_id', worker.spiffeId],
      ['grant_type', TOKEN_EXCHANGE],
      ['resource', CALENDAR],
      ['subject_token_type', `${TYPE}jwt`],
    ]
    expect(one.opened.trigger.digest).toBe(createHash('sha256').update(JSON.stringify(parameters)).digest('hex'))
  })

  it('RFC 6749 §5.2: names what is wrong with its parameters, and then opens nothing', async () => {
    const before = await tasks()
    const bad: [string, client.Fields][] = [
      ['trigger_type', { ...trigger, trigger_type: 'mood' }],
      ['trigger_digest', { ...trigger, trigger_digest: 'x' }],
      ['trigger_source', { ...trigger, trigger_source: 'x'.repeat(257) }],
      ['trigger_id', { ...trigger, trigger_id: undefined }],
      ['trigger_digest', { trigger_type: 'ticket', trigger_source: 'a', trigger_id: 'b' }],
      ['purpose', { purpose: 'a\u202eb' }],
      ['purpose', { purpose: 'x'.repeat(501) }],
      ['task_lifetime', { task_lifetime: '0' }],
      ['task_lifetime', { task_lifetime: '86401' }],
      ['task_lifetime', { task_lifetime: '1e3' }],
      ['trigger_type', { ...trigger, grant_id: worker.grant }],
      ['delegation_id', { delegation_id: 'x' }],
      ['lifetime', { lifetime: '60' }],
    ]
    for (const [name, fields] of bad) {
      const answer = await call(fields)
      expect(answer, name).toMatchObject({ status: 400, error: 'invalid_request' })
      expect(answer.error_description).toContain(name)
      expect(answer).not.toHaveProperty('access_token')
    }
    expect(await tasks()).toBe(before)
  })

  it('is a task like any other: once it is completed, its grant gives nothing more', async () => {
    const { grant_id = '', task_id = '' } = await call()
    expect(await comesTo({ grant_id })).toMatchObject({ status: 200, issued: 1 })
    await house.endGrant(grant_id, task_id)
    expect(await comesTo({ grant_id })).toEqual(refusal('invalid_request'))
  })
})

describe('a person’s token in one call', () => {
  it('tx-person-token: RFC 8693 §2.1, the person’s own access token and nothing of ours: delegation, task and grant follow', async () => {
    const holder = await house.worker()
    const standard = await webClient(house, holder)
    const subject_token = await house.tokenFor({ subject: 'cora', name: 'Cora Example' })
    const answer = await standard.exchange({
      subject_token,
      subject_token_type: `${TYPE}access_token`,
      resource: CALENDAR,
    })
    await standard.close()
    expect(decodeJwt(answer.access_token)).toMatchObject({
      sub: holder.delegation.human,
      delegation_id: holder.delegation.id,
      grant_id: answer.grant_id,
      act: { sub: holder.spiffeId },
    })
  })
})

describe('when policy says no', () => {
  it('tx-actor-unauthorized-code: RFC 8693 §2.2.2, its reason is told and recorded, and nothing is issued', async () => {
    const held = await house.worker()
    const result = facts.result({
      agent: held.agentId,
      key_thumbprint: held.key.thumbprint,
      accepted: false,
      status: 'contraindicated',
      expires_at: facts.hours(1, new Date()),
    })
    await house.write('ATTESTATION', `result/${result.result}`, facts.recorded(result))
    expect(await comesTo({}, held)).toEqual(refusal('actor_unauthorized'))
    expect(await lastRefusal()).toMatchObject({ agent: held.agentId, reason: 'attestation_not_accepted' })
  })

  it('tx-actor-unauthorized-code: what its attestation rests on was withdrawn, or it is enough for nothing', async () => {
    const held = await house.worker()
    const reference = newId('ref')
    await house.attest(held.agentId, { references: [reference] })
    await house.write('ATTESTATION', `reference/${reference}`, facts.referenceWithdrawn(reference))
    expect(await comesTo({}, held)).toEqual(refusal('actor_unauthorized'))
    expect(await lastRefusal()).toMatchObject({ agent: held.agentId, reason: 'attestation_withdrawn' })
    await house.attest(held.agentId, { sufficient: [] })
    expect(await comesTo({}, held)).toEqual(refusal('actor_unauthorized'))
    expect(await lastRefusal()).toMatchObject({ agent: held.agentId, reason: 'attestation_insufficient' })
  })

  it('tx-errors-invalid-request-not-invalid-grant: RFC 8693 §2.2.2, a delegation that has ended opens nothing', async () => {
    const over = await house.worker()
    await house.cora.revokeDelegation({ delegationId: over.delegation.id, reason: 'Enough' })
    const before = await tasks()
    expect(await comesTo({}, over)).toEqual(refusal('invalid_request'))
    expect(await tasks()).toBe(before)
  })

  it('tx-policy-down-fails-closed: without policy there is no grant: 503 temporarily_unavailable; a grant that is there still counts', async () => {
    await house.stack.service('policy').stop()
    expect(await comesTo()).toEqual(refusal('temporarily_unavailable', 503))
    expect(await comesTo(asking(detail()))).toEqual(refusal('temporarily_unavailable', 503))
    expect(await comesTo({ grant_id: worker.grant })).toMatchObject({ status: 200, issued: 1 })
    await house.stack.start('policy')
    // The channel looks for a restarted service within a second.
    const deadline = Date.now() + 10_000
    let again = await call()
    while (again.status === 503 && Date.now() < deadline) again = await call()
    expect(again).toMatchObject({ status: 200, grant_id: expect.any(String) })
  })
})
