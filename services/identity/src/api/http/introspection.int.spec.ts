/** Introspection (RFC 7662): what counts now, told to those whom it concerns, and to nobody else. */
import type { Fact } from '@credence/contracts/events/catalog'
import { newId } from '@credence/shared/ids'
import type { SigningKey } from '@credence/shared/keys'
import { decodeJwt } from 'jose'
import * as openid from 'openid-client'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { CALENDAR } from '../../../../../infra/testing/facts.ts'
import { BLUEPRINT, type House, openHouse, type Worker } from '../../testing/house.ts'
import { serverKeyOf } from '../../testing/server-key.ts'
import { fetchWith, openidClient, webClient } from '../../testing/standard-client.ts'
import * as client from '../../testing/token-client.ts'
import { newKey, resigned, tokenClient } from '../../testing/token-client.ts'

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
const INACTIVE = { active: false }

let house: House
let worker: Worker
let http: ReturnType<typeof tokenClient>
let serverKey: SigningKey
let childOf: ReturnType<typeof client.workersOf>['childOf']
let workerWith: ReturnType<typeof client.workersOf>['workerWith']
/** The enforcement point in front of the calendar. */
let rooms: Awaited<ReturnType<typeof pointAt>>
const closing: (() => Promise<void>)[] = []

async function pointAt(path: string) {
  const tls = await house.stack.workload(path)
  const point = await webClient(house, { spiffeId: `spiffe://${house.stack.trustDomain}/${path}`, tls })
  closing.push(point.close)
  return point
}

beforeAll(async () => {
  house = await openHouse()
  http = tokenClient(house.stack.issuer, house.stack.authority.caFile)
  serverKey = await serverKeyOf(house)
  ;({ childOf, workerWith } = client.workersOf(house))
  worker = await house.worker()
  rooms = await pointAt('enforcement-point/rooms')
}, 120_000)
afterAll(async () => {
  await Promise.all(closing.map((close) => close()))
  await house?.close()
}, 60_000)

const tokenOf = async (holder: client.Holder, fields: client.Fields = {}): Promise<string> => {
  const { access_token, ...answer } = await http.exchange(holder, fields)
  if (!access_token) throw new Error(JSON.stringify(answer))
  return access_token
}
const selfToken = async (holder: client.Holder): Promise<string> =>
  (await http.grant(holder, { grant_type: 'client_credentials' })).access_token ?? ''
/** An agent asks about a token. */
const asks = async (holder: client.Holder, token: string, fields: Record<string, string> = {}) => {
  const body = new URLSearchParams({
    client_id: holder.spiffeId,
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: await http.assertion(holder),
    token,
    ...fields,
  })
  const answer = await http.raw({ path: '/introspect', body: body.toString() })
  return { status: answer.status, head: answer.head, body: answer.text ? JSON.parse(answer.text) : undefined }
}
/** Somebody with a certificate, or with none, sends this form. */
async function sends(path: string | undefined, body: string, headers: Record<string, string> = FORM, method = 'POST') {
  const tls = path === undefined ? undefined : await house.stack.workload(path)
  const { fetch: send, close } = fetchWith(house.stack.authority.caFile, tls)
  const init = method === 'POST' ? { method, body, headers } : { method }
  const response = await send(`${house.stack.issuer}/introspect`, init)
  const text = await response.text()
  await close()
  return { status: response.status, body: text ? JSON.parse(text) : undefined }
}

