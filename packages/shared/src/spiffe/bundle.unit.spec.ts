import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { SignJWT } from 'jose'
import { describe, expect, it } from 'vitest'
import { parseBundle, refuseOlder } from './bundle.ts'
import { claimedTrustDomain, verifyJwtSvid } from './jwt-svid.ts'

const NOW = new Date()
const AUDIENCE = 'https://identity.acme.example'
const domainKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })
const jwk = (key: KeyObject, kid: string, use = 'jwt-svid') => ({ ...key.export({ format: 'jwk' }), kid, use })
const document = (keys: unknown, more: object = {}) => JSON.stringify({ keys, ...more })
const svidOf = (domain: string, key: KeyObject, kid: string) =>
  new SignJWT({ sub: `spiffe://${domain}/w`, aud: AUDIENCE })
    .setProtectedHeader({ alg: 'ES256', kid })
    .setExpirationTime('2m')
    .sign(key)
const about = { audience: AUDIENCE, now: NOW }
const refusedAs = (reason: string) => expect.objectContaining({ reason })

describe('SPIFFE bundles', () => {
  it('spiffe-bundle-not-merged: SPIFFE bundles §5.2.4, the key of one domain vouches for nobody of another', async () => {
    const acme = domainKey()
    const other = domainKey()
    const ours = parseBundle('acme.example', document([jwk(acme.publicKey, 'same')]))
    const theirs = parseBundle(
      'other.example',
      document([jwk(other.publicKey, 'same'), jwk(other.publicKey, 'second')]),
    )
    const verify = (token: string) => {
      const domain = claimedTrustDomain(token)
      return verifyJwtSvid(token, domain === ours.trustDomain ? ours : theirs, about)
    }
    expect((await verify(await svidOf('acme.example', acme.privateKey, 'same'))).id.trustDomain).toBe('acme.example')
    expect((await verify(await svidOf('other.example', other.privateKey, 'same'))).id.trustDomain).toBe('other.example')
    for (const kid of ['same', 'second'])
      await expect(verify(await svidOf('acme.example', other.privateKey, kid))).rejects.toThrow('is refused')
    // Nor does the other domain's own bundle accept a name of ours.
    const claimsOurs = await svidOf('acme.example', other.privateKey, 'second')
    await expect(verifyJwtSvid(claimsOurs, theirs, about)).rejects.toThrow(refusedAs('trust_domain_mismatch'))
  })

  it('spiffe-bundle-empty-revokes: SPIFFE bundles §4.1.3, a bundle without usable keys revokes everything of its domain', async () => {
    const { publicKey, privateKey } = domainKey()
    const token = await svidOf('acme.example', privateKey, '1')
    const usable = jwk(publicKey, '1')
    const useless = [
      [],
      [{ ...usable, use: 'sig' }],
      [{ ...usable, use: undefined }],
      [{ ...usable, kid: undefined }],
      [{ ...usable, kty: 'oct', k: 'c2VjcmV0' }, null, 7, 'x', []],
      [{ ...jwk(privateKey, '1'), use: 'jwt-svid' }],
      [
        { kty: 'EC', use: 'x509-svid', x5c: ['AAAA'] },
        { kty: 'EC', use: 'x509-svid' },
      ],
    ]
    await verifyJwtSvid(token, parseBundle('acme.example', document([usable])), about)
    for (const keys of useless) {
      const empty = parseBundle('acme.example', document(keys))
      expect(empty).toMatchObject({ x509Authorities: [], jwtAuthorities: [] })
      await expect(verifyJwtSvid(token, empty, about)).rejects.toThrow(refusedAs('jwt_svid_key_unknown'))
    }
  })

  it('spiffe-bundle-sequence-backwards: SPIFFE bundles §4.1.1, an older bundle does not come back', () => {
    const numbered = (spiffe_sequence?: number) => parseBundle('acme.example', document([], { spiffe_sequence }))
    for (const [held, next] of [
      [undefined, undefined],
      [undefined, 5],
      [5, 5],
      [5, 6],
    ])
      refuseOlder(numbered(held), numbered(next))
    refuseOlder(undefined, numbered(5))
    for (const sequence of [5, 0, undefined])
      expect(() => refuseOlder(numbered(6), numbered(sequence))).toThrow(refusedAs('bundle_sequence_backwards'))
  })

  it('spiffe-bundle-sequence-backwards: SPIFFE bundles §4.1.1, 64 bits are compared exactly', () => {
    const text = (sequence: string) => `{"keys":[],"spiffe_sequence":${sequence}}`
    const numbered = (sequence: string) => parseBundle('acme.example', text(sequence))
    const held = numbered('9007199254740993')
    expect(() => refuseOlder(held, numbered('9007199254740992'))).toThrow('is older')
    refuseOlder(held, numbered('18446744073709551615'))
    for (const bad of ['18446744073709551616', '-1', '1.5', '1e3', '"x"', 'null', '[]'])
      expect(() => parseBundle('acme.example', text(bad)), bad).toThrow(refusedAs('bundle_malformed'))
  })

  it('passes over a key whose type is no text, whatever it says of itself', () => {
    const odd = { ...jwk(domainKey().publicKey, 'k'), kty: { toString: 1, valueOf: 1 } }
    expect(parseBundle('acme.example', document([odd])).jwtAuthorities).toEqual([])
  })

  it('refuses a JWT-SVID whose subject is no text, whatever it says of itself', async () => {
    const { privateKey, publicKey } = domainKey()
    const bundle = parseBundle('acme.example', document([jwk(publicKey, 'k')]))
    const token = await new SignJWT({ sub: { toString: 1 } as never, aud: AUDIENCE })
      .setProtectedHeader({ alg: 'ES256', kid: 'k' })
      .setExpirationTime('2m')
      .sign(privateKey)
    await expect(verifyJwtSvid(token, bundle, about)).rejects.toThrow(refusedAs('spiffe_id_malformed'))
  })

  it('SPIFFE bundles §4.1, what is no bundle is refused, and the refresh hint has a default', () => {
    for (const text of ['', '[]', 'null', '{}', '{"keys":{}}', '{"keys":"x"}', '{"keys":[],"spiffe_refresh_hint":"5"}'])
      expect(() => parseBundle('acme.example', text), text).toThrow(refusedAs('bundle_malformed'))
    const same = jwk(domainKey().publicKey, '1')
    expect(() => parseBundle('acme.example', document([same, same]))).toThrow(refusedAs('bundle_malformed'))
    expect(() => parseBundle('Acme', document([]))).toThrow(refusedAs('bundle_malformed'))
    expect(parseBundle('acme.example', document([])).refreshHintSeconds).toBe(300)
    expect(parseBundle('acme.example', document([], { spiffe_refresh_hint: 60 })).refreshHintSeconds).toBe(60)
  })
})
