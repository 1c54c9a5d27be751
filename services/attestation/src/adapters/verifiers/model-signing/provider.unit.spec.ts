import { hostedModelDigest } from '@credence/contracts/attestation/model-manifest'
import { SignJWT } from 'jose'
import { beforeAll, describe, expect, it } from 'vitest'
import { anchorOf, evidenced } from '../../../../../../infra/testing/evidenced.ts'
import { type Algorithm, newSigner, type Signer } from '../../../../../../infra/testing/signers.ts'
import { modelSigningVerifier } from './model-signing.ts'

const NOW = new Date('2026-11-25T12:00:00Z')
const SECONDS = NOW.getTime() / 1000
const SAID = {
  iss: 'acme-ai',
  name: 'large',
  version: '4',
  revision: '2026-11-01',
  iat: SECONDS - 600,
  exp: SECONDS + 3600,
}

let provider: Signer
beforeAll(async () => {
  provider = await newSigner()
})

const sign = (said: object, { by = provider, typ = 'model-statement+jwt', alg = 'ES256' } = {}) =>
  new SignJWT({ ...said }).setProtectedHeader({ alg, typ }).sign(by.privateKey)

const anchorFor = (signer: Signer, name: string | undefined = 'acme-ai') =>
  anchorOf('model-signing', { type: 'public-key', pem: signer.publicPem, ...(name && { provider: name }) })

function verified(statement: string, anchors = [anchorFor(provider)]) {
  const about = evidenced('model-signing', { anchors, now: NOW })
  return modelSigningVerifier.verify(Buffer.from(JSON.stringify({ form: 'provider', statement })), about)
}

describe('a provider’s word about a hosted model', () => {
  it('is a grade of its own, and as old as the statement', async () => {
    expect(await verified(await sign(SAID))).toEqual({
      claims: {
        grade: 'provider',
        provider: 'acme-ai',
        name: 'large',
        version: '4',
        statement_digest: hostedModelDigest(SAID),
        signer: expect.stringMatching(/^anc_/),
      },
      anchors: [expect.stringMatching(/^anc_/)],
      measuredAt: new Date((SECONDS - 600) * 1000),
    })
  })

  it('keeps its digest when it is only renewed, and has another for another revision', async () => {
    const digestOf = async (said: object) => {
      const outcome = await verified(await sign(said))
      return 'claims' in outcome ? outcome.claims.statement_digest : outcome.refused
    }
    const first = await digestOf(SAID)
    expect(await digestOf({ ...SAID, iat: SECONDS, exp: SECONDS + 7200 })).toBe(first)
    expect(await digestOf({ ...SAID, revision: '2026-11-02' })).not.toBe(first)
    expect(await digestOf({ ...SAID, digest: 'a'.repeat(64) })).not.toBe(first)
  })

  it.each<[string, () => Promise<string>, string]>([
    ['by somebody else', async () => sign(SAID, { by: await newSigner() }), 'signature_invalid'],
    ['of a provider whom no anchor names', () => sign({ ...SAID, iss: 'other-ai' }), 'anchor_unknown'],
    ['that has expired', () => sign({ ...SAID, exp: SECONDS }), 'evidence_expired'],
    ['of the future', () => sign({ ...SAID, iat: SECONDS + 61 }), 'evidence_not_yet_valid'],
    ['of another type', () => sign(SAID, { typ: 'JWT' }), 'evidence_malformed'],
    ['that names neither revision nor digest', () => sign({ ...SAID, revision: undefined }), 'evidence_malformed'],
    ['that never expires', () => sign({ ...SAID, exp: undefined }), 'evidence_malformed'],
    ['with a claim that nobody knows', () => sign({ ...SAID, trust: 'me' }), 'evidence_malformed'],
    ['without a signature', async () => `${(await sign(SAID)).split('.').slice(0, 2).join('.')}.`, 'signature_invalid'],
    ['that is none', async () => 'a.b.c', 'evidence_malformed'],
  ])('is refused: one %s', async (_, statement, code) => {
    expect(await verified(await statement())).toMatchObject({ refused: code })
  })

  it('is refused under a key that is not the provider’s', async () => {
    expect(await verified(await sign(SAID), [anchorFor(provider, '')])).toMatchObject({ refused: 'anchor_unknown' })
    expect(await verified(await sign(SAID), [anchorFor(provider, 'other-ai')])).toMatchObject({
      refused: 'anchor_unknown',
    })
  })

  it.each<[Algorithm, string]>([
    ['P-384', 'ES384'],
    ['P-521', 'ES512'],
    ['RSA-2048', 'PS256'],
  ])('may be signed with %s', async (algorithm, alg) => {
    const by = await newSigner(algorithm)
    expect(await verified(await sign(SAID, { by, alg }), [anchorFor(by)])).toHaveProperty('claims')
  })
})

it('a claim is only a claim', async () => {
  const content = Buffer.from(JSON.stringify({ form: 'claimed', provider: 'acme-ai', name: 'large', version: '4' }))
  expect(await modelSigningVerifier.verify(content, evidenced('model-signing', { now: NOW }))).toEqual({
    claims: { grade: 'claimed', provider: 'acme-ai', name: 'large', version: '4' },
    anchors: [],
    measuredAt: NOW,
  })
})
