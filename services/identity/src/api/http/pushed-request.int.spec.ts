/** Pushed authorization requests (RFC 9126) and the authorization endpoint, as an agent and an attacker meet them. */
import { createServer } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { detail } from '../../../../../infra/testing/facts.ts'
import { type House, openHouse, type Worker } from '../../testing/house.ts'
import { type Fields, newKey, type Pushed, REDIRECT_URI, tokenClient } from '../../testing/token-client.ts'

let house: House
let worker: Worker
let http: ReturnType<typeof tokenClient>

beforeAll(async () => {
  house = await openHouse()
  http = tokenClient(house.stack.issuer, house.stack.authority.caFile)
  worker = await house.worker()
}, 120_000)
afterAll(() => house?.close(), 60_000)

const said = ({ status, error }: Pushed) => ({ status, ...(error ? { error } : {}) })
const pushed = async (fields: Fields, bent: Parameters<typeof http.push>[2] = {}) =>
  said(await http.push(worker, fields, bent))
const kept = { status: 201 }
const refused = (error: string, status = 400) => ({ status, error })

/** A browser without cookies that opens the authorization endpoint. */
async function authorize(parameters: Record<string, string | string[]>) {
  const pairs = Object.entries(parameters).flatMap(([name, value]) =>
    [value].flat().map((one): [string, string] => [name, one]),
  )
  const path = `/authorize?${new URLSearchParams(pairs)}`
  const { status, head } = await http.raw({ method: 'GET', path, headers: { 'content-type': undefined } })
  return { status, location: /^location: (\S+)/im.exec(head)?.[1] }
}
const toThePage = { status: 303, location: expect.stringMatching(/^\/interaction\/[\w-]+$/) }

