/** Client authentication by private_key_jwt (RFC 7523, rfc7523bis) at the token endpoint, as an attacker meets it. */
import fc from 'fast-check'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type House, openHouse, type Worker } from '../../testing/house.ts'
import {
  type AssertionParts,
  type Fields,
  newKey,
  outcomes,
  refusal,
  resigned,
  tokenClient,
  tokensIssued,
  unsecured,
} from '../../testing/token-client.ts'

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

const notTheClient = refusal('invalid_client', 401)
/** A good exchange but for its assertion. */
const withAssertion = (client: AssertionParts) => outcome(() => http.exchange(worker, {}, { client }))
const withFields = (fields: Fields, headers: Record<string, string> = {}) =>
  outcome(async () => http.send(await http.form(worker, fields), await http.proof(worker), headers))

describe('an assertion is for this issuer alone', () => {
  it('assertion-aud-issuer-only: rfc7523bis §4, the issuer identifier as one string is the only audience', async () => {
    const { issuer } = house.stack
    expect(await withAssertion({ aud: issuer })).toMatchObject({ status: 200, issued: 1 })
    const near = [
      `${issuer}/`,
      issuer.toUpperCase(),
      `${issuer}?`,
      ` ${issuer}`,
      'https://localhost',
      'https://evil.example',
    ]
    for (const aud of [...near, '', undefined, null, 1, true, { iss: issuer }])
      expect(await withAssertion({ claims: { aud } })).toEqual(notTheClient)
  })

  it('assertion-aud-array-rejected: rfc7523bis §4, an audience array is refused, even with the issuer alone in it', async () => {
    const { issuer } = house.stack
    for (const aud of [[issuer], [issuer, issuer], ['https://evil.example', issuer], [issuer, http.endpoint], []])
      expect(await withAssertion({ aud })).toEqual(notTheClient)
  })

  it('assertion-aud-token-endpoint-rejected: rfc7523bis §4, the URL of the token endpoint is no audience', async () => {
    expect(await withAssertion({ aud: http.endpoint })).toEqual(notTheClient)
    expect(await withAssertion({ aud: `spiffe://${house.stack.trustDomain}/service/identity` })).toEqual(notTheClient)
  })

  it('assertion-host-spoof: rfc7523bis §4, the accepted audience does not follow the Host header', async () => {
    for (const aud of ['https://evil.example', 'https://evil.example/token']) {
      const sent = (headers: Record<string, string>) =>
        outcome(async () => http.send(await http.form(worker, {}, { aud }), await http.proof(worker), headers))
      const spoofed = await sent({ host: 'evil.example' })
      expect(spoofed).toMatchObject({ issued: 0, error: expect.any(String) })
      expect([400, 401, 421]).toContain(spoofed.status)
      for (const header of ['x-forwarded-host', 'x-original-host', 'forwarded']) {
        const value = header === 'forwarded' ? 'host=evil.example;proto=https' : 'evil.example'
        expect(await sent({ [header]: value })).toEqual(notTheClient)
      }
    }
  })
})

