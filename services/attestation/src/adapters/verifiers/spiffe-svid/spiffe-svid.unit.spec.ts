import { createHmac, randomBytes } from 'node:crypto'
import { evidenceBinding } from '@credence/contracts/attestation/binding'
import { CLAIMS } from '@credence/contracts/attestation/claims'
import type { Anchor } from '@credence/contracts/attestation/trust'
import { proveSvidKey } from '@credence/shared/spiffe/svid-proof'
import { beforeAll, describe, expect, it } from 'vitest'
import { type ForeignDomain, foreignDomain } from '../../../../../../infra/testing/foreign-domain.ts'
import type { Evidenced } from '../../../api/verifier.ts'
import { spiffeSvid } from '../../../domain/kinds/spiffe-svid.ts'
import { spiffeSvidVerifier } from './spiffe-svid.ts'

const NOW = new Date('2026-11-25T04:00:00Z')
const AUDIENCE = 'spiffe://credence.example/service/attestation'
const PATH = '/ns/prod/sa/scheduler'
const USAGE = { digitalSignature: 1, keyEncipherment: 4, keyCertSign: 32 }
const minutes = (count: number) => new Date(NOW.getTime() + count * 60_000)
const seconds = (at: Date) => Math.floor(at.getTime() / 1000)

let foreign: ForeignDomain
let other: ForeignDomain
beforeAll(async () => {
  foreign = await foreignDomain('foreign.example', NOW)
  other = await foreignDomain('other.example', NOW)
})

const anchorOf = (
  domain: ForeignDomain,
  part: { trust_domain?: string; bundle?: string; anchor?: string } = {},
): Anchor => ({
  anchor: part.anchor ?? `anc_${domain.trustDomain}`,
  label: 'another house',
  kinds: ['spiffe-svid'],
  blueprints: [],
  material: {
    type: 'spiffe-trust-domain',
    trust_domain: part.trust_domain ?? domain.trustDomain,
    bundle: part.bundle ?? domain.bundle,
  },
})
/** A challenge to an agent. */
function challenge(part: Partial<Evidenced<'spiffe-svid'>> & { key?: string } = {}): Evidenced<'spiffe-svid'> {
  const nonce = part.nonce ?? randomBytes(32).toString('base64url')
  const keyThumbprint = part.key ?? 'thumbprint-of-the-agent'
  const jwk = { kty: 'EC', crv: 'P-256', x: 'x', y: 'y' } as const
  return {
    agent: { agent: 'agt_1', spiffeId: 'spiffe://credence.example/agent/s/agt_1', blueprint: 's', jwk, keyThumbprint },
    nonce,
    binding: evidenceBinding({ kind: 'spiffe-svid', nonce, keyThumbprint, audience: AUDIENCE }),
    audience: AUDIENCE,
    now: NOW,
    anchors: [anchorOf(foreign)],
    requirements: [],
    ...part,
  }
}
const verifier = spiffeSvidVerifier
const encoded = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
const base64 = (chain: Uint8Array[]) => chain.map((der) => Buffer.from(der).toString('base64'))
type Svid = Awaited<ReturnType<ForeignDomain['svid']>>
const x509 = ({ chain, key }: Svid, binding: Uint8Array) => ({
  form: 'x509',
  chain: base64(chain),
  proof: proveSvidKey(key, binding).toString('base64url'),
})
const beside = (about: Evidenced<'spiffe-svid'>) => Buffer.from(about.binding).toString('base64url')
const verify = (content: unknown, about: Evidenced<'spiffe-svid'>) => verifier.verify(encoded(content), about)
async function refuses(content: unknown, code: string, about = challenge(), why?: string) {
  const outcome = await verify(content, about)
  expect(outcome, why).toMatchObject({ refused: code })
  // Nobody has to guess what a code means.
  expect(spiffeSvid.reasons, why).toHaveProperty(code)
}
const refusesX509 = async (svid: Svid, code: string, about = challenge()) =>
  refuses(x509(svid, about.binding), code, about)
const refusesToken = async (token: string, code: string, about = challenge()) =>
  refuses({ form: 'jwt', token }, code, about)

