import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { SignJWT } from 'jose'
import { describe, expect, it } from 'vitest'
import { parseBundle } from './bundle.ts'
import { verifyJwtSvid } from './jwt-svid.ts'

const NOW = new Date()
const AUDIENCE = 'https://identity.acme.example'
const ID = 'spiffe://acme.example/agent/scheduler/agt_1'
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' })
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const ed25519 = generateKeyPairSync('ed25519')
const jwk = (key: KeyObject, kid: string, more: object = {}) => ({
  ...key.export({ format: 'jwk' }),
  kid,
  use: 'jwt-svid',
  ...more,
})
const bundle = parseBundle(
  'acme.example',
  JSON.stringify({
    keys: [
      jwk(p256.publicKey, 'p256'),
      jwk(p256.publicKey, 'only-es256', { alg: 'ES256' }),
      jwk(p384.publicKey, 'p384'),
      jwk(rsa.publicKey, 'rsa'),
      jwk(ed25519.publicKey, 'ed25519'),
    ],
  }),
)

type Bent = { header?: object; claims?: object; key?: KeyObject }
const svid = ({ header = {}, claims = {}, key = p256.privateKey }: Bent = {}) =>
  new SignJWT({ sub: ID, aud: AUDIENCE, exp: Math.floor(NOW.getTime() / 1000) + 60, ...claims })
    .setProtectedHeader({ alg: 'ES256', kid: 'p256', ...header })
    .sign(key)
const verify = (token: string) => verifyJwtSvid(token, bundle, { audience: AUDIENCE, now: NOW })
const refuses = (token: string, reason: string) =>
  expect(verify(token), token).rejects.toThrow(expect.objectContaining({ status: 'unauthenticated', reason }))

