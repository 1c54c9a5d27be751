/**
 * The authorization code flow from end to end: an agent pushes a request, a person who really signs in answers it, and
 * the code that comes back becomes the token of their delegation (RFC 6749 §4.1, RFC 9126, RFC 9207, RFC 9449 §10).
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { EventData } from '@credence/contracts/events/catalog'
import { decodeJwt } from 'jose'
import * as oauth from 'oauth4webapi'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePorts } from '../../../../../infra/dev/ports.ts'
import { waitUntilServing } from '../../../../../infra/dev/readiness.ts'
import { detail } from '../../../../../infra/testing/facts.ts'
import { type Page, type Person, wordsOf } from '../../../../../infra/testing/person.ts'
import { tlsFetch } from '../../../../../packages/sdk/src/tls-fetch.ts'
import { CEILING } from '../../testing/house.ts'
import { openPeopleHouse, type PeopleHouse } from '../../testing/people.ts'
import {
  CHALLENGE,
  type Fields,
  type Holder,
  newKey,
  type ProofParts,
  tokenClient,
  VERIFIER,
} from '../../testing/token-client.ts'

let house: PeopleHouse
let http: ReturnType<typeof tokenClient>
let cora: Person & { human: string }
/** Where the agent waits for the answer: a real server on loopback (RFC 8252 §7.3). */
let callback: string
const waiting = createServer((_request, response) => response.end('You can close this window.'))
const BLUEPRINT = 'calendar-assistant'

beforeAll(async () => {
  house = await openPeopleHouse()
  http = tokenClient(house.stack.issuer, house.stack.authority.caFile)
  await new Promise<void>((resolve) => waiting.listen(0, '127.0.0.1', resolve))
  callback = `http://127.0.0.1:${(waiting.address() as AddressInfo).port}/callback`
  await house.sponsor.createBlueprint({
    name: BLUEPRINT,
    purpose: 'Keeps calendars',
    sponsor: '',
    owner: '',
    ceiling: CEILING,
    allowedModels: [{ provider: 'acme', name: 'small' }],
    maximumLifetimeSeconds: 86_400n,
    maximumSpawnDepth: 1,
    childrenSurvive: false,
    successorGroup: '',
    redirectUris: [callback, `${callback}/second`],
  })
  cora = await house.signedIn('cora')
}, 120_000)
afterAll(async () => {
  waiting.closeAllConnections()
  waiting.close()
  await house?.close()
}, 60_000)

async function newAgent(): Promise<Holder & { agentId: string }> {
  const key = await newKey()
  const { agent } = await house.register(key, { blueprint: BLUEPRINT })
  const { id: agentId = '', spiffeId = '' } = agent ?? {}
  await house.attest(agentId)
  await house.stateOf(agentId, 'ACTIVE')
  return { key, spiffeId, agentId, delegationToken: '', grant: '' }
}
const push = async (agent: Holder, fields: Fields = {}): Promise<string> => {
  const { request_uri = '', ...said } = await http.push(agent, { redirect_uri: callback, ...fields })
  if (!request_uri) throw new Error(JSON.stringify(said))
  return request_uri
}
const authorization = (agent: Holder, request_uri: string) =>
  `${house.stack.issuer}/authorize?${new URLSearchParams({ client_id: agent.spiffeId, request_uri })}`
const queryOf = ({ url }: Page) => Object.fromEntries(url.searchParams)

/** The whole way to a code. */
async function codeFor(agent: Holder, fields: Fields = {}, person: Person = cora): Promise<string> {
  const page = await person.open(authorization(agent, await push(agent, fields)))
  const after = await person.submit(page, {}, 'Approve')
  const { code } = queryOf(after)
  if (!code) throw new Error(wordsOf(after))
  return code
}
const redeem = (agent: Holder, code: string, fields: Fields = {}, proof: ProofParts = {}, dpop = true) =>
  form(agent, code, fields).then(async (body) => http.send(body, dpop ? await http.proof(agent, proof) : undefined))
const form = (agent: Holder, code: string, fields: Fields = {}) =>
  http.form(agent, {
    grant_type: 'authorization_code',
    code,
    redirect_uri: callback,
    code_verifier: VERIFIER,
    subject_token: undefined,
    subject_token_type: undefined,
    resource: undefined,
    grant_id: undefined,
    ...fields,
  })
const invalidGrant = { status: 400, error: 'invalid_grant' }
const collected = async () =>
  (await house.read('IDENTITY')).flatMap(({ facts }) =>
    facts.filter(({ type }) => type === 'credence.identity.delegation.collected.v1'),
  )

