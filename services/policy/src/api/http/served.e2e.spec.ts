/** AuthZEN at the real service: what stands in the record, what is used up, people who approve, SVIDs of the real identity. */
import { readFileSync } from 'node:fs'
import type { PublicJwk } from '@credence/contracts/events/identity'
import { IdentityServiceClient, IdentityServiceService } from '@credence/contracts/gen/credence/identity/v1/identity'
import { signAgentProof } from '@credence/shared/callers/agent-proof'
import { newId } from '@credence/shared/ids'
import { promised } from '@credence/shared/rpc/client'
import { clientCredentials } from '@credence/shared/rpc/tls'
import { exportJWK, generateKeyPair } from 'jose'
import { Agent, fetch as undiciFetch } from 'undici'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as facts from '../../../../../infra/testing/facts.ts'
import { freeze } from '../../../../../infra/testing/freeze.ts'
import { openPeopleHouse, type PeopleHouse, type Somebody } from '../../testing/people.ts'

const POLICIES = `
@id("agents-use-their-grants")
permit (principal is Agent, action, resource is Resource);
@id("deletes-are-approved") @require_approval("delegator") @approval_within("600")
forbid (principal, action == Action::"calendar.delete", resource);
@id("exactly-this-room")
permit (principal is Agent, action == Action::"room.book", resource is Room)
when { resource.seats == 9007199254740993 && resource.sensitivity == "internal" };
`
const SCHEMA = `
entity Room = { seats: Long };
action "room.book" appliesTo { principal: [Agent], resource: [Room] };
`
type Json = Record<string, unknown>

let house: PeopleHouse
let cora: Somebody
let certified: Agent
let anonymous: Agent

beforeAll(async () => {
  house = await openPeopleHouse()
  await house.activate(POLICIES, SCHEMA)
  cora = await house.person('cora')
  const files = await house.stack.workload('enforcement-point/calendar')
  const ca = readFileSync(files.caFile)
  certified = new Agent({ connect: { ca, cert: readFileSync(files.certFile), key: readFileSync(files.keyFile) } })
  anonymous = new Agent({ connect: { ca } })
}, 120_000)
afterAll(async () => {
  await Promise.all([certified?.destroy(), anonymous?.destroy()])
  await house?.close()
}, 60_000)

async function send(path: string, body?: object, headers: Record<string, string> = {}, dispatcher = certified) {
  const answer = await undiciFetch(`${house.stack.decisionPoint}${path}`, {
    method: body ? 'POST' : 'GET',
    headers: { 'content-type': 'application/json', ...headers },
    ...(body ? { body: JSON.stringify(body) } : {}),
    dispatcher,
  })
  const text = await answer.text()
  const isJson = answer.headers.get('content-type')?.endsWith('json')
  return { status: answer.status, headers: answer.headers, text, json: (isJson ? JSON.parse(text) : {}) as Json }
}
const evaluate = (question: object, headers?: Record<string, string>, dispatcher?: Agent) =>
  send('/access/v1/evaluation', question, headers, dispatcher)

async function atWork(detail: Parameters<typeof facts.detail>[0] = {}) {
  const worker = await house.agent({}, { human: cora.human })
  const { grant, position } = await worker.openTask({ authorizationDetails: [facts.detail(detail)] })
  const question = (part: { action?: string; id?: string; context?: object; subject?: object } = {}) => ({
    subject: part.subject ?? { type: 'agent', id: worker.agent },
    action: { name: part.action ?? 'calendar.book' },
    resource: { type: 'CalendarEvent', id: part.id ?? '2026/11', properties: { sensitivity: 'internal' } },
    context: { grant_id: grant?.id, token_id: 'token-1', audience: facts.CALENDAR, ...part.context },
  })
  return { worker, question, position }
}

const made = async () =>
  (await house.read('DECISIONS')).flatMap(({ facts: all }) =>
    all.flatMap(({ type, data }) => (type === 'credence.policy.decision.made.v1' ? [data] : [])),
  )

