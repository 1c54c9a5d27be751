/** Access tokens and what proves that their sender may use them, with keys that are fetched over a socket. */
import { createHash, randomUUID } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type CryptoKey, calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KeysUnavailable, TokenRefused } from './refusal.ts'
import { createVerifyAccessToken, type Presented, type VerifyAccessToken } from './verify.ts'

const AUDIENCE = 'https://calendar.example/api'
const URL_OF_CALL = new URL('https://calendar.example/events/evn_1?day=1')
const CERTIFICATE = 'a'.repeat(43)

type Pair = { privateKey: CryptoKey; jwk: JWK; algorithm: string }
let server: Server
let issuer: string
let signing: Pair
let agent: Pair
let verify: VerifyAccessToken

async function newPair(algorithm: string): Promise<Pair> {
  const { privateKey, publicKey } = await generateKeyPair(algorithm)
  return { privateKey, jwk: await exportJWK(publicKey), algorithm }
}

beforeAll(async () => {
  signing = await newPair('ES256')
  agent = await newPair('EdDSA')
  server = createServer((request, response) => {
    const metadata = { issuer, jwks_uri: `${issuer}/jwks` }
    const found = request.url === '/jwks' ? { keys: [{ ...signing.jwk, kid: 'k1', alg: 'ES256' }] } : metadata
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(found))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  verify = createVerifyAccessToken({ issuer, fetch })
})
afterAll(() => new Promise((resolve) => server.close(resolve)))

type TokenParts = { claims?: object; audience?: string; key?: CryptoKey; typ?: string; life?: string }
async function token({ claims, audience = AUDIENCE, key, typ = 'at+jwt', life = '60s' }: TokenParts = {}) {
  const bound = { cnf: { jkt: await calculateJwkThumbprint(agent.jwk) } }
  const said = {
    client_id: 'c',
    agent_id: 'agt_1',
    grant_id: 'grt_1',
    act: { iss: 'i', sub: 'a' },
    ...bound,
    ...claims,
  }
  return new SignJWT(said)
    .setProtectedHeader({ alg: 'ES256', typ, kid: 'k1' })
    .setIssuer(issuer)
    .setAudience(audience)
    .setSubject('hum_1')
    .setJti('tok_1')
    .setIssuedAt()
    .setExpirationTime(life)
    .sign(key ?? signing.privateKey)
}

type ProofParts = { claims?: object; by?: Pair; jwk?: JWK; typ?: string }
async function proofFor(access: string, { claims, by = agent, jwk, typ = 'dpop+jwt' }: ProofParts = {}) {
  const ath = createHash('sha256').update(access).digest('base64url')
  return new SignJWT({ htm: 'GET', htu: 'https://calendar.example/events/evn_1', jti: randomUUID(), ath, ...claims })
    .setProtectedHeader({ alg: by.algorithm, typ, jwk: jwk ?? by.jwk })
    .setIssuedAt((claims as { iat?: number })?.iat)
    .sign(by.privateKey)
}

const present = (authorization: string[], dpop: string[], more: Partial<Presented> = {}) =>
  verify({ method: 'GET', url: URL_OF_CALL, authorization, dpop, ...more }, AUDIENCE)

const byProof = async (parts: TokenParts = {}, proof: ProofParts = {}, more: Partial<Presented> = {}) => {
  const access = await token(parts)
  return present([`DPoP ${access}`], [await proofFor(access, proof)], more)
}
const byCertificate = async (certificate: string | undefined, claims: object) =>
  present([`Bearer ${await token({ claims })}`], [], { certificate })

const refusal = async (work: Promise<unknown>): Promise<string | undefined> => {
  const error = await work.then(
    () => new Error('let in'),
    (thrown) => thrown,
  )
  if (error instanceof TokenRefused) return error.oauthError
  throw error
}
const seconds = () => Math.floor(Date.now() / 1000)

describe('a token that is bound to a key (RFC 9449)', () => {
  it('says who acts, for whom and under which grant', async () => {
    expect(await byProof()).toEqual({
      tokenId: 'tok_1',
      subject: 'hum_1',
      agentId: 'agt_1',
      grantId: 'grt_1',
      actor: 'a',
    })
  })

  it('may be proven by an ES256 or an Ed25519 key', async () => {
    const other = await newPair('ES256')
    const claims = { cnf: { jkt: await calculateJwkThumbprint(other.jwk) } }
    await expect(byProof({ claims }, { by: other })).resolves.toBeDefined()
  })

  const refused: [name: string, error: string | undefined, work: () => Promise<unknown>][] = [
    ['no credentials', undefined, () => present([], [])],
    ['no scheme', 'invalid_token', async () => present([await token()], [])],
    ['a bound token as Bearer', 'invalid_token', async () => present([`Bearer ${await token()}`], [])],
    [
      'a bound token as Bearer beside some certificate',
      'invalid_token',
      async () => present([`Bearer ${await token()}`], [], { certificate: CERTIFICATE }),
    ],
    ['no proof', 'invalid_dpop_proof', async () => present([`DPoP ${await token()}`], [])],
    [
      'two proofs',
      'invalid_dpop_proof',
      async () => {
        const access = await token()
        return present([`DPoP ${access}`], [await proofFor(access), await proofFor(access)])
      },
    ],
    [
      'two tokens',
      'invalid_token',
      async () => {
        const access = await token()
        return present([`DPoP ${access}`, `DPoP ${access}`], [await proofFor(access)])
      },
    ],
    ['two tokens in one value', 'invalid_token', async () => present([`DPoP ${await token()},DPoP x`], ['x'])],
    ['another audience', 'invalid_token', () => byProof({ audience: 'https://other.example' })],
    ['another type of token', 'invalid_token', () => byProof({ typ: 'JWT' })],
    ['a token that has ended', 'invalid_token', () => byProof({ life: '-10s' })],
    ['a foreign signature', 'invalid_token', async () => byProof({ key: (await newPair('ES256')).privateKey })],
    ['no agent', 'invalid_token', () => byProof({ claims: { agent_id: undefined } })],
    ['no binding', 'invalid_token', () => byProof({ claims: { cnf: {} } })],
    ['a binding that nobody knows', 'invalid_token', () => byProof({ claims: { cnf: { kid: 'k' } } })],
    ['another key', 'invalid_token', async () => byProof({}, { by: await newPair('EdDSA') })],
    ['a key in the header that did not sign', 'invalid_dpop_proof', async () => byProof({}, { jwk: signing.jwk })],
    ['a key that is none', 'invalid_dpop_proof', () => byProof({}, { jwk: { kty: 'OKP', crv: 'Ed25519', x: '?' } })],
    ['another type of proof', 'invalid_dpop_proof', () => byProof({}, { typ: 'JWT' })],
    ['another method', 'invalid_dpop_proof', () => byProof({}, {}, { method: 'POST' })],
    ['another host', 'invalid_dpop_proof', () => byProof({}, { claims: { htu: 'https://evil.example/events/evn_1' } })],
    [
      'another path',
      'invalid_dpop_proof',
      () => byProof({}, { claims: { htu: `${URL_OF_CALL.origin}/events/evn_2` } }),
    ],
    ['a proof for another token', 'invalid_dpop_proof', () => byProof({}, { claims: { ath: 'x' } })],
    ['an old proof', 'invalid_dpop_proof', () => byProof({}, { claims: { iat: seconds() - 301 } })],
    ['a proof from the future', 'invalid_dpop_proof', () => byProof({}, { claims: { iat: seconds() + 60 } })],
  ]
  for (const [name, error, work] of refused)
    it(`${name}: refused, ${error ?? 'without an error code'}`, async () => {
      expect(await refusal(work())).toBe(error)
    })

  it('takes a proof once, also when many copies come together', async () => {
    const access = await token()
    const proof = await proofFor(access)
    const answers = await Promise.allSettled(Array.from({ length: 20 }, () => present([`DPoP ${access}`], [proof])))
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })
})

describe('a token that is bound to a certificate (RFC 8705)', () => {
  const cnf = { 'x5t#S256': CERTIFICATE }

  it('is taken on a connection with this certificate, and on no other', async () => {
    await expect(byCertificate(CERTIFICATE, { cnf })).resolves.toMatchObject({ agentId: 'agt_1' })
    expect(await refusal(byCertificate('b'.repeat(43), { cnf }))).toBe('invalid_token')
    expect(await refusal(byCertificate(undefined, { cnf }))).toBe('invalid_token')
    expect(await refusal(byCertificate(CERTIFICATE, { cnf: undefined }))).toBe('invalid_token')
  })

  it('needs certificate and proof when it is bound to both', async () => {
    const both = { cnf: { ...cnf, jkt: await calculateJwkThumbprint(agent.jwk) } }
    await expect(byProof({ claims: both }, {}, { certificate: CERTIFICATE })).resolves.toBeDefined()
    expect(await refusal(byProof({ claims: both }))).toBe('invalid_token')
    expect(await refusal(byCertificate(CERTIFICATE, both))).toBe('invalid_token')
  })
})

describe('the keys', () => {
  it('that cannot be had let nobody in, and blame nobody', async () => {
    const access = await token()
    const shown = { method: 'GET', url: URL_OF_CALL, authorization: [`DPoP ${access}`], dpop: [await proofFor(access)] }
    const unreachable = createVerifyAccessToken({ issuer: 'http://127.0.0.1:1', fetch })
    await expect(unreachable(shown, AUDIENCE)).rejects.toBeInstanceOf(KeysUnavailable)
    const other = createVerifyAccessToken({ issuer: `${issuer}/other`, fetch })
    await expect(other(shown, AUDIENCE)).rejects.toBeInstanceOf(KeysUnavailable)
  })

  it('are asked of the algorithm that is configured for the audience', async () => {
    const access = await token()
    const shown = { method: 'GET', url: URL_OF_CALL, authorization: [`DPoP ${access}`], dpop: [await proofFor(access)] }
    const strict = createVerifyAccessToken({ issuer, fetch, algorithmFor: () => 'RS256' })
    expect(await refusal(strict(shown, AUDIENCE))).toBe('invalid_token')
  })
})