const grantedTo = async ({ agentId }: { agentId: string }) =>
  (await house.read('IDENTITY'))
    .flatMap(({ facts }) => facts)
    .flatMap(({ type, data }) =>
      type === 'credence.identity.delegation.granted.v1' && data.agent === agentId ? [data] : [],
    )

describe('a person who agrees', () => {
  it('code-basic: RFC 6749 §4.1, RFC 9207 §2, RFC 9396 §7: the answer is code, state and iss; the code is the delegation token', async () => {
    const agent = await newAgent()
    const page = await cora.open(authorization(agent, await push(agent, { delegation_depth: '0' })))
    expect(page.url.pathname).toMatch(/^\/interaction\//)
    expect(wordsOf(page)).toContain('Book the team meeting')
    expect(wordsOf(page)).toContain(new URL(callback).host)
    const after = await cora.submit(page, {}, 'Approve')
    expect(`${after.url.origin}${after.url.pathname}`).toBe(callback)
    const { code = '', state, iss, ...rest } = queryOf(after)
    expect({ state, iss, rest }).toEqual({ state: 'abc', iss: house.stack.issuer, rest: {} })

    const answer = await redeem(agent, code)
    expect(answer).toMatchObject({ status: 200, token_type: 'DPoP', authorization_details: [detail()] })
    const claims = decodeJwt(answer.access_token ?? '')
    expect(claims).toMatchObject({ sub: cora.human, aud: house.stack.issuer, may_act: { sub: agent.spiffeId } })
    const [record] = (await collected()).slice(-1) as { data: EventData<'credence.identity.delegation.collected.v1'> }[]
    expect(record?.data).toMatchObject({
      delegation: claims.jti,
      agent: agent.agentId,
      key_thumbprint: agent.key.thumbprint,
    })
  })

  it('code-standard-client: RFC 9126, RFC 9207, RFC 9449 §10: oauth4webapi goes the whole way', async () => {
    const agent = await newAgent()
    const { fetch, close } = tlsFetch(house.stack.authority.caFile)
    const options = { [oauth.customFetch]: fetch }
    const issuer = new URL(house.stack.issuer)
    const discovered = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...options })
    const server = await oauth.processDiscoveryResponse(issuer, discovered)
    const client: oauth.Client = { client_id: agent.spiffeId }
    const authentication = oauth.PrivateKeyJwt(agent.key.privateKey, {
      [oauth.modifyAssertion]: (_header, payload) => {
        payload.aud = server.issuer
      },
    })
    const DPoP = oauth.DPoP(client, agent.key)
    const verifier = oauth.generateRandomCodeVerifier()
    const state = oauth.generateRandomState()
    const parameters = new URLSearchParams({
      response_type: 'code',
      redirect_uri: callback,
      state,
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      authorization_details: JSON.stringify([detail({ actions: ['calendar.read'] })]),
      delegation_purpose: 'Read the calendar',
      delegation_lifetime: '600',
    })
    const pushing = await oauth.pushedAuthorizationRequest(server, client, authentication, parameters, {
      DPoP,
      ...options,
    })
    const { request_uri } = await oauth.processPushedAuthorizationResponse(server, client, pushing)
    const page = await cora.open(authorization(agent, request_uri))
    const after = await cora.submit(page, {}, 'Approve')
    const validated = oauth.validateAuthResponse(server, client, after.url, state)
    const response = await oauth.authorizationCodeGrantRequest(
      server,
      client,
      authentication,
      validated,
      callback,
      verifier,
      { DPoP, ...options },
    )
    const token = await oauth.processAuthorizationCodeResponse(server, client, response)
    expect(token).toMatchObject({ token_type: 'dpop', authorization_details: [{ actions: ['calendar.read'] }] })
    await close()
  })

  it('code-less-given: RFC 9396 §7, a person may give less than was asked, and the answer says what was given', async () => {
    const agent = await newAgent()
    const page = await cora.open(authorization(agent, await push(agent, { delegation_lifetime: '7200' })))
    const after = await cora.submit(page, { seconds: '900', depth: '0' }, 'Approve')
    const answer = await redeem(agent, queryOf(after).code ?? '')
    expect(answer).toMatchObject({ status: 200 })
    expect(answer.expires_in).toBeLessThanOrEqual(900)
  })
})