describe('a pushed request', () => {
  it('par-basic: RFC 9126 §2.2, what fits is kept for 60 s under a request_uri that cannot be guessed', async () => {
    const first = await http.push(worker)
    expect(first).toMatchObject({ status: 201, expires_in: 60 })
    expect(first.request_uri).toMatch(/^urn:ietf:params:oauth:request_uri:[\w-]{43}$/)
    expect(first.head).toMatch(/^cache-control: no-store/im)
    expect((await http.push(worker)).request_uri).not.toBe(first.request_uri)
    expect(await authorize({ client_id: worker.spiffeId, request_uri: first.request_uri ?? '' })).toEqual(toThePage)
  })

  it('par-client-bound: RFC 9126 §4, nobody but the agent that pushed it may use it', async () => {
    const other = await house.worker()
    const { request_uri = '' } = await http.push(worker)
    expect(await authorize({ client_id: other.spiffeId, request_uri })).toMatchObject({ status: 400 })
    expect(await authorize({ client_id: 'spiffe://acme.example/agent/x/none', request_uri })).toMatchObject({
      status: 400,
    })
    expect(await authorize({ request_uri })).toMatchObject({ status: 400 })
    for (const client_id of [other.spiffeId, [worker.spiffeId, other.spiffeId]])
      expect(await pushed({ client_id })).toEqual(refused('invalid_request'))
    expect(await pushed({ client_assertion: await http.assertion(other) })).toEqual(refused('invalid_request'))
    expect(await authorize({ client_id: worker.spiffeId, request_uri })).toEqual(toThePage)
  })

  it('par-params-outside-ignored: RFC 9126 §4, RFC 9101 §6.3: parameters beside request_uri change nothing', async () => {
    const { request_uri = '' } = await http.push(worker)
    const beside = { redirect_uri: 'https://evil.example/cb', scope: 'openid admin', state: 'evil', prompt: 'login' }
    const wider = { authorization_details: JSON.stringify([detail({ actions: ['admin.all'] })]) }
    const opened = { client_id: worker.spiffeId, request_uri, ...beside, ...wider, delegation_lifetime: '9999999' }
    expect(await authorize(opened)).toEqual(toThePage)
    for (const response_type of ['token', 'id_token', 'code token']) {
      const { location } = await authorize({ ...opened, response_type })
      expect(location ?? '').not.toContain('evil')
    }
  })

  it('par-aud-issuer-only: RFC 9126 §2, rfc7523bis §4: the assertion is for the issuer, not for this endpoint', async () => {
    const { issuer } = house.stack
    expect(await pushed({})).toEqual(kept)
    for (const aud of [`${issuer}/par`, `${issuer}/token`, [issuer], [issuer, `${issuer}/par`], 'https://evil.example'])
      expect(await pushed({}, { client: { aud } })).toEqual(refused('invalid_client', 401))
  })

  it('par-authenticated: RFC 9126 §2, only a client that proves who it is, once', async () => {
    expect(await pushed({ client_assertion: undefined, client_assertion_type: undefined })).toEqual(
      refused('invalid_client', 401),
    )
    expect(await pushed({}, { client: { key: await newKey() } })).toEqual(refused('invalid_client', 401))
    const client_assertion = await http.assertion(worker)
    const answers = await Promise.all(Array.from({ length: 20 }, () => pushed({ client_assertion })))
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(19)
  })

  it('redirect-bound-to-client: RFC 6749 §3.1.2.3, RFC 9700 §4.1: only a redirect_uri of its blueprint, byte by byte', async () => {
    const near = [
      `${REDIRECT_URI}/`,
      `${REDIRECT_URI}?x=1`,
      `${REDIRECT_URI}#x`,
      REDIRECT_URI.toUpperCase(),
      REDIRECT_URI.replace('https:', 'http:'),
      REDIRECT_URI.replace('.example/', '.example:443/'),
      REDIRECT_URI.replace('.example', '.example.evil.example'),
      REDIRECT_URI.replace('/callback', '/x/../callback'),
      REDIRECT_URI.replace('https://', 'https://user@'),
      'https://evil.example/callback',
      'javascript:alert(1)',
      'urn:ietf:wg:oauth:2.0:oob',
    ]
    for (const redirect_uri of near) expect(await pushed({ redirect_uri })).toEqual(refused('invalid_request'))
    for (const redirect_uri of [undefined, '', [REDIRECT_URI, 'https://evil.example']])
      expect(await pushed({ redirect_uri })).toEqual(refused('invalid_request'))
    expect(await pushed({})).toEqual(kept)
  })

  it('par-pkce: RFC 7636 §4.4.1, RFC 9700 §2.1.1: S256 or nothing', async () => {
    for (const code_challenge_method of ['plain', 's256', undefined])
      expect(await pushed({ code_challenge_method })).toEqual(refused('invalid_request'))
    for (const code_challenge of [undefined, '', 'short', 'x'.repeat(129), `${'x'.repeat(42)}+`])
      expect(await pushed({ code_challenge })).toEqual(refused('invalid_request'))
  })

  it('par-response-type: RFC 6749 §3.1.1, only `code`, answered by a query', async () => {
    for (const response_type of ['token', 'id_token', 'code id_token', 'none', ''])
      expect(said(await http.push(worker, { response_type }))).toMatchObject({ status: 400 })
    for (const response_mode of ['fragment', 'form_post', 'web_message', 'jwt'])
      expect(await pushed({ response_mode })).toMatchObject({ status: 400 })
    expect(await pushed({ request_uri: 'https://evil.example/r' })).toMatchObject({ status: 400 })
    expect(await pushed({ request: 'eyJhbGciOiJub25lIn0.e30.' })).toMatchObject({ status: 400 })
  })

  it('par-dpop: RFC 9449 §10.1, the code will be bound to the key of the proof, which is a key of the agent', async () => {
    const { key } = worker
    expect(await pushed({ dpop_jkt: key.thumbprint })).toEqual(kept)
    expect(await pushed({ dpop_jkt: key.thumbprint }, { proof: false })).toEqual(kept)
    expect(await pushed({ dpop_jkt: (await newKey()).thumbprint })).toEqual(refused('invalid_request'))
    expect(await pushed({}, { proof: false })).toEqual(refused('invalid_dpop_proof'))
    const stranger = (await newKey()).thumbprint
    expect(await pushed({ dpop_jkt: stranger }, { proof: false })).toEqual(refused('invalid_dpop_proof'))
    expect(await pushed({}, { proof: { key: await newKey() } })).toEqual(refused('invalid_dpop_proof'))
    expect(await pushed({}, { proof: { url: http.endpoint } })).toEqual(refused('invalid_dpop_proof'))
    const iat = Math.floor(Date.now() / 1000) + 60
    expect(await pushed({}, { proof: { iat } })).toEqual(refused('invalid_dpop_proof'))
    const answers = await Promise.all(Array.from({ length: 20 }, () => pushed({}, { proof: { jti: 'same' } })))
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1)
    expect(answers.filter(({ error }) => error === 'invalid_dpop_proof')).toHaveLength(19)
  })

  it('par-details: RFC 9396 §5, details that are unknown, malformed or above the ceiling are refused and named', async () => {
    const bad = [
      undefined,
      '',
      'x',
      '{}',
      '[]',
      '[1]',
      JSON.stringify([{ ...detail(), type: 'payment' }]),
      JSON.stringify([{ ...detail(), more: true }]),
      JSON.stringify([detail({ actions: ['payroll.read'] })]),
      JSON.stringify([detail({ locations: ['https://other.acme.example'] })]),
    ]
    for (const authorization_details of bad) {
      const answer = await http.push(worker, { authorization_details })
      expect(answer.status).toBe(400)
      expect(['invalid_authorization_details', 'invalid_request']).toContain(answer.error)
      expect(answer.error_description).toMatch(/authorization_details/)
    }
  })

  it('par-own-parameters: RFC 6749 §5.2, purpose, lifetime and depth have to be there and in their bounds', async () => {
    const purposes = [undefined, '', ' ', 'x'.repeat(501), 'two\u202Ewords', 'a\u0000b', ['a', 'b']]
    const lifetimes = [undefined, '', '0', '-1', '1.5', '1e3', '0x10', 'an hour', '2592001', '99999999999999']
    const faults: [string, Fields[string]][] = [
      ...purposes.map((value): [string, Fields[string]] => ['delegation_purpose', value]),
      ...lifetimes.map((value): [string, Fields[string]] => ['delegation_lifetime', value]),
      ...['-1', '9', 'x', '1.0'].map((value): [string, Fields[string]] => ['delegation_depth', value]),
    ]
    for (const [name, value] of faults) {
      const answer = await http.push(worker, { [name]: value })
      expect(said(answer), `${name}=${value}`).toEqual(refused('invalid_request'))
      expect(answer.error_description).toContain(name)
    }
    expect(await pushed({ delegation_depth: undefined })).toEqual(kept)
  })
})

