/** The enforcement point and the token endpoint, as an attacker meets them: over real sockets, with real keys. */
import { createHash, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { connect as connectTls } from 'node:tls'
import { AgentState } from '@credence/contracts/gen/credence/identity/v1/identity'
import { type AgentKey, newAgentKey } from '@credence/sdk/agent/key'
import { tlsFetch } from '@credence/sdk/tls-fetch'
import { createRemoteJWKSet, customFetch, decodeJwt, generateKeyPair, jwtVerify, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AtWork, type House, openHouse, putToWork } from '../dev/house.ts'

let house: House
let work: AtWork
let http: ReturnType<typeof tlsFetch>
let calendar: string
let access: string

beforeAll(async () => {
  house = await openHouse()
  work = await putToWork(house)
  http = tlsFetch(house.stack.authority.caFile)
  calendar = house.company.calendar
  access = (await work.agent.tokenFor(work.task, calendar)).value
})
afterAll(async () => {
  await work?.agent.close()
  await http?.close()
  await house?.close()
})

type ProofParts = {
  method?: string
  url?: string
  iat?: number
  jti?: string
  key?: AgentKey
  token?: string | null
}

async function proof(parts: ProofParts = {}): Promise<string> {
  const {
    method = 'GET',
    url = `${calendar}/events/evn_1`,
    key = work.key,
    iat,
    jti = randomUUID(),
    token = access,
  } = parts
  const ath = token === null ? {} : { ath: createHash('sha256').update(token).digest('base64url') }
  return new SignJWT({ htm: method, htu: url, jti, ...ath })
    .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: key.publicJwk })
    .setIssuedAt(iat)
    .sign(key.privateKey)
}

const get = (headers: Record<string, string>, path = '/events/evn_1') => http.fetch(`${calendar}${path}`, { headers })
const withToken = async (parts: ProofParts = {}, token = access) =>
  get({ authorization: `DPoP ${token}`, dpop: await proof(parts) })
const errorOf = (response: Response) => /error="([^"]+)"/.exec(response.headers.get('www-authenticate') ?? '')?.[1]