describe('an evaluation', () => {
  it('is recorded before it is answered, under the id that the caller gave it', async () => {
    const { question, worker } = await atWork()
    const { json } = await evaluate(question({ context: { credence_details: true } }), { 'x-request-id': 'call-1' })
    const { context } = json as { context: { decision_id: string; position: string } }
    const recorded = (await made()).find(({ decision }) => decision === context.decision_id)
    expect(recorded).toMatchObject({
      outcome: 'allow',
      protocol: 'authzen',
      agent: worker.agent,
      token: 'token-1',
      enforcement_point: `spiffe://${house.stack.trustDomain}/enforcement-point/calendar`,
      sensitivity: 'internal',
      request: 'call-1',
    })
  })

  it('that is no denial of what is not known yet: it waits for what the caller has seen', async () => {
    const { question, position } = await atWork()
    expect((await evaluate(question({ context: { not_before: [position] } }))).json).toEqual({ decision: true })
  })

  it('of a person is denied and recorded, and the person is not', async () => {
    const { question } = await atWork()
    const before = (await made()).length
    const alice = { type: 'user', id: 'alice@example.com', properties: { name: 'Alice' } }
    expect((await evaluate(question({ subject: alice }))).json).toEqual({ decision: false })
    const after = await made()
    expect(after.length).toBe(before + 1)
    expect(after.at(-1)).toMatchObject({ outcome: 'deny', agent: '' })
    expect(JSON.stringify(after)).not.toContain('alice')
  })

  it('brings numbers to the policies as they were written, and properties as the schema has them', async () => {
    const rooms = [facts.detail({ actions: ['room.*'], resources: ['Room::*'] })]
    const planner = facts.blueprint({ blueprint: 'room-planner', ceiling: rooms })
    await house.write('IDENTITY', 'blueprint/room-planner', facts.created(planner))
    const agent = newId('agt')
    const spiffe_id = `spiffe://acme.example/agent/room-planner/${agent}`
    const worker = await house.agent({ agent, spiffe_id, blueprint: 'room-planner' }, { authorization_details: rooms })
    const { grant } = await worker.openTask({ authorizationDetails: rooms })
    const ask = async (properties: string) => {
      const body = `{"subject":{"type":"agent","id":"${agent}"},"action":{"name":"room.book"},"resource":{"type":"Room","id":"1","properties":${properties}},"context":{"grant_id":"${grant?.id}","audience":"${facts.CALENDAR}"}}`
      const headers = { 'content-type': 'application/json' }
      const url = `${house.stack.decisionPoint}/access/v1/evaluation`
      return (await undiciFetch(url, { method: 'POST', body, headers, dispatcher: certified })).json()
    }
    expect(await ask('{"sensitivity":"internal","seats":9007199254740993}')).toEqual({ decision: true })
    expect(await ask('{"seats":9007199254740993 , "sensitivity" : "internal"}')).toEqual({ decision: true })
    for (const properties of [
      '{"sensitivity":"internal","seats":9007199254740992}',
      '{"seats":9007199254740993}',
      '{"sensitivity":"internal"}',
      '{"sensitivity":"internal","seats":9007199254740993,"location":"https://elsewhere.example"}',
      '{"sensitivity":"internal","seats":9007199254740993,"colour":"red"}',
    ])
      expect(await ask(properties), properties).toEqual({ decision: false })
  })

  it('follows a stop at once', async () => {
    const { question, worker } = await atWork()
    expect((await evaluate(question())).json).toEqual({ decision: true })
    await house.write('IDENTITY', `agent/${worker.agent}`, facts.agentRevoked(worker.agent))
    expect((await evaluate(question())).json).toEqual({ decision: false })
  })
})

describe('what is counted', () => {
  const once = { actions: ['calendar.book'], limits: { count: 1, patterns: [] } }

  it('is used once, however many ask at once', async () => {
    const { question } = await atWork(once)
    const answers = await Promise.all(Array.from({ length: 8 }, () => evaluate(question())))
    expect(answers.filter(({ json }) => json.decision === true).length).toBe(1)
  })

  it('is not used by what comes after the end of a batch, nor by a search', async () => {
    const { question } = await atWork({ ...once, limits: { count: 2, patterns: [] } })
    const { subject, action, resource, context } = question()
    const search = await send('/access/v1/search/action', { subject, resource, context })
    expect(search.json).toEqual({ results: [{ name: 'calendar.book' }] })
    const batch = { subject, action, resource, context, evaluations: [{}, {}, {}] }
    const options = { evaluations_semantic: 'permit_on_first_permit' }
    const ended = await send('/access/v1/evaluations', { ...batch, options })
    expect(ended.json).toEqual({ evaluations: [{ decision: true }] })
    const all = await send('/access/v1/evaluations', batch)
    expect((all.json.evaluations as Json[]).filter(({ decision }) => decision === true).length).toBe(1)
    expect((await send('/access/v1/search/action', { subject, resource, context })).json).toEqual({ results: [] })
  })
})