describe('a token that counts', () => {
  it('introspect-active: RFC 7662 §2.2 by oauth4webapi, an enforcement point learns what the token says', async () => {
    const child = await childOf(worker)
    const token = await tokenOf(child)
    const { iat, exp, iss, aud, jti, client_id, sub, act, cnf } = decodeJwt<Record<string, unknown>>(token)
    const told = await rooms.introspect(token)
    expect(told).toEqual({
      active: true,
      token_type: 'DPoP',
      ...{ iss, sub, aud, iat, exp, jti, client_id, act, cnf },
      sub_profile: 'user',
      client_profile: 'service ai_agent',
      authorization_details: expect.any(Array),
      agent_id: child.agentId,
      grant_id: child.grant,
      task_id: child.task,
      delegation_id: child.delegation.id,
    })
    expect(told.act).toMatchObject({ sub: child.spiffeId, act: { sub: worker.spiffeId } })
  })

  it('introspect-own: RFC 7662 §2.1 by openid-client and oauth4webapi, an agent learns about its own tokens, of every kind', async () => {
    const tokens = [await tokenOf(worker), await selfToken(worker), worker.delegationToken]
    const { configuration, close } = await openidClient(house, worker)
    const standard = await webClient(house, worker)
    closing.push(close, standard.close)
    for (const token of tokens) {
      const { jti, sub } = decodeJwt(token)
      for (const told of [await openid.tokenIntrospection(configuration, token), await standard.introspect(token)])
        expect(told).toMatchObject({ active: true, jti, sub })
    }
    const answer = await asks(worker, tokens[0] ?? '', { token_type_hint: 'refresh_token' })
    expect(answer).toMatchObject({ status: 200, body: { active: true } })
    expect(answer.head).toMatch(/cache-control: no-store/i)
  })
})

describe('who is not concerned', () => {
  it('introspect-audience-restricted: RFC 7662 §4, CVE-2026-37979, only for audiences that the roles file gives, only own tokens', async () => {
    const token = await tokenOf(worker)
    expect(await rooms.introspect(token)).toMatchObject({ active: true, aud: CALENDAR })
    for (const path of ['enforcement-point/crm', 'enforcement-point/unnamed', 'enforcement-point/calendar'])
      expect(await (await pointAt(path)).introspect(token), path).toEqual(INACTIVE)
    const other = await house.worker()
    expect((await asks(other, token)).body).toEqual(INACTIVE)
    expect((await asks(other, worker.delegationToken)).body).toEqual(INACTIVE)
    expect((await asks(other, await selfToken(worker))).body).toEqual(INACTIVE)
    // Not even the parent, whose delegation it came from.
    expect((await asks(worker, await tokenOf(await childOf(worker)))).body).toEqual(INACTIVE)
    for (const own of [await selfToken(worker), worker.delegationToken])
      expect(await rooms.introspect(own)).toEqual(INACTIVE)
  })

  it('introspect-needs-authentication: RFC 7662 §2.1, nobody else is told anything', async () => {
    const token = await tokenOf(worker)
    const body = new URLSearchParams({ token }).toString()
    const unproved = new URLSearchParams({ token, client_id: worker.spiffeId }).toString()
    for (const path of [undefined, 'platform/workplace', 'service/policy', 'enforcement-points/rooms'])
      for (const form of [body, unproved]) {
        const answer = await sends(path, form)
        expect([400, 401], `${path}`).toContain(answer.status)
        expect(answer.body).toMatchObject({ error: expect.stringMatching(/^invalid_(client|request)$/) })
      }
    const borrowed = `${body}&client_id=${encodeURIComponent('spiffe://acme.example/enforcement-point/crm')}`
    expect(await sends('enforcement-point/rooms', borrowed)).toMatchObject({
      status: 401,
      body: { error: 'invalid_client' },
    })
    const assertion = await http.assertion(worker)
    const again = { client_assertion: assertion }
    expect((await asks(worker, token, again)).status).toBe(200)
    expect(await asks(worker, token, again), 'assertion-replay').toMatchObject({
      status: 401,
      body: { error: 'invalid_client' },
    })
    expect(
      await asks(worker, token, {
        client_assertion: await http.assertion(worker, { aud: `${house.stack.issuer}/introspect` }),
      }),
    ).toMatchObject({ status: 401 })
  })

  it('introspect-bad-request: RFC 7662 §2.3, one token, as a form, by POST', async () => {
    const path = 'enforcement-point/rooms'
    const token = await tokenOf(worker)
    for (const body of ['', 'token=', 'x=1', `token=${token}&token=${token}`])
      expect(await sends(path, body), body.slice(0, 9)).toMatchObject({
        status: 400,
        body: { error: 'invalid_request' },
      })
    for (const type of ['application/json', 'text/plain', 'multipart/form-data; boundary=x'])
      expect(await sends(path, `token=${token}`, { 'content-type': type })).toMatchObject({ status: 400 })
    expect((await sends(path, '', FORM, 'GET')).status).toBe(405)
    expect((await sends(path, `token=${'x'.repeat(60_000)}`)).status).toBe(413)
    expect((await asks(worker, '')).status).toBe(400)
    const refused = (await house.read('IDENTITY')).flatMap(({ facts }) =>
      facts.flatMap(({ type, data }) => (type === 'credence.identity.client.refused.v1' ? [data] : [])),
    )
    const client = `spiffe://${house.stack.trustDomain}/${path}`
    expect(refused).toContainEqual(expect.objectContaining({ client, error: 'invalid_request', reason: 'no_form' }))
  })
})