describe('an assertion counts once and not for long', () => {
  it('assertion-replay-parallel-50: RFC 7523 §3, one assertion sent 50 times at once gives one token', async () => {
    const client_assertion = await http.assertion(worker)
    const proofs = await Promise.all(Array.from({ length: 50 }, () => http.proof(worker)))
    const form = await http.form(worker, { client_assertion })
    const before = tokensIssued(await house.read('IDENTITY')).length
    const answers = await Promise.all(proofs.map((dpop) => http.send(form, dpop)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(answers.filter(({ status, error }) => status === 401 && error === 'invalid_client')).toHaveLength(49)
    expect(tokensIssued(await house.read('IDENTITY')).length - before).toBe(1)
    for (const jti of [undefined, '', null, 7, ['x']])
      expect(await withAssertion({ claims: { jti } })).toEqual(notTheClient)
  })

  it('assertion-exp-max: RFC 7523 §3, one that ends more than 300 s ahead, never, or in the past is refused', async () => {
    expect(await withAssertion({ exp: '240s' })).toMatchObject({ status: 200, issued: 1 })
    for (const exp of ['10m', '1h', '10 years', '-30s']) expect(await withAssertion({ exp })).toEqual(notTheClient)
    for (const exp of [undefined, 'soon', null, [], 0]) {
      const client_assertion = await resigned(await http.assertion(worker), { claims: { exp } }, worker.key.privateKey)
      expect(await withFields({ client_assertion })).toEqual(notTheClient)
    }
  })
})

describe('an assertion is by the registered key of the client', () => {
  it('assertion-alg-mismatch: RFC 8725 §3.1, only the algorithm of the registered key, never none or symmetric', async () => {
    const secret = Buffer.from(JSON.stringify(worker.key.publicJwk))
    const other = await newKey('EdDSA')
    expect(await withAssertion({ key: other })).toEqual(notTheClient)
    expect(await withAssertion({ key: await newKey('ES256') })).toEqual(notTheClient)
    for (const jwk of [{ jwk: other.publicJwk }, { kid: 'x', jwk: other.publicJwk }])
      expect(await withAssertion({ key: other, header: jwk })).toEqual(notTheClient)
    for (const alg of ['HS256', 'HS512'])
      expect(await withAssertion({ header: { alg }, signer: secret })).toEqual(notTheClient)
    const claims = decodeJwt(await http.assertion(worker))
    expect(await withFields({ client_assertion: unsecured({}, claims) })).toEqual(notTheClient)
    for (const claim of [{ iss: 'https://evil.example' }, { iss: undefined }])
      expect(await withAssertion({ claims: claim })).toEqual(notTheClient)
  })

  it('two-methods-rejected: RFC 6749 §2.3, more than one way to authenticate in a request is refused', async () => {
    const basic = `Basic ${Buffer.from(`${encodeURIComponent(worker.spiffeId)}:secret`).toString('base64')}`
    const twice = refusal('invalid_request')
    for (const authorization of [basic, 'Bearer abc', 'DPoP abc'])
      expect(await withFields({}, { authorization })).toEqual(twice)
    expect(await withFields({ client_secret: 'secret' })).toEqual(twice)
    const assertions = [await http.assertion(worker), await http.assertion(worker)]
    expect(await withFields({ client_assertion: assertions })).toEqual(twice)
    const other = await house.worker()
    expect(await withFields({ client_id: other.spiffeId })).toEqual(twice)
    expect(await withFields({ client_id: [worker.spiffeId, other.spiffeId] })).toEqual(twice)
  })

  it('fuzz-client-auth-headers: RFC 6749 §2.3.1, no Authorization header whatsoever gives a token or a 5xx', async () => {
    const before = tokensIssued(await house.read('IDENTITY')).length
    const base64 = (text: string) => Buffer.from(text).toString('base64')
    // Everything that fits into one header field: RFC 9110 §5.5, field-vchar, obs-text, space and tab.
    const text = fc.array(fc.constantFrom(...fieldCharacters), { maxLength: 60 }).map((all) => all.join(''))
    const pair = fc.tuple(
      fc.constantFrom(worker.spiffeId, encodeURIComponent(worker.spiffeId), '', '%', '%zz'),
      fc.string(),
    )
    const basic = fc.oneof(
      text,
      fc.string().map(base64),
      pair.map(([id, secret]) => base64(`${id}:${secret}`)),
    )
    const scheme = fc.constantFrom('Basic ', 'basic ', 'BASIC  ', 'Basic', 'Bearer ', 'DPoP ', 'Digest ', '')
    const header = fc.oneof(
      text,
      fc.tuple(scheme, basic).map(([name, rest]) => name + rest),
    )
    const alone: Fields = { client_assertion: undefined, client_assertion_type: undefined }
    await fc.assert(
      fc.asyncProperty(header, fc.boolean(), async (authorization, withGoodAssertion) => {
        const form = await http.form(worker, withGoodAssertion ? {} : alone)
        const dpop = await http.proof(worker)
        const answer = await http.raw({ body: form.toString(), headers: { dpop, authorization } })
        expect(answer.status).toBeGreaterThanOrEqual(400)
        expect(answer.status).toBeLessThan(500)
        expect(answer.text).not.toContain('access_token')
      }),
      { numRuns: 200 },
    )
    expect(tokensIssued(await house.read('IDENTITY')).length).toBe(before)
  })
})

describe('every refusal', () => {
  it('tx-error-answers-are-json: RFC 6749 §5.2, JSON with `error`, asked for HTML too; no token, no stack', async () => {
    const faults: string[] = []
    for (const accept of ['application/json', 'text/html'])
      for (const { headers, ...request } of badRequests(await http.form(worker))) {
        const { status, head, text } = await http.raw({ ...request, headers: { accept, ...headers } })
        const json = /^content-type: application\/json/im.test(head) && /^\{"error":"[a-z_]+"/.test(text)
        const told = /<|eyJ|node_modules|\.[jt]s:\d|\n +at /.test(text)
        if (!json || told || status < 400 || status > 499)
          faults.push(
            `${accept}, ${JSON.stringify({ ...request, headers }).slice(0, 90)}: ${status} ${text.slice(0, 60)}`,
          )
      }
    expect(faults).toEqual([])
  })
})

/** @param form a good one, sent without a proof or with something that is none */
function badRequests(form: URLSearchParams): Parameters<typeof http.raw>[0][] {
  const good = form.toString()
  const twisted = good.replace('subject_token=', 'subject_token=x')
  const bodies = ['', 'x', '%ZZ=%', 'grant_type=a&grant_type=b', good, twisted]
  const paths = [
    '/',
    '/token/',
    '/par/',
    '/authorize/x/y',
    '/%2e%2e',
    '//evil.example/token',
    '/.well-known/openid-configuration',
  ]
  const types = ['application/json', 'text/plain', 'application/x-www-form-urlencoded; charset=none']
  return [
    ...bodies.flatMap((body) => [{ body }, { body, headers: { dpop: '<script>' } }]),
    ...paths.map((path) => ({ path })),
    // The root is where people begin.
    ...paths.filter((path) => !['/', '/%2e%2e'].includes(path)).map((path) => ({ path, method: 'GET' })),
    ...['GET', 'PUT', 'DELETE', 'OPTIONS'].flatMap((method) => [{ method }, { method, path: '/par' }]),
    ...['POST', 'PUT', 'DELETE'].map((method) => ({ method, path: '/authorize' })),
    ...bodies.map((body) => ({ body, path: '/par' })),
    ...types.map((type) => ({ body: good, headers: { 'content-type': type } })),
    { headers: { host: 'evil.example' } },
  ]
}

const fieldCharacters = [
  '\t',
  ...Array.from({ length: 0xff - 0x1f }, (_, at) => String.fromCharCode(0x20 + at)),
].filter((character) => character !== '\x7f')
