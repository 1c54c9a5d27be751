/** What is read from the proto and written to it is the same; and rules that are nested without end are refused by name. */
import { ProfileParts } from '@credence/contracts/attestation/requirements'
import type { AnchorMaterial, ReferenceValue } from '@credence/contracts/attestation/trust'
import {
  DefineProfileRequest,
  Profile as ProfileMessage,
  ReferenceValue as ReferenceMessage,
  TrustAnchor,
} from '@credence/contracts/gen/credence/attestation/v1/attestation'
import { parseRequest, refuseUnknownFields } from '@credence/shared/rpc/parse'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { MATERIALS_FOR } from '../../../domain/anchor.ts'
import { KINDS, profileOf, ruleOf } from '../../../testing/evidence.ts'
import { AnchorField, anchorMessage } from './anchor.ts'
import { ProfileField, profileMessage } from './profile.ts'
import { ReferenceField, referenceMessage } from './reference.ts'

const DIGEST = 'a'.repeat(64)
const KEY = {
  kid: 'one',
  kty: 'EC',
  crv: 'P-256',
  x: 'usWxHK2PmfnHKwXPS54m0kTcGJ90UiglWiGahtagnv8',
  y: 'IBOL-C3BttVivg-lSreASjpkttcsz-1rb7btKLv8EX4',
}
const ANCHOR = 'anc_01m88df2mzer6rxnfrjb8ksvd0'
const unsaid = { approvedBy: '', approvedAt: undefined, withdrawn: false, withdrawnBy: '' }
/** As it comes over the wire. */
function wired<M>(type: { encode(message: M): { finish(): Uint8Array }; decode(bytes: Uint8Array): M }, message: M): M {
  const read = type.decode(type.encode(message).finish())
  refuseUnknownFields(read)
  return read
}

describe('messages', () => {
  it('profiles are read as they are written', () =>
    fc.assert(
      fc.property(ruleOf(), fc.option(ruleOf(), { nil: undefined }), (rule, more) => {
        const sensitivities = [
          {
            sensitivity: 'restricted' as const,
            ...(more ? { rule: more } : {}),
            worst_acceptable_status: 'affirming' as const,
            maximum_age_seconds: 60,
          },
        ]
        const { version: _, ...parts } = profileOf(rule, { sensitivities })
        if (!ProfileParts.safeParse(parts).success) return
        const message = profileMessage({ ...parts, version: 1 }, { active: false, definedBy: '', activatedBy: '' })
        expect(ProfileField.parse(wired(ProfileMessage, { ...message, version: 0 }))).toEqual(parts)
      }),
      { numRuns: 500 },
    ))

  const values: ReferenceValue[] = [
    { type: 'composition', program: DIGEST, prompt: DIGEST, tool_manifest: DIGEST, model: DIGEST },
    { type: 'model', statement_digest: DIGEST, signer: ANCHOR },
    { type: 'model', statement_digest: DIGEST },
    { type: 'image', digest: DIGEST },
    { type: 'pcrs', bank: 'sha256', values: { 0: DIGEST, 23: DIGEST } },
  ]
  for (const value of values)
    it(`a reference value of type ${value.type} is read as it is written`, () => {
      const wanted = { blueprint: 'x', label: 'x', value }
      const message = referenceMessage({ reference: '', ...wanted }, unsaid)
      expect(ReferenceField.parse(wired(ReferenceMessage, message))).toEqual(wanted)
    })

  const pem = '-----BEGIN PUBLIC KEY-----\n'
  const materials: AnchorMaterial[] = [
    { type: 'public-key', pem },
    { type: 'public-key', pem, provider: 'acme' },
    { type: 'certificate-authority', pem, identities: [{ san: 'a@x.example' }] },
    { type: 'certificate-authority', pem, intermediates: pem, identities: [{ san: 'x', issuer: 'y' }] },
    { type: 'sigstore', trusted_root: '{}', identities: [{ san: 'x', issuer: 'https://y.example' }] },
    { type: 'tpm-manufacturer', pem },
    { type: 'tpm-endorsement-key', ek_digest: DIGEST },
    { type: 'kubernetes-cluster', issuer: 'https://x.example', audience: 'a', jwks: JSON.stringify({ keys: [KEY] }) },
    { type: 'spiffe-trust-domain', trust_domain: 'x.example', bundle: '{"keys":[]}' },
  ]
  for (const material of materials)
    it(`a trust anchor of type ${material.type} is read as it is written`, () => {
      const kinds = KINDS.filter((kind) => MATERIALS_FOR[kind].includes(material.type))
      const wanted = { label: 'x', kinds, blueprints: ['y'], material }
      const message = anchorMessage({ anchor: '', ...wanted }, unsaid)
      expect(AnchorField.parse(wired(TrustAnchor, message))).toEqual(wanted)
    })

  it('rules nested without end are refused as what they are', () => {
    const field = (number: number, body: Buffer): Buffer => {
      const length: number[] = []
      for (let rest = body.byteLength; ; rest >>>= 7) {
        length.push(rest > 127 ? (rest & 127) | 128 : rest)
        if (rest <= 127) return Buffer.concat([Buffer.from([(number << 3) | 2, ...length]), body])
      }
    }
    for (const levels of [5, 100, 3_000, 20_000]) {
      let rule: Buffer = Buffer.alloc(0)
      for (let level = 0; level < levels; level++) rule = field(2, field(1, rule))
      const profile = Buffer.concat([field(1, Buffer.from('x')), field(3, rule)])
      const read = () =>
        parseRequest(field(1, profile), DefineProfileRequest.decode, z.object({ profile: ProfileField }))
      expect(read, String(levels)).toThrow(expect.objectContaining({ status: 'invalid_argument' }))
    }
  })
})
