/** Revocation (RFC 7009): an agent gives back what it holds, and from then on it counts nowhere. */
import { decodeJwt } from 'jose'
import * as openid from 'openid-client'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type House, openHouse, type Worker } from '../../testing/house.ts'
import { serverKeyOf } from '../../testing/server-key.ts'
import { openidClient, webClient } from '../../testing/standard-client.ts'
import * as client from '../../testing/token-client.ts'
import { newKey, refusal, resigned, tokenClient } from '../../testing/token-client.ts'

const TYPE = 'urn:ietf:params:oauth:token-type:'
const INACTIVE = { active: false }

let house: House
let worker: Worker
let http: ReturnType<typeof tokenClient>
let outcome: ReturnType<typeof client.outcomes>
let childOf: ReturnType<typeof client.workersOf>['childOf']
let rooms: Awaited<ReturnType<typeof webClient>>
let standard: Awaited<ReturnType<typeof webClient>>

beforeAll(async () => {
  house = await openHouse()
  http = tokenClient(house.stack.issuer, house.stack.authority.caFile)
  outcome = client.outcomes(() => house.read('IDENTITY'))
  ;({ childOf } = client.workersOf(house))
  worker = await house.worker()
  const path = 'enforcement-point/rooms'
  const tls = await house.stack.workload(path)
  rooms = await webClient(house, { spiffeId: `spiffe://${house.stack.trustDomain}/${path}`, tls })
  standard = await webClient(house, worker)
}, 120_000)
afterAll(async () => {
  await Promise.all([rooms?.close(), standard?.close()])
  await house?.close()
}, 60_000)

const tokenOf = async (holder: client.Holder, fields: client.Fields = {}): Promise<string> => {
  const { access_token, ...answer } = await http.exchange(holder, fields)
  if (!access_token) throw new Error(JSON.stringify(answer))
  return access_token
}
const asAccess = (subject_token: string): client.Fields => ({
  subject_token,
  subject_token_type: `${TYPE}access_token`,
  grant_id: undefined,
})
const facts = async () => (await house.read('IDENTITY')).flatMap((commit) => commit.facts)
const revoked = async () => (await facts()).filter(({ type }) => type === 'credence.identity.token.revoked.v1')
/** What a form comes to, sent by an agent. */
const gives = async (holder: client.Holder, fields: Record<string, string>) => {
  const body = new URLSearchParams({
    client_id: holder.spiffeId,
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: await http.assertion(holder),
    ...fields,
  })
  const { status, text } = await http.raw({ path: '/revoke', body: body.toString() })
  return { status, body: text ? JSON.parse(text) : '' }
}

