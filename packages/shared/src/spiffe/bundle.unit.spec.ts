import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { SignJWT } from 'jose'
import { describe, expect, it } from 'vitest'
import { createTrustBundles, parseBundle } from './bundle.ts'
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
    const bundles = createTrustBundles()
    bundles.accept(parseBundle('acme.example', document([jwk(acme.publicKey, 'same')])))
    bundles.accept(
      parseBundle('other.example', document([jwk(other.publicKey, 'same'), jwk(other.publicKey, 'second')])),
    )
    const verify = (token: string) => verifyJwtSvid(token, bundles.of(claimedTrustDomain(token)), about)

    expect((await verify(await svidOf('acme.example', acme.privateKey, 'same'))).id.trustDomain).toBe('acme.example')
    expect((await verify(await svidOf('other.example', other.privateKey, 'same'))).id.trustDomain).toBe('other.example')
    for (const kid of ['same', 'second'])
      await expect(verify(await svidOf('acme.example', other.privateKey, kid))).rejects.toThrow('is refused')
    // Nor does the other domain's own bundle accept a name of ours.
    const claimsOurs = await svidOf('acme.example', other.privateKey, 'second')
    await expect(verifyJwtSvid(claimsOurs, bundles.of('other.example'), about)).rejects.toThrow(
      refusedAs('trust_domain_mismatch'),
    )
    expect(() => bundles.of('third.example')).toThrow(refusedAs('trust_domain_unknown'))
  })

  it('spiffe-bundle-not-merged: SPIFFE bundles §5.2.4, a newer bundle takes the place of the older, wholly', async () => {
    const [first, second] = [domainKey(), domainKey()]
    const bundles = createTrustBundles()
    bundles.accept(parseBundle('acme.example', document([jwk(first.publicKey, '1')], { spiffe_sequence: 1 })))
    bundles.accept(parseBundle('acme.example', document([jwk(second.publicKey, '2')], { spiffe_sequence: 2 })))
    const held = bundles.of('acme.example')
    await expect(verifyJwtSvid(await svidOf('acme.example', first.privateKey, '1'), held, about)).rejects.toThrow(
      refusedAs('jwt_svid_key_unknown'),
    )
    expect((await verifyJwtSvid(await svidOf('acme.example', second.privateKey, '2'), held, about)).id.path).toBe('/w')
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
    const bundles = createTrustBundles()
    for (const [index, keys] of useless.entries()) {
      bundles.accept(parseBundle('acme.example', document([usable], { spiffe_sequence: 2 * index })))
      await verifyJwtSvid(token, bundles.of('acme.example'), about)
      const empty = parseBundle('acme.example', document(keys, { spiffe_sequence: 2 * index + 1 }))
      expect(empty).toMatchObject({ x509Authorities: [], jwtAuthorities: [] })
      bundles.accept(empty)
      await expect(verifyJwtSvid(token, bundles.of('acme.example'), about)).rejects.toThrow(
        refusedAs('jwt_svid_key_unknown'),
      )
    }
  })

  it('spiffe-bundle-sequence-backwards: SPIFFE bundles §4.1.1, an older bundle does not come back', () => {
    const numbered = (spiffe_sequence?: number) => parseBundle('acme.example', document([], { spiffe_sequence }))
    const bundles = createTrustBundles()
    for (const sequence of [undefined, 5, 5, 6]) bundles.accept(numbered(sequence))
    for (const sequence of [5, 0, undefined])
      expect(() => bundles.accept(numbered(sequence))).toThrow(refusedAs('bundle_sequence_backwards'))
    expect(bundles.of('acme.example').sequence).toBe(6n)
    // Each domain counts by itself.
    bundles.accept(parseBundle('other.example', document([], { spiffe_sequence: 1 })))
  })

  it('spiffe-bundle-sequence-backwards: SPIFFE bundles §4.1.1, 64 bits are compared exactly', () => {
    const text = (sequence: string) => `{"keys":[],"spiffe_sequence":${sequence}}`
    const bundles = createTrustBundles()
    bundles.accept(parseBundle('acme.example', text('9007199254740993')))
    expect(() => bundles.accept(parseBundle('acme.example', text('9007199254740992')))).toThrow('is older')
    bundles.accept(parseBundle('acme.example', text('18446744073709551615')))
    for (const bad of ['18446744073709551616', '-1', '1.5', '1e3', '"x"', 'null', '[]'])
      expect(() => parseBundle('acme.example', text(bad)), bad).toThrow(refusedAs('bundle_malformed'))
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