describe('the HTTP enforcement point', () => {
  it('lets a good call through (there is no such event: the resource says so)', async () => {
    expect((await withToken()).status).toBe(404)
  })

  it('says where to get a token, and no error, when none is sent', async () => {
    const response = await get({})
    expect(response.status).toBe(401)
    expect(errorOf(response)).toBeUndefined()
    expect(response.headers.get('www-authenticate')).toContain(
      `resource_metadata="${calendar}/.well-known/oauth-protected-resource"`,
    )
    const metadata = await (await http.fetch(`${calendar}/.well-known/oauth-protected-resource`)).json()
    expect(metadata).toMatchObject({
      resource: calendar,
      authorization_servers: [house.stack.issuer],
      dpop_bound_access_tokens_required: true,
    })
  })

  const refusals: [name: string, error: string, call: () => Promise<Response>][] = [
    [
      'dpop-proof-on-bearer-token: RFC 9449 §7.1, a bound token sent as Bearer',
      'invalid_token',
      () => get({ authorization: `Bearer ${access}` }),
    ],
    ['a token without a proof', 'invalid_dpop_proof', () => get({ authorization: `DPoP ${access}` })],
    // RFC 9449 §7.1: a good proof by a key that the token is not bound to.
    ['a proof by another key', 'invalid_token', async () => withToken({ key: await newAgentKey() })],
    ['a proof for another method', 'invalid_dpop_proof', () => withToken({ method: 'POST' })],
    [
      'a proof for another URL',
      'invalid_dpop_proof',
      () => withToken({ url: `${house.company.customers}/events/evn_1` }),
    ],
    ['a proof that is old', 'invalid_dpop_proof', () => withToken({ iat: Math.floor(Date.now() / 1000) - 400 })],
    ['a proof from the future', 'invalid_dpop_proof', () => withToken({ iat: Math.floor(Date.now() / 1000) + 120 })],
    [
      'dpop-ath-at-resource: RFC 9449 §7, a proof without the token’s digest',
      'invalid_dpop_proof',
      () => withToken({ token: null }),
    ],
    ['a token that is none', 'invalid_token', () => withToken({}, 'nonsense')],
    ['a token with a changed claim', 'invalid_token', () => withToken({}, tampered(access))],
    [
      'a token for another resource',
      'invalid_token',
      async () => {
        const other = (await work.agent.tokenFor(work.task, house.company.customers)).value
        return get({ authorization: `DPoP ${other}`, dpop: await proof({ token: other }) })
      },
    ],
    [
      'a token of a foreign issuer',
      'invalid_token',
      async () => {
        const { privateKey } = await generateKeyPair('ES256')
        const claims = decodeJwt(access)
        const foreign = await new SignJWT(claims).setProtectedHeader({ alg: 'ES256', typ: 'at+jwt' }).sign(privateKey)
        return get({ authorization: `DPoP ${foreign}`, dpop: await proof({ token: foreign }) })
      },
    ],
    [
      'the delegation token in place of an access token',
      'invalid_token',
      async () => {
        const token = work.task.delegation.delegationToken
        return get({ authorization: `DPoP ${token}`, dpop: await proof({ token }) })
      },
    ],
  ]
  for (const [name, error, call] of refusals)
    it(`${name} is refused: 401 ${error}`, async () => {
      const response = await call()
      expect([response.status, errorOf(response)]).toEqual([401, error])
      expect(await response.text()).not.toContain('at Object')
    })

  it('takes a proof once, also when fifty copies arrive together', async () => {
    const headers = { authorization: `DPoP ${access}`, dpop: await proof() }
    const answers = await Promise.all(Array.from({ length: 50 }, () => get(headers)))
    expect(answers.filter(({ status }) => status !== 401)).toHaveLength(1)
  })

  it('is not fooled by a Host header', async () => {
    const dpop = await proof({ url: 'https://evil.example/events/evn_1' })
    const request = `GET /events/evn_1 HTTP/1.1\r\nHost: evil.example\r\nAuthorization: DPoP ${access}\r\nDPoP: ${dpop}\r\nConnection: close\r\n\r\n`
    expect(await raw(house.stack.ports.calendar, request)).toMatch(/^HTTP\/1.1 401/)
  })

  it('has no operation for what nobody mapped', async () => {
    const response = await get(
      { authorization: `DPoP ${access}`, dpop: await proof({ url: `${calendar}/admin` }) },
      '/admin',
    )
    expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([404, 'no_operation'])
  })

  it('refuses a body over the limit, before anything is decided', async () => {
    const url = `${calendar}/events`
    const dpop = await proof({ method: 'POST', url })
    const body = JSON.stringify({ title: 'x'.repeat(1024 * 1024 + 10) })
    const response = await http.fetch(url, { method: 'POST', body, headers: { authorization: `DPoP ${access}`, dpop } })
    expect(response.status).toBe(413)
  })

  it('names the field of bad input', async () => {
    const response = await work.agent.call(
      { value: access, resource: calendar, expiresAt: new Date() },
      'POST',
      `${calendar}/events`,
      { title: 'x' },
    )
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ field: 'start' })
  })
})

function tampered(token: string): string {
  const [header, payload, signature] = token.split('.')
  const claims = JSON.parse(Buffer.from(payload ?? '', 'base64url').toString())
  return [
    header,
    Buffer.from(JSON.stringify({ ...claims, agent_id: 'agt_00000000000000000000000000' })).toString('base64url'),
    signature,
  ].join('.')
}

function raw(port: number, request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTls(
      { host: '127.0.0.1', port, servername: 'localhost', ca: readFileSync(house.stack.authority.caFile) },
      () => socket.write(request),
    )
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk
    })
    socket.on('end', () => resolve(text))
    socket.on('error', reject)
  })
}

