/** Real evidence from the SDK, genuine and tampered. */
import { softwareEvidence } from '@credence/sdk/agent/evidence'
import { newAgentKey } from '@credence/sdk/agent/key'
import { sha256 } from '@credence/shared/digest'
import { decodeJwt, SignJWT } from 'jose'
import { describe, expect, it } from 'vitest'
import type { Evidenced } from '../../../api/context.ts'
import { verifySoftware } from './software.ts'

const key = await newAgentKey()
const measurements = {
  program: '1'.repeat(64),
  prompt: '2'.repeat(64),
  tool_manifest: '3'.repeat(64),
  model: '4'.repeat(64),
}
const about = {
  spiffeId: 'spiffe://a.example/agent/x/agt_1',
  audience: 'spiffe://a.example/service/attestation',
  nonce: 'a-nonce-of-32-bytes-in-base64url',
  measurements,
}
const genuine = await softwareEvidence(key, about)
const context = (part: Partial<Evidenced> = {}): Evidenced => ({
  agent: { spiffeId: about.spiffeId, jwk: key.publicJwk as never, keyThumbprint: key.thumbprint },
  nonceDigest: sha256(about.nonce),
  audience: about.audience,
  now: new Date(),
  ...part,
})
const resigned = (claims: object, header: object = {}) =>
  new SignJWT({ ...decodeJwt(genuine), ...claims })
    .setProtectedHeader({ alg: 'ES256', typ: 'software-evidence+jwt', ...header })
    .sign(key.privateKey)

describe('software evidence', () => {
  it('verifies when it is genuine', async () =>
    expect(await verifySoftware(genuine, context())).toEqual({ measurements }))

  const refusals: [name: string, reason: string, evidence: () => Promise<string>, part?: Partial<Evidenced>][] = [
    ['by another key', 'signature_invalid', async () => softwareEvidence(await newAgentKey(), about)],
    [
      'with changed measurements',
      'signature_invalid',
      async () => {
        const [header, , signature] = genuine.split('.')
        const changed = { ...decodeJwt(genuine), measurements: { ...measurements, model: '9'.repeat(64) } }
        return [header, Buffer.from(JSON.stringify(changed)).toString('base64url'), signature].join('.')
      },
    ],
    [
      'for another nonce',
      'other_nonce',
      () => softwareEvidence(key, { ...about, nonce: 'another-nonce-of-32-bytes-base64' }),
    ],
    ['whose nonce is not the bound one', 'binding_invalid', () => resigned({ binding: 'x'.repeat(43) })],
    [
      'for another audience',
      'other_audience',
      () => softwareEvidence(key, { ...about, audience: 'spiffe://b.example/service/attestation' }),
    ],
    [
      'of another agent',
      'other_agent',
      () => softwareEvidence(key, { ...about, spiffeId: 'spiffe://a.example/agent/x/agt_2' }),
    ],
    ['for another purpose', 'other_purpose', () => resigned({ purpose: 'login' })],
    ['that is old', 'evidence_not_fresh', async () => genuine, { now: new Date(Date.now() + 120_000) }],
    ['from the future', 'evidence_not_fresh', async () => genuine, { now: new Date(Date.now() - 30_000) }],
  ]
  for (const [name, refused, evidence, part] of refusals)
    it(`is refused ${name}`, async () =>
      expect(await verifySoftware(await evidence(), context(part))).toEqual({ refused }))

  const malformed: [name: string, evidence: () => Promise<string>][] = [
    ['not a JWS', async () => 'nonsense'],
    ['of another type', () => resigned({}, { typ: 'JWT' })],
    ['with a claim that nobody knows', () => resigned({ level: 'hardware' })],
    ['without measurements', () => resigned({ measurements: undefined })],
    ['too large', async () => `${genuine}${'x'.repeat(20_000)}`],
  ]
  for (const [name, evidence] of malformed)
    it(`is invalid, by name, when it is ${name}`, async () =>
      expect(verifySoftware(await evidence(), context())).rejects.toMatchObject({
        violations: [{ field: 'evidence' }],
      }))
})