describe('a person who does not agree', () => {
  it('code-declined: RFC 6749 §4.1.2.1, RFC 9207 §2: access_denied with state and iss, and no delegation', async () => {
    const agent = await newAgent()
    const page = await cora.open(authorization(agent, await push(agent)))
    const after = await cora.submit(page, {}, 'Decline')
    expect(`${after.url.origin}${after.url.pathname}`).toBe(callback)
    expect(queryOf(after)).toMatchObject({ error: 'access_denied', state: 'abc', iss: house.stack.issuer })
    expect(queryOf(after)).not.toHaveProperty('code')
    expect(await grantedTo(agent)).toEqual([])
    const reporting = await cora.open(authorization(agent, await push(agent)))
    expect(queryOf(await cora.submit(reporting, { report: 'yes' }, 'Decline'))).toMatchObject({
      error: 'access_denied',
    })
    const refusals = (await house.read('IDENTITY'))
      .flatMap(({ facts }) => facts)
      .flatMap(({ type, data }) =>
        type === 'credence.identity.token.refused.v1' && data.agent === agent.agentId ? [data.reason] : [],
      )
    expect(refusals).toEqual(['declined', 'declined_and_reported'])
  })
})

describe('a pushed request', () => {
  it('par-one-time: RFC 9126 §4, is answered once, in however many windows it was opened, and is used up then', async () => {
    const agent = await newAgent()
    const request_uri = await push(agent)
    const other = await house.signedIn('cora')
    const [here, there] = [
      await cora.open(authorization(agent, request_uri)),
      await other.open(authorization(agent, request_uri)),
    ]
    const first = await cora.submit(here, {}, 'Approve')
    expect(queryOf(first)).toHaveProperty('code')
    const second = await other.submit(there, {}, 'Approve')
    expect(queryOf(second)).not.toHaveProperty('code')
    expect(second.status).toBeGreaterThanOrEqual(400)
    const again = await cora.open(authorization(agent, request_uri))
    expect(queryOf(again)).not.toHaveProperty('code')
    expect(again.url.pathname).not.toMatch(/^\/interaction/)
    expect(await grantedTo(agent)).toHaveLength(1)
  })

  it('par-answer-bound: RFC 9700 §4.7, no other browser can answer or go on with an interaction', async () => {
    const agent = await newAgent()
    const page = await cora.open(authorization(agent, await push(agent)))
    const other = await house.signedIn('milan')
    const stolen = await other.open(page.url)
    expect(stolen.status).toBe(404)
    const uid = page.url.pathname.split('/').at(-1)
    const resumed = await other.open(`${house.stack.issuer}/authorize/${uid}`)
    expect(resumed.status).toBe(400)
    expect(queryOf(await cora.submit(page, {}, 'Approve'))).toHaveProperty('code')
  })

  it('par-params-outside-ignored: RFC 9126 §4, what stands beside request_uri does not change where the answer goes', async () => {
    const agent = await newAgent()
    const beside = new URLSearchParams({ redirect_uri: `${callback}/second`, state: 'evil', delegation_lifetime: '9' })
    const page = await cora.open(`${authorization(agent, await push(agent))}&${beside}`)
    const after = await cora.submit(page, {}, 'Approve')
    expect(`${after.url.origin}${after.url.pathname}`).toBe(callback)
    expect(queryOf(after)).toMatchObject({ state: 'abc' })
  })
})

