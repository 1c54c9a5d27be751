import { readFileSync } from 'node:fs'
import type { AnchorMaterial } from '@credence/contracts/attestation/trust'
import { describe, expect, it } from 'vitest'
import { readBundle } from './bundle.ts'
import { verifyDsse } from './dsse.ts'
import { readStatement } from './statement.ts'

const read = (name: string) =>
  readFileSync(new URL(`../../../../../../infra/testing/provenance/${name}`, import.meta.url), 'utf8')
const ROOT = read('public-good-trusted-root.json')
const BUNDLE = read('sigstore-2.0.0.sigstore.json')
const IDENTITY = {
  san: 'https://github.com/sigstore/sigstore-js/.github/workflows/release.yml@refs/heads/main',
  issuer: 'https://token.actions.githubusercontent.com',
}
const anchor = (identity = IDENTITY, trusted_root = ROOT) => ({
  anchor: 'anc_public_good',
  material: { type: 'sigstore', trusted_root, identities: [identity] } satisfies AnchorMaterial,
})

// biome-ignore lint/suspicious/noExplicitAny: a bundle is taken apart at will
type Anything = any
function verified(change: (bundle: Anything) => void = () => {}, anchors = [anchor()]) {
  const json = JSON.parse(BUNDLE)
  change(json)
  const bundle = readBundle(json)
  return 'refused' in bundle ? bundle : verifyDsse(bundle, anchors, new Date())
}
const refusal = (...of: Parameters<typeof verified>) => {
  const outcome = verified(...of)
  return 'refused' in outcome ? outcome.refused : undefined
}
const entryOf = (bundle: Anything) => bundle.verificationMaterial.tlogEntries[0]
const flipped = (base64: string) => {
  const bytes = Buffer.from(base64, 'base64')
  bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1
  return bytes.toString('base64')
}

describe('the provenance of an npm package that GitHub Actions signed at the public Sigstore instance', () => {
  it('is signed by the workflow that is pinned, years after its certificate expired', () => {
    const signed = verified()
    expect(signed).toMatchObject({ signer: 'anc_public_good', payloadType: 'application/vnd.in-toto+json' })
    if ('refused' in signed) throw new Error(signed.refused)
    expect(readStatement(signed, 'https://slsa.dev/provenance/v1')).toMatchObject({
      subject: [{ name: 'pkg:npm/sigstore@2.0.0' }],
      predicate: { runDetails: { builder: { id: 'https://github.com/actions/runner/github-hosted' } } },
    })
    expect(readStatement(signed, 'https://slsa.dev/provenance/v0.2')).toEqual({ refused: 'predicate_type' })
  })

  it.each([
    ['another workflow', { ...IDENTITY, san: IDENTITY.san.replace('release', 'ci') }],
    ['a name like a pattern', { ...IDENTITY, san: 'https://github.com/sigstore/.*' }],
    ['the beginning of the name', { ...IDENTITY, san: 'https://github.com/sigstore/sigstore-js' }],
    ['another issuer', { ...IDENTITY, issuer: 'https://accounts.google.com' }],
  ])('is refused where %s is pinned', (_, identity) => {
    expect(refusal(undefined, [anchor(identity)])).toBe('signer_identity_unknown')
  })

  it('is refused without an entry of the transparency log', () => {
    const without = (bundle: Anything) => {
      bundle.verificationMaterial.tlogEntries = []
    }
    expect(refusal(without)).toBe('log_entry_missing')
  })

  it('is refused when the log’s entry is of something else, or was not signed by the log', () => {
    const body = (bundle: Anything) => {
      const entry = JSON.parse(Buffer.from(entryOf(bundle).canonicalizedBody, 'base64').toString())
      entry.spec.content.payloadHash.value = '0'.repeat(64)
      entryOf(bundle).canonicalizedBody = Buffer.from(JSON.stringify(entry)).toString('base64')
    }
    const promise = (bundle: Anything) => {
      const { inclusionPromise } = entryOf(bundle)
      inclusionPromise.signedEntryTimestamp = flipped(inclusionPromise.signedEntryTimestamp)
    }
    const proof = (bundle: Anything) => {
      const { inclusionProof } = entryOf(bundle)
      inclusionProof.hashes[0] = flipped(inclusionProof.hashes[0])
    }
    const checkpoint = (bundle: Anything) => {
      const { inclusionProof } = entryOf(bundle)
      inclusionProof.checkpoint.envelope = inclusionProof.checkpoint.envelope.replace(/\n\d+\n/, '\n1\n')
    }
    for (const change of [body, promise, proof, checkpoint]) expect(refusal(change)).toBe('log_entry_invalid')
  })

  it('is refused when the log says another time than it signed', () => {
    const later = (bundle: Anything) => {
      entryOf(bundle).integratedTime = String(Number(entryOf(bundle).integratedTime) + 60)
    }
    expect(refusal(later)).toBe('log_entry_invalid')
    const afterExpiry = (bundle: Anything) => {
      entryOf(bundle).integratedTime = String(Number(entryOf(bundle).integratedTime) + 3600)
    }
    expect(refusal(afterExpiry)).toBe('chain_untrusted')
  })

  it('is refused when nothing proves the time of signing', () => {
    const unpromised = (bundle: Anything) => {
      delete entryOf(bundle).inclusionPromise
    }
    expect(refusal(unpromised)).toBe('signing_time_unproven')
  })

  it('is refused when the payload was changed', () => {
    const changed = (bundle: Anything) => {
      bundle.dsseEnvelope.payload = flipped(bundle.dsseEnvelope.payload)
    }
    expect(['signature_invalid', 'log_entry_invalid']).toContain(refusal(changed))
  })

  it('is refused under a Sigstore instance that did not issue the certificate, or that keeps no log', () => {
    const root = JSON.parse(ROOT)
    const others = JSON.stringify({ ...root, certificateAuthorities: root.certificateAuthorities.slice(0, 1) })
    expect(refusal(undefined, [anchor(IDENTITY, others)])).toBe('chain_untrusted')
    const unlogged = JSON.stringify({ ...root, tlogs: [] })
    expect(refusal(undefined, [anchor(IDENTITY, unlogged)])).toBe('log_entry_invalid')
    expect(refusal(undefined, [anchor(IDENTITY, '{}')])).toBe('chain_untrusted')
    expect(refusal(undefined, [anchor(IDENTITY, '{"tlogs":[{}]}')])).toBe('anchor_unknown')
  })
})