describe('an access token', () => {
  it('revoke-reaches-issued-tokens: RFC 7009 §2.1 by oauth4webapi, recorded, and at once good for nothing', async () => {
    const token = await tokenOf(worker)
    expect((await rooms.introspect(token)).active).toBe(true)
    await standard.revoke(token)
    expect(await rooms.introspect(token)).toEqual(INACTIVE)
    expect(await standard.introspect(token)).toEqual(INACTIVE)
    expect(await outcome(() => http.exchange(worker, asAccess(token)))).toEqual(refusal('invalid_request'))
    const { jti, exp = 0 } = decodeJwt(token)
    const data = { agent: worker.agentId, token: jti, expires_at: new Date(exp * 1000).toISOString() }
    expect((await revoked()).at(-1)?.data).toEqual(data)
    // Others of the same agent and grant are not touched.
    expect((await rooms.introspect(await tokenOf(worker))).active).toBe(true)
  })

  it('revoke-own: RFC 7009 §2.1 by openid-client, a token for itself as well', async () => {
    const { configuration, close } = await openidClient(house, worker)
    const { access_token: own = '' } = await http.grant(worker, { grant_type: 'client_credentials' })
    await openid.tokenRevocation(configuration, own, { token_type_hint: 'access_token' })
    await close()
    expect(await standard.introspect(own)).toEqual(INACTIVE)
    const actor = { actor_token: own, actor_token_type: `${TYPE}access_token` }
    expect(await outcome(() => http.exchange(worker, actor))).toEqual(refusal('invalid_request'))
  })

  it('revoke-cascades-to-exchanged: RFC 7009 §2.1, what was exchanged for it ends with it, at other agents too', async () => {
    const child = await childOf(worker)
    const first = await tokenOf(worker)
    const second = await tokenOf(worker, asAccess(first))
    const { access_token: actor_token } = await http.grant(child, { grant_type: 'client_credentials' })
    const third = await tokenOf(child, {
      ...asAccess(second),
      actor_token,
      actor_token_type: `${TYPE}access_token`,
      grant_id: child.grant,
    })
    const unrelated = await tokenOf(child)
    for (const token of [first, second, third, unrelated]) expect((await rooms.introspect(token)).active).toBe(true)
    const before = (await revoked()).length
    await standard.revoke(first)
    for (const token of [first, second, third]) expect(await rooms.introspect(token)).toEqual(INACTIVE)
    expect((await rooms.introspect(unrelated)).active).toBe(true)
    expect((await revoked()).length - before).toBe(1)
  })

  it('revoke-twice: RFC 7009 §2.2, what counts no more is as good as revoked: 200, and nothing is written', async () => {
    const token = await tokenOf(worker)
    await standard.revoke(token)
    const before = (await facts()).length
    const serverKey = await serverKeyOf(house)
    const past = { exp: Math.floor(Date.now() / 1000) - 5 }
    const others = [
      token,
      'opaque',
      'a.b.c',
      await resigned(token, { claims: past }, serverKey.privateKey),
      await resigned(token, {}, (await newKey()).privateKey),
      await house.tokenFor({ subject: 'cora', name: 'Cora' }),
      client.unsecured({ typ: 'at+jwt' }, decodeJwt(token)),
    ]
    for (const other of others) await standard.revoke(other)
    expect((await facts()).length).toBe(before)
  })

  it('revoke-hint-ignored: RFC 7009 §2.1, a wrong hint hides nothing', async () => {
    for (const token_type_hint of ['refresh_token', 'id_token', 'x']) {
      const token = await tokenOf(worker)
      await standard.revoke(token, { token_type_hint })
      expect(await rooms.introspect(token)).toEqual(INACTIVE)
    }
  })

  it('revoke-only-own: RFC 7009 §2.1, of another client it is refused, recorded, and it counts on', async () => {
    const other = await house.worker()
    const token = await tokenOf(other)
    expect(await gives(worker, { token })).toMatchObject({ status: 400, body: { error: 'unauthorized_client' } })
    expect((await rooms.introspect(token)).active).toBe(true)
    expect((await facts()).at(-1)).toMatchObject({
      type: 'credence.identity.token.refused.v1',
      data: { agent: worker.agentId, error: 'unauthorized_client', reason: 'token_of_another_client' },
    })
    // An enforcement point may look, and not touch.
    await expect(rooms.revoke(token)).rejects.toThrow()
    expect((await rooms.introspect(token)).active).toBe(true)
  })

  it('revoke-bad-request: RFC 7009 §2.2.1, one token, by an authenticated client, by POST', async () => {
    const token = await tokenOf(worker)
    expect(await gives(worker, {})).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
    expect(await gives(worker, { token: '' })).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
    const unproved = { client_assertion: 'x.y.z' }
    const answer = await gives(worker, { token, ...unproved })
    expect([400, 401]).toContain(answer.status)
    const anonymous = await http.raw({ path: '/revoke', body: new URLSearchParams({ token }).toString() })
    expect([400, 401]).toContain(anonymous.status)
    expect((await http.raw({ path: '/revoke', method: 'GET' })).status).toBe(405)
    expect((await rooms.introspect(token)).active).toBe(true)
  })
})

describe('a delegation token', () => {
  it('revoke-delegation-token: RFC 7009 §2.1, given back by its holder it ends the delegation, and all that hangs below', async () => {
    const parent = await house.worker()
    const child = await childOf(parent)
    const tokens = [await tokenOf(parent), await tokenOf(child)]
    const mine = await webClient(house, parent)
    await mine.revoke(parent.delegationToken)
    for (const token of tokens) expect(await rooms.introspect(token)).toEqual(INACTIVE)
    expect(await mine.introspect(parent.delegationToken)).toEqual(INACTIVE)
    for (const holder of [parent, child])
      expect(await outcome(() => http.exchange(holder))).toEqual(refusal('invalid_request'))
    const ended = (await house.read('IDENTITY')).filter(
      ({ facts: [fact] }) => fact?.type === 'credence.identity.delegation.revoked.v1',
    )
    expect(ended.at(-1)).toMatchObject({
      actor: { kind: 'agent', id: parent.spiffeId },
      subject: `delegation/${parent.delegation.id}`,
    })
    // Once is enough.
    await mine.revoke(parent.delegationToken)
    await mine.close()
    const again = (await facts()).filter(({ type }) => type === 'credence.identity.delegation.revoked.v1')
    expect(again).toHaveLength(ended.length)
  })

  it('revoke-only-own: RFC 7009 §2.1, whoever else has a delegation token ends nothing with it', async () => {
    const child = await childOf(worker)
    const other = await house.worker()
    for (const [holder, token] of [
      [other, worker.delegationToken],
      [worker, child.delegationToken],
      [child, worker.delegationToken],
    ] as const)
      expect(await gives(holder, { token })).toMatchObject({ status: 400, body: { error: 'unauthorized_client' } })
    for (const holder of [worker, child])
      expect(await outcome(() => http.exchange(holder))).toMatchObject({ status: 200, issued: 1 })
  })
})

describe('when nothing can be written', () => {
  it('revoke-fails-closed: RFC 7009 §2.2.1, 503 and the token counts on, so that the agent tries again', async () => {
    const token = await tokenOf(worker)
    const body = new URLSearchParams({
      token,
      client_id: worker.spiffeId,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: await http.assertion(worker),
    }).toString()
    await house.stack.nats.process().stop()
    const { status } = await http.raw({ path: '/revoke', body })
    await house.stack.nats.restart()
    expect(status).toBeGreaterThanOrEqual(500)
    await vi.waitFor(() => standard.revoke(token), 10_000)
    expect(await rooms.introspect(token)).toEqual(INACTIVE)
  })
})