describe('evidence of the kind spiffe-svid', () => {
  it('an X.509-SVID whose key signs the binding says which workload this is', async () => {
    const rsa = {
      name: 'RSASSA-PKCS1-v1_5',
      modulusLength: 2048,
      publicExponent: new Uint8Array([1, 0, 1]),
      hash: 'SHA-256',
    }
    const p384 = { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' }
    for (const algorithm of [undefined, rsa, p384, { name: 'Ed25519' }]) {
      const about = challenge()
      const outcome = await verify(
        x509(await foreign.svid(PATH, { algorithm, notAfter: minutes(50) }), about.binding),
        about,
      )
      expect(outcome).toEqual({
        claims: {
          spiffe_id: `spiffe://foreign.example${PATH}`,
          trust_domain: 'foreign.example',
          form: 'x509',
          key_bound: true,
          expires_at: minutes(50).toISOString(),
        },
        anchors: ['anc_foreign.example'],
        measuredAt: NOW,
      })
      if ('claims' in outcome) CLAIMS['spiffe-svid'].parse(outcome.claims)
    }
  })

  it('a JWT-SVID with the binding as its second audience is bound to the challenge', async () => {
    const about = challenge()
    const iat = seconds(minutes(-1))
    for (const aud of [
      [AUDIENCE, beside(about)],
      [beside(about), AUDIENCE],
    ])
      expect(await verify({ form: 'jwt', token: await foreign.token(PATH, { aud, iat }) }, about)).toEqual({
        claims: {
          spiffe_id: `spiffe://foreign.example${PATH}`,
          trust_domain: 'foreign.example',
          form: 'jwt',
          key_bound: true,
          expires_at: minutes(5).toISOString(),
        },
        anchors: ['anc_foreign.example'],
        measuredAt: minutes(-1),
      })
    // It need not say when it was made: the challenge does.
    const silent = await foreign.token(PATH, { aud: [AUDIENCE, beside(about)], iat: undefined })
    expect(await verify({ form: 'jwt', token: silent }, about)).toMatchObject({ measuredAt: NOW })
  })

  it('a JWT-SVID for us alone counts as a bearer token, as old as it says', async () => {
    const iat = seconds(minutes(-4))
    for (const aud of [AUDIENCE, [AUDIENCE]])
      expect(await verify({ form: 'jwt', token: await foreign.token(PATH, { aud, iat }) }, challenge())).toMatchObject({
        claims: { form: 'jwt', key_bound: false },
        measuredAt: minutes(-4),
      })
    await refusesToken(await foreign.token(PATH, { aud: AUDIENCE, iat: undefined }), 'issued_at_missing')
    await refusesToken(await foreign.token(PATH, { aud: AUDIENCE, iat: seconds(minutes(1)) }), 'evidence_not_yet_valid')
  })

  it('CVE-2026-112377, relay: what was shown for one challenge, or by one agent, is worth nothing for another', async () => {
    const [mine, next, another] = [challenge(), challenge(), challenge({ key: 'thumbprint-of-another-agent' })]
    const shown = x509(await foreign.svid(PATH), mine.binding)
    const token = await foreign.token(PATH, { aud: [AUDIENCE, beside(mine)] })
    expect(await verify(shown, mine)).toHaveProperty('claims')
    expect(await verify({ form: 'jwt', token }, mine)).toHaveProperty('claims')
    for (const about of [next, another, challenge({ nonce: mine.nonce, key: 'thumbprint-of-another-agent' })]) {
      await refuses(shown, 'binding_invalid', about)
      await refusesToken(token, 'binding_invalid', about)
    }
    // Somebody else's certificate, with a proof by a key that one has.
    const [theirs, own] = [await foreign.svid('/ns/prod/sa/else'), await foreign.svid(PATH)]
    await refuses(x509({ chain: theirs.chain, key: own.key }, mine.binding), 'binding_invalid', mine)
  })

  it('a token for another audience, or for more than us, is not for us', async () => {
    const about = challenge()
    for (const aud of [
      'https://elsewhere.example',
      ['https://elsewhere.example', beside(about)],
      [AUDIENCE, 'https://elsewhere.example'],
      [AUDIENCE, beside(about), 'https://elsewhere.example'],
      [beside(about)],
      `${AUDIENCE}/`,
    ])
      await refusesToken(await foreign.token(PATH, { aud }), 'other_audience', about)
    await refusesToken(await foreign.token(PATH, {}), 'evidence_malformed', about)
  })

  it('weak algorithms prove nothing: none, a shared secret, EdDSA in a token, a small key in a certificate', async () => {
    const [, payload = ''] = (await foreign.token(PATH, { aud: AUDIENCE })).split('.')
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    await refusesToken(`${part({ alg: 'none', kid: 'k1' })}.${payload}.`, 'algorithm_weak')
    const input = `${part({ alg: 'HS256', kid: 'k1' })}.${payload}`
    const mac = createHmac('sha256', foreign.bundle).update(input).digest('base64url')
    await refusesToken(`${input}.${mac}`, 'algorithm_weak')
    await refusesToken(`${part({ alg: 'EdDSA', kid: 'k1' })}.${payload}.AAAA`, 'algorithm_weak')
    const rsa = { name: 'RSASSA-PKCS1-v1_5', publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' }
    await refusesX509(await foreign.svid(PATH, { algorithm: { ...rsa, modulusLength: 1024 } }), 'algorithm_weak')
  })

  it('keys: one that the token does not name, that its bundle does not have, that is another’s', async () => {
    const aud = AUDIENCE
    await refusesToken(await foreign.token(PATH, { aud }, { kid: undefined }), 'key_unknown')
    await refusesToken(await foreign.token(PATH, { aud }, { kid: 'k2' }), 'key_unknown')
    await refusesToken(await foreign.token(PATH, { aud }, {}, other.tokenKey), 'signature_invalid')
    const [header, , signature] = (await foreign.token(PATH, { aud })).split('.')
    const [, forged] = (await foreign.token('/ns/prod/sa/root', { aud })).split('.')
    await refusesToken(`${header}.${forged}.${signature}`, 'signature_invalid')
    await refusesToken(await foreign.token(PATH, { aud }, { jku: 'https://evil.example' }), 'evidence_malformed')
  })

  it('times: expired, and not yet valid', async () => {
    await refusesX509(await foreign.svid(PATH, { notAfter: minutes(-1) }), 'certificate_expired')
    await refusesX509(await foreign.svid(PATH, { notBefore: minutes(1) }), 'certificate_not_yet_valid')
    const aud = AUDIENCE
    await refusesToken(await foreign.token(PATH, { aud, exp: seconds(minutes(-1)) }), 'evidence_expired')
    await refusesToken(await foreign.token(PATH, { aud, nbf: seconds(minutes(1)) }), 'evidence_not_yet_valid')
    await refusesToken(await foreign.token(PATH, { aud, exp: undefined }), 'evidence_malformed')
    // Nor when the whole domain is of yesterday.
    const later = challenge({ now: minutes(25 * 60) })
    await refusesX509(await foreign.svid(PATH, { notAfter: minutes(30 * 60) }), 'chain_untrusted', later)
  })

  it('certificates that may sign others, or not for themselves, are no workload’s', async () => {
    await refusesX509(await foreign.svid(PATH, { ca: true }), 'key_usage_wrong')
    await refusesX509(await foreign.svid(PATH, { usage: USAGE.keyEncipherment }), 'key_usage_wrong')
    await refusesX509(
      await foreign.svid(PATH, { usage: USAGE.digitalSignature | USAGE.keyCertSign }),
      'key_usage_wrong',
    )
  })

  it('names: of a domain without an anchor, of another domain under this bundle, none, several, and no workload’s', async () => {
    await refusesX509(await other.svid(PATH), 'anchor_unknown')
    await refusesToken(await other.token(PATH, { aud: AUDIENCE }), 'anchor_unknown')
    await refusesX509(await foreign.svid(PATH), 'anchor_unknown', challenge({ anchors: [] }))
    // Each domain by its own bundle, and by no other (SPIFFE bundles §5.2.4).
    const both = challenge({ anchors: [anchorOf(foreign), anchorOf(other)] })
    await refusesX509(await foreign.svid('', { uris: [`spiffe://other.example${PATH}`] }), 'chain_untrusted', both)
    const claimsOther = await foreign.token(PATH, { aud: AUDIENCE, sub: `spiffe://other.example${PATH}` })
    await refusesToken(claimsOther, 'signature_invalid', both)
    await refusesX509(await foreign.svid('', { uris: [] }), 'evidence_malformed')
    const two = [`spiffe://foreign.example${PATH}`, 'spiffe://foreign.example/else']
    await refusesX509(await foreign.svid('', { uris: two }), 'evidence_malformed')
    for (const uri of ['spiffe://foreign.example', 'https://foreign.example/x', 'spiffe://foreign.example/a/../b']) {
      await refusesX509(await foreign.svid('', { uris: [uri] }), 'spiffe_id_malformed')
      await refusesToken(await foreign.token('', { aud: AUDIENCE, sub: uri }), 'spiffe_id_malformed')
    }
  })

  it('our own trust domain: nobody else vouches for our names, whatever an anchor says', async () => {
    const usurper = await foreignDomain('credence.example', NOW)
    const about = challenge({ anchors: [anchorOf(usurper)] })
    await refusesX509(await usurper.svid('/agent/s/agt_1'), 'own_trust_domain', about)
    await refusesToken(await usurper.token('/agent/s/agt_1', { aud: AUDIENCE }), 'own_trust_domain', about)
  })

  it('anchors: two of one domain are tried one after the other, never merged; one that cannot be read is no anchor', async () => {
    const impostor = await foreignDomain('foreign.example', NOW)
    const anchors = [anchorOf(impostor, { anchor: 'anc_old' }), anchorOf(foreign, { anchor: 'anc_new' })]
    const about = challenge({ anchors })
    expect(await verify(x509(await foreign.svid(PATH), about.binding), about)).toMatchObject({ anchors: ['anc_new'] })
    const broken = [anchorOf(foreign, { bundle: '{"keys":7}' })]
    await refusesX509(await foreign.svid(PATH), 'anchor_unusable', challenge({ anchors: broken }))
    const empty = [anchorOf(foreign, { bundle: '{"keys":[]}' })]
    await refusesX509(await foreign.svid(PATH), 'chain_untrusted', challenge({ anchors: empty }))
    await refusesToken(await foreign.token(PATH, { aud: AUDIENCE }), 'key_unknown', challenge({ anchors: empty }))
    // Only what an anchor of this type says counts.
    const material = { type: 'public-key', pem: '-----BEGIN PUBLIC KEY-----' } as const
    const elsewhere = [{ ...anchorOf(foreign), material }]
    await refusesX509(await foreign.svid(PATH), 'anchor_unknown', challenge({ anchors: elsewhere }))
  })

  it('malformed: what is not of the form is refused, however it is bent', async () => {
    const about = challenge()
    const good = x509(await foreign.svid(PATH), about.binding)
    const token = await foreign.token(PATH, { aud: AUDIENCE })
    const bad: unknown[] = [
      '',
      '{',
      'null',
      '[]',
      '"x"',
      {},
      { ...good, form: 'pgp' },
      { ...good, more: 1 },
      { ...good, chain: [] },
      { ...good, chain: ['!'] },
      { ...good, chain: ['AAAA'] },
      { ...good, chain: [good.chain[0]?.slice(0, 400)] },
      { ...good, chain: Array.from({ length: 6 }, () => good.chain[0]) },
      { ...good, proof: '' },
      { ...good, proof: 'a+b/' },
      { form: 'jwt', token: '' },
      { form: 'jwt', token: 'x' },
      { form: 'jwt', token: 'a.b.c' },
      { form: 'jwt', token: ['x'] },
      { form: 'jwt', token, proof: good.proof },
      { form: 'jwt', token: token.replace('.', '..') },
    ]
    for (const content of bad)
      await refuses(content, 'evidence_malformed', about, JSON.stringify(content)?.slice(0, 80))
    expect(await verifier.verify(new Uint8Array([0xff, 0xfe, 0x7b]), about)).toEqual({ refused: 'evidence_malformed' })
    for (const proof of ['AAAA', good.proof.slice(0, -4), `${good.proof}AAAA`])
      await refuses({ ...good, proof }, 'binding_invalid', about)
  })

  it('oversized: more than SVIDs are is not even read', async () => {
    await refuses({ form: 'jwt', token: 'x'.repeat(verifier.maximumBytes) }, 'evidence_too_large')
    await refuses({ form: 'jwt', token: 'x'.repeat(16_385) }, 'evidence_malformed')
  })
})