describe('the token endpoint', () => {
  const endpoint = () => `${house.stack.issuer}/token`

  async function assertion(
    parts: { aud?: string | string[]; jti?: string; key?: AgentKey; exp?: string; id?: string } = {},
  ) {
    const {
      aud = house.stack.issuer,
      jti = randomUUID(),
      key = work.key,
      exp = '60s',
      id = work.agent.spiffeId,
    } = parts
    return new SignJWT({ aud })
      .setProtectedHeader({ alg: 'ES256' })
      .setIssuer(id)
      .setSubject(id)
      .setJti(jti)
      .setIssuedAt()
      .setExpirationTime(exp)
      .sign(key.privateKey)
  }
  async function form(more: Record<string, string | undefined> = {}, client: Parameters<typeof assertion>[0] = {}) {
    const fields: Record<string, string | undefined> = {
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      client_id: work.agent.spiffeId,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: await assertion(client),
      subject_token: work.task.delegation.delegationToken,
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      resource: calendar,
      grant_id: work.task.grantId,
      ...more,
    }
    return new URLSearchParams(
      Object.entries(fields).filter((field): field is [string, string] => field[1] !== undefined),
    )
  }
  const tokenProof = (parts: ProofParts = {}) => proof({ method: 'POST', url: endpoint(), token: null, ...parts })
  async function exchange(
    body: URLSearchParams,
    dpop?: string | null,
  ): Promise<{ status: number; error?: string; access_token?: string; error_description?: string }> {
    const headers: Record<string, string> = dpop === null ? {} : { dpop: dpop ?? (await tokenProof()) }
    const response = await http.fetch(endpoint(), { method: 'POST', body, headers })
    return { status: response.status, ...((await response.json()) as object) }
  }

  it('issues a token that says who, for whom, where, and for how long', async () => {
    const { access_token = '' } = await exchange(await form())
    const keys = createRemoteJWKSet(new URL(`${house.stack.issuer}/jwks`), { [customFetch]: http.fetch } as never)
    const { payload, protectedHeader } = await jwtVerify(access_token, keys)
    expect(protectedHeader.typ).toBe('at+jwt')
    expect(payload).toMatchObject({
      iss: house.stack.issuer,
      aud: calendar,
      sub: expect.stringMatching(/^hum_/),
      sub_profile: 'user',
      client_id: work.agent.spiffeId,
      act: { iss: `spiffe://${house.stack.trustDomain}`, sub: work.agent.spiffeId, sub_profile: 'ai_agent' },
      cnf: { jkt: work.key.thumbprint },
      agent_id: work.agentId,
      grant_id: work.task.grantId,
    })
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBeLessThanOrEqual(600)
    const details = payload.authorization_details as { locations: string[] }[]
    expect(details.every(({ locations }) => locations.length === 1 && locations[0] === calendar)).toBe(true)
  })

  it('takes a proof, and an assertion, once, also when fifty copies arrive together', async () => {
    const dpop = await tokenProof()
    const proofs = await Promise.all(Array.from({ length: 20 }, async () => exchange(await form(), dpop)))
    expect(proofs.filter(({ status }) => status === 200)).toHaveLength(1)
    const client_assertion = await assertion()
    const assertions = await Promise.all(
      Array.from({ length: 20 }, async () => exchange(await form({ client_assertion }))),
    )
    expect(assertions.filter(({ status }) => status === 200)).toHaveLength(1)
  })

  const refusals: [name: string, status: number, error: string, call: () => ReturnType<typeof exchange>][] = [
    ['a missing proof', 400, 'invalid_dpop_proof', async () => exchange(await form(), null)],
    [
      'a proof by another key',
      400,
      'invalid_dpop_proof',
      async () => exchange(await form(), await tokenProof({ key: await newAgentKey() })),
    ],
    [
      'a proof from the future',
      400,
      'invalid_dpop_proof',
      async () => exchange(await form(), await tokenProof({ iat: Math.floor(Date.now() / 1000) + 60 })),
    ],
    [
      'an assertion by another key',
      401,
      'invalid_client',
      async () => exchange(await form({}, { key: await newAgentKey() })),
    ],
    [
      'an assertion for several audiences',
      401,
      'invalid_client',
      async () => exchange(await form({}, { aud: ['https://evil.example', house.stack.issuer] })),
    ],
    [
      'an assertion for the endpoint instead of the issuer',
      401,
      'invalid_client',
      async () => exchange(await form({}, { aud: endpoint() })),
    ],
    ['an assertion that lives long', 401, 'invalid_client', async () => exchange(await form({}, { exp: '1h' }))],
    [
      'an unknown client',
      401,
      'invalid_client',
      async () => exchange(await form({ client_id: `${work.agent.spiffeId}x` }, { id: `${work.agent.spiffeId}x` })),
    ],
    ['a position that is none', 400, 'invalid_request', async () => exchange(await form({ not_before: 'NOWHERE:1' }))],
    ['an unknown parameter', 400, 'invalid_request', async () => exchange(await form({ audience_hint: 'x' }))],
    ['a missing subject token', 400, 'invalid_request', async () => exchange(await form({ subject_token: undefined }))],
    ['an empty subject token', 400, 'invalid_request', async () => exchange(await form({ subject_token: '' }))],
    ['an access token as subject', 400, 'invalid_request', async () => exchange(await form({ subject_token: access }))],
    ['a grant that is none', 400, 'invalid_request', async () => exchange(await form({ grant_id: ' ' }))],
    [
      'a grant that does not exist',
      400,
      'invalid_request',
      async () => exchange(await form({ grant_id: 'grt_00000000000000000000000000' })),
    ],
    [
      'a resource outside the grant',
      400,
      'invalid_target',
      async () => exchange(await form({ resource: 'https://evil.example' })),
    ],
    [
      'wider authorization details',
      400,
      'invalid_authorization_details',
      async () =>
        exchange(
          await form({
            authorization_details: JSON.stringify([
              {
                type: 'agent_permission',
                locations: [calendar],
                actions: ['calendar.*'],
                resources: ['CalendarEvent::*'],
              },
            ]),
          }),
        ),
    ],
    [
      'empty authorization details',
      400,
      'invalid_authorization_details',
      async () => exchange(await form({ authorization_details: '[]' })),
    ],
    ['another grant type', 400, 'unsupported_grant_type', async () => exchange(await form({ grant_type: 'password' }))],
  ]
  for (const [name, status, error, call] of refusals)
    it(`refuses ${name}: ${status} ${error}`, async () => {
      const answer = await call()
      expect([answer.status, answer.error]).toEqual([status, error])
      expect(answer.access_token).toBeUndefined()
    })

  it('refuses another agent’s delegation, and records the refusal', async () => {
    const other = await putToWork(house)
    const answer = await exchange(await form({ subject_token: other.task.delegation.delegationToken }))
    expect([answer.status, answer.error]).toEqual([400, 'actor_unauthorized'])
    const about = { $case: 'agentId' as const, value: work.agentId }
    // The index follows the trail by some milliseconds.
    await expect
      .poll(
        async () =>
          (await house.cast.auditor.audit.explain({ about, notBefore: [] })).life.map(({ summary }) => summary),
        { timeout: 5_000 },
      )
      .toEqual(expect.arrayContaining([expect.stringContaining('actor_unauthorized')]))
    await other.agent.close()
  })

  it('does not know an agent that was revoked', async () => {
    const other = await putToWork(house)
    const { endedAgentIds } = await house.cast.security.identity.revokeAgent({ agentId: other.agentId, reason: 'test' })
    expect(endedAgentIds).toEqual([other.agentId])
    await expect(other.agent.tokenFor(other.task, calendar)).rejects.toMatchObject({ error: 'invalid_client' })
    const { agent } = await house.cast.security.identity.getAgent({ agentId: other.agentId, notBefore: [] })
    expect(agent?.state).toBe(AgentState.AGENT_STATE_REVOKED)
    await other.agent.close()
  })

  it('answers only under its own name, and only what it serves', async () => {
    const spoofed = `POST /token HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`
    expect(await raw(house.stack.ports.identityHttp, spoofed)).toMatch(/^HTTP\/1.1 421/)
    for (const path of ['/auth', '/reg', '/me', '/token/introspection', '/.well-known/openid-configuration'])
      expect((await http.fetch(`${house.stack.issuer}${path}`)).status).toBe(404)
  })
})