describe('an act that people have to approve', () => {
  it('is asked about, approved, and done once', async () => {
    const { question } = await atWork()
    const act = question({ action: 'calendar.delete', context: { arguments: { series: true } } })
    const detailed = { ...act, context: { ...act.context, credence_details: true } }
    const held = (await evaluate(detailed)).json as {
      decision: boolean
      context: { evaluation_id: string; access_request: { endpoint: string; expires_at: string } }
    }
    expect(held.decision).toBe(false)
    const { evaluation_id, access_request } = held.context
    expect(access_request.endpoint).toBe(`${house.stack.decisionPoint}/access/v1/requests`)
    const { subject, action, resource } = act
    const submission = {
      ...{ subject, action, resource },
      context: { business_justification: 'The series has moved' },
      denial: { evaluation_id, expires_at: access_request.expires_at },
    }
    const asked = await send('/access/v1/requests', submission)
    expect(asked.status).toBe(202)
    const { task } = asked.json as { task: { id: string; status: string; status_endpoint: string } }
    expect(task).toMatchObject({ status: 'pending', progress: { current_step: 1, total_steps: 1 } })
    expect(asked.headers.get('location')).toBe(task.status_endpoint)
    expect((await send('/access/v1/requests', submission)).json).toMatchObject({ task: { id: task.id } })
    const path = new URL(task.status_endpoint).pathname
    const pending = await send(path)
    expect([pending.status, pending.headers.get('retry-after')]).toEqual([200, '5'])
    expect((await evaluate(act)).json).toEqual({ decision: false })

    await cora.client.answerApproval({ approvalId: task.id, approve: true, comment: '' })
    const done = (await send(path)).json as { result: { approval: { id: string; approved_until: string } } }
    expect(done).toMatchObject({
      task: { status: 'approved' },
      result: { mode: 'reevaluate', approval: { id: task.id } },
    })
    const again = { ...act, context: { ...act.context, approval: done.result.approval } }
    const other = { ...again, context: { ...again.context, arguments: { series: false } } }
    expect((await evaluate(other)).json).toMatchObject({ decision: false, context: { next_action: 'request' } })
    expect((await evaluate(again)).json).toEqual({ decision: true, context: { approval: { id: task.id } } })
    expect((await evaluate(again)).json).toMatchObject({ decision: false, context: { next_action: 'request' } })
    expect((await send(path)).json).toMatchObject({ task: { status: 'approved' } })
  })

  it('is not asked about by what does not fit its denial (access request profile §error-responses)', async () => {
    const { question } = await atWork()
    const act = question({ action: 'calendar.delete', context: { credence_details: true } })
    const { subject, action, resource } = act
    const held = (await evaluate(act)).json as { context: { evaluation_id: string } }
    const allowed = (await evaluate(question({ context: { credence_details: true } }))).json as {
      context: { decision_id: string; position: string }
    }
    const { decision_id, position } = allowed.context
    const denial = { evaluation_id: held.context.evaluation_id }
    const other = await house.stack.workload('enforcement-point/customers')
    const elsewhere = new Agent({
      connect: { ca: readFileSync(other.caFile), cert: readFileSync(other.certFile), key: readFileSync(other.keyFile) },
    })
    const bound = 'urn:openid:authzen:access-request:error:invalid_denial_binding'
    const cases: [object, number, string, Agent?][] = [
      [{ subject, action, resource: { ...resource, id: '2026/12' }, denial }, 400, bound],
      [{ subject, action: { name: 'calendar.book' }, resource, denial }, 400, bound],
      [{ subject: { type: 'agent', id: newId('agt') }, action, resource, denial }, 400, bound],
      [{ subject, action, resource, denial: { evaluation_id: `${newId('dec')}@DECISIONS:1` } }, 400, bound],
      [{ subject, action, resource, denial: { evaluation_id: 'made-up' } }, 400, bound],
      [{ subject, action, resource, denial }, 400, bound, elsewhere],
      [
        {
          subject,
          action: { name: 'calendar.book' },
          resource,
          denial: { evaluation_id: `${decision_id}@${position}` },
        },
        400,
        'urn:openid:authzen:access-request:error:not_requestable',
      ],
      [{ subject, action, resource }, 400, 'about:blank'],
      [{ subject, action, resource, denial, items: [] }, 400, 'about:blank'],
    ]
    for (const [body, status, type, dispatcher] of cases) {
      const answer = await send('/access/v1/requests', body, {}, dispatcher)
      expect([answer.status, answer.json.type], answer.text).toEqual([status, type])
      expect(answer.headers.get('content-type')).toBe('application/problem+json')
    }
    await elsewhere.destroy()
    const unknown = await send(`/access/v1/requests/${newId('apr')}`)
    expect([unknown.status, unknown.json.type]).toEqual([404, 'urn:openid:authzen:access-request:error:unknown_task'])
  })
})