describe('JWT-SVIDs', () => {
  it('JWT-SVID §2 to §5, a token as the specification has it says who sends it', async () => {
    for (const header of [{}, { typ: 'JWT' }, { typ: 'JOSE' }, { kid: 'only-es256' }])
      expect((await verify(await svid({ header, claims: { jti: 'one' } }))).id.id).toBe(ID)
    const others = { ES384: p384, RS256: rsa, PS512: rsa }
    for (const [alg, { privateKey }] of Object.entries(others)) {
      const kid = alg === 'ES384' ? 'p384' : 'rsa'
      expect((await verify(await svid({ header: { alg, kid }, key: privateKey }))).id.id, alg).toBe(ID)
    }
    expect(await verify(await svid({ claims: { jti: 'one' } }))).toMatchObject({ jti: 'one' })
  })

  it('spiffe-jwt-aud-sole: JWT-SVID §3.2, we are the only audience, as a string or as an array of one', async () => {
    for (const aud of [AUDIENCE, [AUDIENCE]]) expect((await verify(await svid({ claims: { aud } }))).id.id).toBe(ID)
    for (const aud of [
      'https://other.example',
      `${AUDIENCE}/`,
      [AUDIENCE, 'https://other.example'],
      [AUDIENCE, AUDIENCE],
      [],
      '',
    ])
      await refuses(await svid({ claims: { aud } }), 'jwt_svid_audience')
    await refuses(await svid({ claims: { aud: undefined } }), 'jwt_svid_invalid')
  })

  it('spiffe-jwt-aud-sole: JWT-SVID §7.2, what is nobody’s name may stand beside us, when we asked for it', async () => {
    const beside = 'a-challenge-of-ours'
    const asked = (aud: unknown) =>
      svid({ claims: { aud } }).then((token) => verifyJwtSvid(token, bundle, { audience: AUDIENCE, beside, now: NOW }))
    for (const aud of [AUDIENCE, [AUDIENCE], [AUDIENCE, beside], [beside, AUDIENCE]])
      expect((await asked(aud)).claims.aud).toEqual(aud)
    const elsewhere = 'https://other.example'
    for (const aud of [
      beside,
      [beside],
      [AUDIENCE, beside, beside],
      [AUDIENCE, beside, elsewhere],
      [elsewhere, beside],
    ])
      await expect(asked(aud)).rejects.toThrow(expect.objectContaining({ reason: 'jwt_svid_audience' }))
  })

  it('spiffe-jwt-eddsa-rejected: JWT-SVID §2.1, EdDSA is no algorithm of a JWT-SVID, nor is none or a shared secret', async () => {
    for (const alg of ['EdDSA', 'Ed25519'])
      await refuses(await svid({ header: { alg, kid: 'ed25519' }, key: ed25519.privateKey }), 'jwt_svid_algorithm')
    const good = await svid()
    const [, payload = ''] = good.split('.')
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    await refuses(`${part({ alg: 'none', kid: 'p256' })}.${payload}.`, 'jwt_svid_algorithm')
    const pem = p256.publicKey.export({ type: 'spki', format: 'pem' })
    const input = `${part({ alg: 'HS256', kid: 'p256' })}.${payload}`
    await refuses(`${input}.${createHmac('sha256', pem).update(input).digest('base64url')}`, 'jwt_svid_algorithm')
    // Nor an algorithm that is not the key's.
    await refuses(await svid({ header: { kid: 'p384' } }), 'jwt_svid_key_unknown')
    await refuses(await svid({ header: { alg: 'RS256', kid: 'p256' }, key: rsa.privateKey }), 'jwt_svid_key_unknown')
    await refuses(
      await svid({ header: { alg: 'ES384', kid: 'only-es256' }, key: p384.privateKey }),
      'jwt_svid_key_unknown',
    )
  })

  it('spiffe-jwt-extra-header-rejected: JWT-SVID §2, the header holds alg, kid and typ, and nothing to follow', async () => {
    const extra = {
      jku: 'https://evil.example',
      jwk: p256.publicKey.export({ format: 'jwk' }),
      x5u: 'https://evil.example',
      x5t: 'x',
      cty: 'JWT',
      'svid-hint': 1,
    }
    for (const [name, value] of Object.entries(extra))
      await refuses(await svid({ header: { [name]: value } }), 'jwt_svid_header')
    for (const typ of ['at+jwt', 'jwt', 'wit+jwt', '']) await refuses(await svid({ header: { typ } }), 'jwt_svid_type')
  })

  it('JWT-SVID §5, a token by another key, expired, changed or without its claims is refused', async () => {
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const now = Math.floor(NOW.getTime() / 1000)
    await refuses(await svid({ key: other.privateKey }), 'jwt_svid_signature')
    await refuses(await svid({ header: { kid: 'else' } }), 'jwt_svid_key_unknown')
    await refuses(await svid({ header: { kid: undefined } }), 'jwt_svid_key_unknown')
    await refuses(await svid({ claims: { exp: now - 6 } }), 'jwt_svid_expired')
    await refuses(await svid({ claims: { nbf: now + 60 } }), 'jwt_svid_not_yet_valid')
    for (const name of ['exp', 'sub']) await refuses(await svid({ claims: { [name]: undefined } }), 'jwt_svid_invalid')
    await refuses(await svid({ claims: { sub: 'alice' } }), 'spiffe_id_malformed')
    await refuses(await svid({ claims: { sub: 'spiffe://acme.example' } }), 'spiffe_id_without_path')
    await refuses(await svid({ claims: { sub: 'spiffe://other.example/w' } }), 'trust_domain_mismatch')
    const [header, , signature] = (await svid()).split('.')
    const forged = Buffer.from(JSON.stringify({ sub: ID, aud: AUDIENCE, exp: now + 999 })).toString('base64url')
    await refuses(`${header}.${forged}.${signature}`, 'jwt_svid_signature')
    for (const text of ['', 'x', 'a.b.c', '..', '{}']) await refuses(text, 'jwt_svid_malformed')
  })
})