describe('a code', () => {
  it('code-consume-parallel-50: RFC 6749 §4.1.2, sent 50 times at once it gives one token', async () => {
    const agent = await newAgent()
    const code = await codeFor(agent)
    const before = (await collected()).length
    const requests = await Promise.all(
      Array.from({ length: 50 }, async () => [await form(agent, code), await http.proof(agent)] as const),
    )
    const answers = await Promise.all(requests.map(([body, dpop]) => http.send(body, dpop)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(answers.filter(({ status, error }) => status === 400 && error === 'invalid_grant')).toHaveLength(49)
    expect((await collected()).length - before).toBe(1)
    expect(await redeem(agent, code)).toMatchObject(invalidGrant)
  })

  it('code-client-bound: RFC 6749 §4.1.3, is for the client that asked', async () => {
    const [agent, other] = [await newAgent(), await newAgent()]
    const code = await codeFor(agent)
    expect(await redeem(other, code)).toMatchObject(invalidGrant)
    expect(await redeem(agent, code)).toMatchObject({ status: 200 })
  })

  it('code-pkce: RFC 7636 §4.6, needs the verifier of its challenge', async () => {
    const agent = await newAgent()
    const code = await codeFor(agent)
    expect(await redeem(agent, code, { code_verifier: 'w'.repeat(43) })).toMatchObject(invalidGrant)
    expect(await redeem(agent, code, { code_verifier: CHALLENGE })).toMatchObject(invalidGrant)
    for (const code_verifier of [undefined, '', 'short'])
      expect(await redeem(agent, code, { code_verifier })).toMatchObject({ status: 400, error: 'invalid_request' })
    expect(await redeem(agent, code)).toMatchObject({ status: 200 })
  })

  it('code-redirect-uri: RFC 6749 §4.1.3, needs the redirect_uri of the request, byte by byte', async () => {
    const agent = await newAgent()
    const code = await codeFor(agent)
    for (const redirect_uri of [`${callback}/second`, `${callback}/`, 'https://evil.example'])
      expect(await redeem(agent, code, { redirect_uri })).toMatchObject(invalidGrant)
    expect(await redeem(agent, code, { redirect_uri: undefined })).toMatchObject({ error: 'invalid_request' })
    expect(await redeem(agent, code)).toMatchObject({ status: 200 })
  })

  it('code-dpop-bound: RFC 9449 §10, needs a proof by the key of the pushed request', async () => {
    const agent = await newAgent()
    const code = await codeFor(agent)
    expect(await redeem(agent, code, {}, {}, false)).toMatchObject({ status: 400, error: 'invalid_dpop_proof' })
    expect(await redeem(agent, code, {}, { key: await newKey() })).toMatchObject({ error: 'invalid_dpop_proof' })
    expect(await redeem(agent, code)).toMatchObject({ status: 200 })
  })

  it('code-delegation-live: a delegation that was revoked before, or an agent that was, gets nothing for its code', async () => {
    const agent = await newAgent()
    const code = await codeFor(agent)
    const [given] = await grantedTo(agent)
    const delegationId = given?.delegation ?? ''
    await house.security.revokeDelegation({ delegationId, reason: 'test' })
    expect(await redeem(agent, code)).toMatchObject(invalidGrant)
    const ended = await newAgent()
    const late = await codeFor(ended)
    await house.security.revokeAgent({ agentId: ended.agentId, reason: 'test' })
    expect(await redeem(ended, late)).toMatchObject({ status: 401, error: 'invalid_client' })
  })

  it('code-across-replicas: RFC 6749 §4.1.2, a code made at one replica is good at the other, once for both', async () => {
    const [mesh = 0, open = 0, port = 0] = await freePorts(3)
    const { stack } = house
    const running = await stack.replica('identity', { mesh, public: open, http: port })
    await waitUntilServing(running, `localhost:${open}`, stack.authority.caFile)
    const there = tokenClient(stack.issuer, stack.authority.caFile, { replica: port })
    const agent = await newAgent()
    const code = await codeFor(agent)
    const requests = await Promise.all(
      Array.from({ length: 20 }, async () => [await form(agent, code), await http.proof(agent)] as const),
    )
    const answers = await Promise.all(requests.map(([body, dpop], at) => (at % 2 ? there : http).send(body, dpop)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(answers.filter(({ error }) => error === 'invalid_grant')).toHaveLength(19)
    const other = await codeFor(agent)
    expect(await there.send(await form(agent, other), await http.proof(agent))).toMatchObject({ status: 200 })
    await running.stop()
  })

  it('code-mtls: RFC 8705 §2 and §3, an agent with an X.509-SVID goes the same way without DPoP, and no other can', async () => {
    const [agent, other] = [await newAgent(), await newAgent()]
    const bySvid = async (of: Holder) => {
      const name = of.spiffeId.split('/').at(-1) ?? ''
      const certificate = await house.stack.authority.issue(name, of.spiffeId)
      return tokenClient(house.stack.issuer, house.stack.authority.caFile, { certificate })
    }
    const none = { client_assertion: undefined, client_assertion_type: undefined }
    const connection = await bySvid(agent)
    const { request_uri = '' } = await connection.push(agent, { ...none, redirect_uri: callback }, { proof: false })
    const page = await cora.open(authorization(agent, request_uri))
    const { code = '' } = queryOf(await cora.submit(page, {}, 'Approve'))
    const stolen = await (await bySvid(other)).send(await form(other, code, none))
    expect(stolen).toMatchObject(invalidGrant)
    const answer = await connection.send(await form(agent, code, none))
    expect(answer).toMatchObject({ status: 200, token_type: 'Bearer' })
    expect(decodeJwt(answer.access_token ?? '')).toMatchObject({ may_act: { sub: agent.spiffeId } })
  })

  it('code-no-trace: neither code, verifier nor cookie stands in the record or the log', async () => {
    const agent = await newAgent()
    const code = await codeFor(agent)
    await redeem(agent, code)
    await redeem(agent, code)
    const record = JSON.stringify(await house.read('IDENTITY'))
    for (const secret of [code, VERIFIER]) expect(record).not.toContain(secret)
    expect(record).toContain('code_replayed')
  })
})
