/** Tokens in which an agent only says who it is (RFC 6749 §4.4, RFC 9068): good here, and nowhere else. */
import { createLocalJWKSet, decodeJwt, jwtVerify } from 'jose'
import * as openid from 'openid-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CALENDAR, detail } from '../../../../../infra/testing/facts.ts'
import { type House, openHouse, type Worker } from '../../testing/house.ts'
import { openidClient, webClient } from '../../testing/standard-client.ts'
import * as client from '../../testing/token-client.ts'
import { newKey, tokenClient } from '../../testing/token-client.ts'

const TYPE = 'urn:ietf:params:oauth:token-type:'

let house: House
let worker: Worker
let http: ReturnType<typeof tokenClient>

beforeAll(async () => {
  house = await openHouse()
  http = tokenClient(house.stack.issuer, house.stack.authority.caFile)
  worker = await house.worker()
}, 120_000)
afterAll(() => house?.close(), 60_000)

const own = (fields: client.Fields = {}, bent: Parameters<typeof http.grant>[2] = {}) =>
  http.grant(worker, { grant_type: 'client_credentials', ...fields }, bent)
const selfIssued = async () =>
  (await house.read('IDENTITY')).flatMap(({ facts }) =>
    facts.flatMap(({ type, data }) => (type === 'credence.identity.token.issued_to_self.v1' ? [data] : [])),
  )
/** How many tokens a request came to. */
const comesTo = async (send: () => Promise<client.Answer>) => {
  const before = (await selfIssued()).length
  const { status, error, access_token } = await send()
  return { status, error, given: access_token !== undefined, recorded: (await selfIssued()).length - before }
}
const refused = (error: string, status = 400) => ({ status, error, given: false, recorded: 0 })

describe('an agent’s token for itself', () => {
  it('cc-own-token: RFC 6749 §4.4 and RFC 9068 §2.2, for this server, bound to the key, five minutes, no authority in it', async () => {
    const answer = await own()
    expect(answer).toMatchObject({ status: 200, token_type: 'DPoP' })
    const keys = createLocalJWKSet(JSON.parse((await http.raw({ method: 'GET', path: '/jwks' })).text))
    const { issuer } = house.stack
    const { payload } = await jwtVerify(answer.access_token ?? '', keys, { issuer, audience: issuer, typ: 'at+jwt' })
    expect(payload).toMatchObject({
      sub: worker.spiffeId,
      sub_profile: 'service ai_agent',
      client_id: worker.spiffeId,
      cnf: { jkt: worker.key.thumbprint },
      agent_id: worker.agentId,
    })
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBeLessThanOrEqual(300)
    for (const name of ['act', 'may_act', 'authorization_details', 'scope', 'grant_id', 'task_id', 'delegation_id'])
      expect(payload, name).not.toHaveProperty(name)
    expect((await selfIssued()).at(-1)).toMatchObject({ agent: worker.agentId, token: payload.jti })
  })

  it('cc-own-token: RFC 6749 §4.4.2 by openid-client and by oauth4webapi', async () => {
    const { configuration, DPoP, close } = await openidClient(house, worker)
    const answer = await openid.clientCredentialsGrant(configuration, {}, { DPoP })
    await close()
    expect(answer.token_type).toBe('dpop')
    const standard = await webClient(house, worker)
    const { access_token } = await standard.clientCredentials({ resource: house.stack.issuer })
    await standard.close()
    expect(decodeJwt(access_token).sub).toBe(worker.spiffeId)
  })

  it('cc-audience-is-issuer: RFC 8707 §2, for any other resource there is none: invalid_target', async () => {
    const { issuer } = house.stack
    expect(await comesTo(() => own({ resource: issuer }))).toMatchObject({ status: 200, given: true, recorded: 1 })
    for (const fields of [
      { resource: CALENDAR },
      { resource: `${issuer}/` },
      { resource: [issuer, CALENDAR] },
      { audience: CALENDAR },
      { audience: worker.spiffeId },
    ])
      expect(await comesTo(() => own(fields)), JSON.stringify(fields)).toEqual(refused('invalid_target'))
  })

  it('cc-no-authority: RFC 6749 §3.3 and RFC 9396 §5, no scope and no details are to be had', async () => {
    for (const scope of ['calendar.read', 'openid', '*'])
      expect(await comesTo(() => own({ scope })), scope).toEqual(refused('invalid_scope'))
    const details = { authorization_details: JSON.stringify([detail()]) }
    expect(await comesTo(() => own(details))).toEqual(refused('invalid_authorization_details'))
    expect(await comesTo(() => own({ ...details, resource: house.stack.issuer }))).toEqual(
      refused('invalid_authorization_details'),
    )
    for (const name of ['subject_token', 'actor_token', 'grant_id', 'sub'])
      expect(await comesTo(() => own({ [name]: 'x' })), name).toEqual(refused('invalid_request'))
  })

  it('dpop-every-grant: RFC 9449 §5, without a proof by the key of the agent there is none', async () => {
    const form = {
      grant_type: 'client_credentials',
      subject_token: undefined,
      subject_token_type: undefined,
      resource: undefined,
      grant_id: undefined,
    }
    const without = async () => http.send(await http.form(worker, form))
    expect(await comesTo(without)).toEqual(refused('invalid_dpop_proof'))
    const key = await newKey()
    expect(await comesTo(() => own({}, { proof: { key } }))).toEqual(refused('invalid_dpop_proof'))
    const dpop = await http.proof(worker)
    const forms = await Promise.all(Array.from({ length: 10 }, () => http.form(worker, form)))
    const answers = await Promise.all(forms.map((body) => http.send(body, dpop)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
  })

  it('cc-is-no-standing-access: RFC 9068 §4, it stands in for no delegation, and no resource is its audience', async () => {
    const { access_token } = await own()
    expect(decodeJwt(access_token ?? '').aud).toBe(house.stack.issuer)
    for (const kind of ['access_token', 'jwt']) {
      const answer = await http.exchange(worker, { subject_token: access_token, subject_token_type: TYPE + kind })
      expect(answer).toMatchObject({ status: 400, error: 'invalid_request' })
    }
  })

  it('cc-only-for-the-living: RFC 6749 §5.2, an agent that is not active, has ended, or whose attestation is over gets none', async () => {
    const { workerWith } = client.workersOf(house)
    const soon = await workerWith({ result: { expires_at: new Date(Date.now() + 30_000).toISOString() } })
    const answer = await http.grant(soon, { grant_type: 'client_credentials' })
    const { iat = 0, exp = 0 } = decodeJwt(answer.access_token ?? '')
    expect(exp - iat).toBeLessThanOrEqual(31)
    await house.security.revokeAgent({ agentId: soon.agentId, reason: 'Compromised' })
    expect(await comesTo(() => http.grant(soon, { grant_type: 'client_credentials' }))).toEqual(
      refused('invalid_client', 401),
    )
  })
})