describe('a token that does not count is not active, and nothing more is said: RFC 7662 §2.2', () => {
  const inactive = async (token: string) => expect(await rooms.introspect(token)).toEqual(INACTIVE)

  it('introspect-not-ours: signed by others, of another kind, bent, over, or no token at all', async () => {
    const token = await tokenOf(worker)
    const { privateKey } = await newKey()
    const past = Math.floor(Date.now() / 1000) - 5
    const bent = [
      resigned(token, {}, privateKey),
      resigned(token, { claims: { exp: past } }, serverKey.privateKey),
      resigned(token, { claims: { iss: 'https://evil.example' } }, serverKey.privateKey),
      resigned(token, { claims: { cnf: undefined } }, serverKey.privateKey),
      resigned(token, { claims: { delegation_id: newId('dlg') } }, serverKey.privateKey),
      resigned(token, { claims: { grant_id: newId('grt') } }, serverKey.privateKey),
      resigned(token, { claims: { act: undefined } }, serverKey.privateKey),
      resigned(token, { header: { typ: 'JWT' } }, serverKey.privateKey),
      house.tokenFor({ subject: 'cora', name: 'Cora' }),
      http.assertion(worker),
    ]
    for (const one of await Promise.all(bent)) await inactive(one)
    for (const one of [client.unsecured({ typ: 'at+jwt' }, decodeJwt(token)), 'x', 'a.b.c', `${token}x`])
      await inactive(one)
    for (const one of ['opaque', `${token}x`]) expect((await asks(worker, one)).body).toEqual(INACTIVE)
    await rooms.introspect(token).then((told) => expect(told.active).toBe(true))
  })

  it('introspect-grant-ended: the task is done', async () => {
    const { grant, task } = await house.grant(worker.delegation)
    const token = await tokenOf(worker, { grant_id: grant })
    expect((await rooms.introspect(token)).active).toBe(true)
    await house.endGrant(grant, task)
    await inactive(token)
  })

  it('chain-revoked-middle-kills-below: RFC 7662 §2.2, a delegation anywhere up the chain has ended', async () => {
    const parent = await house.worker()
    const child = await childOf(parent)
    const [above, below] = [await tokenOf(parent), await tokenOf(child)]
    await house.cora.revokeDelegation({ delegationId: child.delegation.id, reason: 'Enough' })
    await inactive(below)
    expect((await rooms.introspect(above)).active).toBe(true)
    const another = await childOf(parent)
    const alsoBelow = await tokenOf(another)
    await house.cora.revokeDelegation({ delegationId: parent.delegation.id, reason: 'Enough' })
    for (const token of [above, alsoBelow]) await inactive(token)
    for (const holder of [parent, another]) expect((await asks(holder, holder.delegationToken)).body).toEqual(INACTIVE)
  })

  it('introspect-agent-ended: RFC 7662 §2.2, an agent or its parent has ended', async () => {
    const parent = await house.worker()
    const child = await childOf(parent)
    const tokens = [await tokenOf(parent), await tokenOf(child)]
    await house.security.revokeAgent({ agentId: parent.agentId, reason: 'Compromised' })
    for (const token of tokens) await inactive(token)
  })

  const ends: [string, (holder: Worker) => [string, Fact]][] = [
    [
      'introspect-agent-suspended: RFC 7662 §2.2, an agent that is suspended keeps no token',
      ({ agentId: agent }) => [
        `agent/${agent}`,
        { type: 'credence.identity.agent.suspended.v1', data: { agent, cause: 'operator', reason: 'Odd' } },
      ],
    ],
    [
      'introspect-agent-quarantined: an agent is suspected',
      ({ agentId: agent }) => [
        `agent/${agent}`,
        { type: 'credence.identity.agent.quarantined.v1', data: { agent, cause: 'operator', reason: 'Odd' } },
      ],
    ],
    [
      'introspect-agent-retired: the work of an agent is done',
      ({ agentId: agent }) => [
        `agent/${agent}`,
        { type: 'credence.identity.agent.retired.v1', data: { agent, reason: 'Done' } },
      ],
    ],
    [
      'introspect-key-withdrawn: RFC 9449 §6, the key that a token is bound to counts no more',
      ({ agentId: agent, key }) => [
        `agent/${agent}`,
        {
          type: 'credence.identity.agent.key_withdrawn.v1',
          data: { agent, key_thumbprint: key.thumbprint, reason: 'Leaked' },
        },
      ],
    ],
  ]
  for (const [name, end] of ends)
    it(name, async () => {
      const holder = await house.worker()
      const token = await tokenOf(holder)
      expect((await rooms.introspect(token)).active).toBe(true)
      await house.happen(...end(holder))
      await inactive(token)
    })

  it('introspect-suspended-parent: one that passed the delegation on is held; restored, what had not ended counts again', async () => {
    const parent = await house.worker()
    const token = await tokenOf(await childOf(parent))
    const { agentId: agent } = parent
    const data = { agent, reason: 'Odd' }
    await house.happen(`agent/${agent}`, {
      type: 'credence.identity.agent.suspended.v1',
      data: { ...data, cause: 'operator' },
    })
    await inactive(token)
    await house.happen(`agent/${agent}`, { type: 'credence.identity.agent.restored.v1', data })
    expect((await rooms.introspect(token)).active).toBe(true)
  })

  it('introspect-attestation-expired: what the agent runs on is not known any more', async () => {
    const holder = await workerWith({ result: { expires_at: new Date(Date.now() + 2_500).toISOString() } })
    const token = await resigned(
      await tokenOf(holder),
      { claims: { exp: Math.floor(Date.now() / 1000) + 300 } },
      serverKey.privateKey,
    )
    const deadline = Date.now() + 20_000
    while ((await rooms.introspect(token)).active && Date.now() < deadline) await new Promise((r) => setTimeout(r, 100))
    await inactive(token)
  })

  it('exchange-after-subject-deleted: RFC 7662 §2.2, the person has left', async () => {
    const eve = await house.person({ subject: 'eve', name: 'Eve' })
    const given = await eve.grantDelegation({
      agentId: worker.agentId,
      authorizationDetails: worker.delegation.authorizationDetails,
      purpose: 'Mine',
      lifetimeSeconds: 600n,
      maximumDepth: 0,
      notBefore: [],
      narrow: false,
    })
    if (!given.delegation) throw new Error('no delegation')
    const { human } = given.delegation
    const holder = { ...worker, delegationToken: given.delegationToken, ...(await house.grant(given.delegation)) }
    const token = await tokenOf(holder)
    expect((await rooms.introspect(token)).active).toBe(true)
    await house.happen(`human/${human}`, {
      type: 'credence.identity.human.deactivated.v1',
      data: { human, reason: 'Left', left_at: new Date().toISOString() },
    })
    await inactive(token)
  })

  it('chain-stale-revocation-set-denies: RFC 7662 §2.3, when nothing can be known to be current there is no yes', async () => {
    const token = await tokenOf(worker)
    await house.stack.nats.process().stop()
    const body = new URLSearchParams({ token }).toString()
    const answer = await sends('enforcement-point/rooms', body)
    await house.stack.nats.restart()
    expect(answer).toMatchObject({ status: 503, body: { error: 'temporarily_unavailable' } })
    expect(answer.body).not.toHaveProperty('active')
    // The service is back by itself; who asks next waits for that.
    await vi.waitFor(() => tokenOf(worker), 10_000)
  })

  it('introspect-blueprint-withdrawn: the class of agents was withdrawn', async () => {
    const token = await tokenOf(worker)
    expect((await rooms.introspect(token)).active).toBe(true)
    await house.happen(`blueprint/${BLUEPRINT}`, {
      type: 'credence.identity.blueprint.withdrawn.v1',
      data: { blueprint: BLUEPRINT, reason: 'Unsafe' },
    })
    await inactive(token)
  })
})