describe('the authorization endpoint', () => {
  it('par-required: RFC 9126 §5, no request that was not pushed is shown to anybody', async () => {
    const plain = { client_id: worker.spiffeId, response_type: 'code', redirect_uri: REDIRECT_URI, state: 's' }
    const answer = await authorize(plain)
    expect(answer.location ?? '').not.toContain('/interaction/')
    // RFC 6749 §4.1.2.1 and RFC 9207 §2: the error goes to the registered URI, and says who answers.
    const { searchParams } = new URL(answer.location ?? '')
    expect(Object.fromEntries(searchParams)).toMatchObject({
      error: 'invalid_request',
      state: 's',
      iss: house.stack.issuer,
    })
    for (const redirect_uri of ['https://evil.example/cb', `${REDIRECT_URI}x`])
      expect(await authorize({ ...plain, redirect_uri })).toEqual({ status: 400, location: undefined })
    for (const request_uri of ['urn:ietf:params:oauth:request_uri:x', 'https://evil.example/r', 'urn:x', ''])
      expect((await authorize({ client_id: worker.spiffeId, request_uri })).status).toBe(400)
  })

  it('store-namespaces-isolated: CVE-2026-4282, what is kept of one kind never passes for another', async () => {
    const { request_uri = '' } = await http.push(worker)
    const id = request_uri.split(':').at(-1) ?? ''
    const started = await authorize({ client_id: worker.spiffeId, request_uri })
    const uid = started.location?.split('/').at(-1) ?? ''
    for (const code of [id, uid, request_uri, worker.delegation.id, worker.delegationToken, worker.grant]) {
      const form = { grant_type: 'authorization_code', code, redirect_uri: REDIRECT_URI, code_verifier: 'v'.repeat(43) }
      expect(await http.exchange(worker, form)).toMatchObject({ status: 400, error: 'invalid_grant' })
    }
    for (const other of [uid, worker.delegation.id]) {
      const uri = `urn:ietf:params:oauth:request_uri:${other}`
      expect((await authorize({ client_id: worker.spiffeId, request_uri: uri })).status).toBe(400)
    }
    const cookie = { cookie: `_interaction=${id}; _interaction_resume=${id}` }
    const resumed = await http.raw({ method: 'GET', path: `/authorize/${id}`, headers: cookie })
    expect(resumed.status).toBe(400)
  })

  it('device-flow-off-by-default: RFC 8628 §5.4, no code that somebody else started can be approved', async () => {
    const metadata = await http.raw({ method: 'GET', path: '/.well-known/oauth-authorization-server' })
    expect(metadata.text).not.toMatch(/device_|backchannel_/)
    for (const path of ['/device', '/device/auth', '/device_authorization', '/backchannel']) {
      expect((await http.raw({ path, body: `client_id=${worker.spiffeId}` })).status).toBe(404)
      expect((await http.raw({ path, method: 'GET' })).status).toBe(404)
    }
    for (const grant_type of ['urn:ietf:params:oauth:grant-type:device_code', 'urn:openid:params:grant-type:ciba'])
      expect(await http.exchange(worker, { grant_type })).toMatchObject({
        status: 400,
        error: 'unsupported_grant_type',
      })
  })
})

describe('nothing that a client names is fetched', () => {
  it('ssrf-logo-not-fetched, ssrf-sector-uri: RFC 7591 §5: no connection arrives at any URL in a request', async () => {
    let connections = 0
    const trap = createServer((socket) => {
      connections += 1
      socket.destroy()
    })
    await new Promise<void>((resolve) => trap.listen(0, '127.0.0.1', resolve))
    const { port } = trap.address() as { port: number }
    const url = `https://127.0.0.1:${port}/`
    const names = [
      'logo_uri',
      'sector_identifier_uri',
      'jwks_uri',
      'client_uri',
      'policy_uri',
      'tos_uri',
      'request_uri',
    ]
    for (const name of names) {
      await http.push(worker, { [name]: url })
      await http.exchange(worker, { [name]: url })
      await authorize({ client_id: worker.spiffeId, [name]: url })
    }
    await authorize({ client_id: url, response_type: 'code', redirect_uri: url })
    for (const header of [{ jku: url }, { x5u: url }, { jku: url, kid: 'x' }])
      expect(await pushed({}, { client: { header, key: await newKey() } })).toEqual(refused('invalid_client', 401))
    await http.push(worker, { client_id: url, client_assertion: await http.assertion(worker, { id: url }) })
    await new Promise<void>((resolve) => trap.close(() => resolve()))
    expect(connections).toBe(0)
  })
})