describe('pages of a search (§search-pagination)', () => {
  it('together hold every result once, and go on only with the same search', async () => {
    const ids = ['a', 'b', 'c', 'd', 'e']
    const { question } = await atWork({ resources: ids.map((id) => `CalendarEvent::${id}`) })
    const { subject, action, context } = question()
    const search = {
      subject,
      action,
      resource: { type: 'CalendarEvent', properties: { sensitivity: 'internal' } },
      context,
    }
    const found: string[] = []
    let token: string | undefined
    for (let pages = 0; token !== ''; pages++) {
      expect(pages).toBeLessThan(4)
      const page = token === undefined ? { limit: 2 } : { token }
      const { json } = await send('/access/v1/search/resource', { ...search, page })
      const { results, page: shown } = json as {
        results: { id: string }[]
        page: { next_token: string; count: number }
      }
      expect(results.length).toBe(shown.count)
      found.push(...results.map(({ id }) => id))
      token = shown.next_token
    }
    expect(found).toEqual(ids)
    const first = await send('/access/v1/search/resource', { ...search, page: { limit: 2 } })
    const { next_token: next } = first.json.page as { next_token: string }
    for (const changed of [
      { ...search, action: { name: 'calendar.read' }, page: { token: next } },
      { ...search, context: { ...context, source_address: '10.0.0.1' }, page: { token: next } },
      { ...search, page: { token: next, limit: 3 } },
    ]) {
      const { status, text } = await send('/access/v1/search/resource', changed)
      expect([status, text]).toEqual([400, 'page.token: belongs to another search: repeat everything but the token'])
    }
    expect((await send('/access/v1/search/resource', { ...search, page: { token: next, limit: 2 } })).status).toBe(200)
  })
})

describe('an enforcement point that is an agent', () => {
  it('asks with a JWT-SVID that identity issued for this decision point, until it is stopped', async () => {
    const { stack } = house
    const { privateKey, publicKey } = await generateKeyPair('EdDSA', { extractable: true })
    const id = newId('agt')
    const spiffeId = `spiffe://${stack.trustDomain}/agent/gateway/${id}`
    const jwk = (await exportJWK(publicKey)) as PublicJwk
    const { notBefore } = await house.agent({ agent: id, spiffe_id: spiffeId, blueprint: 'gateway', public_jwk: jwk })
    const identityId = `spiffe://${stack.trustDomain}/service/identity`
    const identity = promised(
      new IdentityServiceClient(
        `localhost:${stack.ports.identityPublic}`,
        clientCredentials(stack.authority.caFile, identityId),
      ),
      IdentityServiceService,
      async (path, request) => ({
        'agent-proof': await signAgentProof(privateKey, {
          ...{ algorithm: 'EdDSA', spiffeId, audience: identityId, path, request },
        }),
      }),
    )
    const tokenFor = async (audience: string) => (await identity.issueJwtSvid({ audience, lifetimeSeconds: 0n })).token
    const token = await tokenFor(stack.decisionPoint)
    const { question } = await atWork()
    const asked = question({ context: { not_before: notBefore } })
    const ask = (bearer: string) => evaluate(asked, { authorization: `Bearer ${bearer}` }, anonymous)
    expect((await ask(token)).json).toEqual({ decision: true })
    expect((await made()).at(-1)?.enforcement_point).toBe(spiffeId)
    expect((await ask(await tokenFor('https://other.example'))).status).toBe(401)
    const position = await house.write('IDENTITY', `agent/${id}`, facts.agentRevoked(id))
    // Whoever asks is looked at before anything is waited for; a question of somebody else waits for the stop.
    await evaluate(question({ context: { not_before: [position] } }))
    expect((await ask(token)).status).toBe(401)
    identity.close()
  })
})

// Last: it takes away what all others need.
describe('when it cannot be recorded', () => {
  it('nothing was decided: 503 and when to try again, never a denial', async () => {
    const { question } = await atWork()
    const { subject, action, resource, context } = question()
    const nats = house.stack.nats.process()
    await freeze(nats)
    try {
      const one = await evaluate(question())
      expect([one.status, one.headers.get('retry-after')]).toEqual([503, '1'])
      expect(one.headers.get('content-type')).toBe('text/plain; charset=utf-8')
      const all = { subject, action, resource, context, evaluations: [{}, {}] }
      expect((await send('/access/v1/evaluations', all)).status).toBe(503)
      expect((await send('/access/v1/search/action', { subject, resource, context })).status).toBe(503)
    } finally {
      nats.kill('SIGCONT')
    }
  })
})
