/** Real statements from the SDK, genuine and tampered. */
import { newAgentKey } from '@credence/sdk/agent/key'
import { signStatement } from '@credence/sdk/agent/statement'
import { sha256 } from '@credence/shared/digest'
import { decodeJwt, SignJWT } from 'jose'
import { describe, expect, it } from 'vitest'
import type { Stated } from '../../../api/verifier.ts'
import { openStatement } from './statement.ts'

const key = await newAgentKey()
const measurements = {
  program: '1'.repeat(64),
  prompt: '2'.repeat(64),
  tool_manifest: '3'.repeat(64),
  model: '4'.repeat(64),
}
const evidence = [{ kind: 'spiffe-svid' as const, content: Buffer.from('x') }]
const about = {
  spiffeId: 'spiffe://a.example/agent/x/agt_1',
  audience: 'spiffe://a.example/service/attestation',
  nonce: 'a-nonce-of-32-bytes-in-base64url',
  measurements,
  evidence,
}
const genuine = await signStatement(key, about)
const context = (part: Partial<Stated> = {}): Stated => ({
  agent: { spiffeId: about.spiffeId, jwk: key.publicJwk as never, keyThumbprint: key.thumbprint },
  nonceDigest: sha256(about.nonce),
  audience: about.audience,
  now: new Date(),
  ...part,
})
const resigned = (claims: object, header: object = {}) =>
  new SignJWT({ ...decodeJwt(genuine), ...claims })
    .setProtectedHeader({ alg: 'ES256', typ: 'credence-evidence+jwt', ...header })
    .sign(key.privateKey)
const inTime = (seconds: number) => ({ now: new Date(Date.now() + seconds * 1000) })

describe('a statement', () => {
  it('says what its agent is made of, and which pieces it sends', async () =>
    expect(await openStatement(genuine, context())).toEqual({
      nonce: about.nonce,
      composition: measurements,
      pieces: [{ kind: 'spiffe-svid', digest: sha256('x') }],
      measuredAt: expect.any(Date),
    }))

  const refusals: [name: string, refused: string, statement: () => Promise<string>, part?: Partial<Stated>][] = [
    ['by another key', 'signature_invalid', async () => signStatement(await newAgentKey(), about)],
    [
      'with changed measurements',
      'signature_invalid',
      async () => {
        const [header, , signature] = genuine.split('.')
        const changed = { ...decodeJwt(genuine), measurements: { ...measurements, model: '9'.repeat(64) } }
        return [header, Buffer.from(JSON.stringify(changed)).toString('base64url'), signature].join('.')
      },
    ],
    ['without a signature', 'signature_invalid', async () => `${genuine.slice(0, genuine.lastIndexOf('.'))}.`],
    ['for another nonce', 'nonce_mismatch', () => signStatement(key, { ...about, nonce: 'another-nonce-of-32-bytes' })],
    ['whose nonce is not the bound one', 'binding_invalid', () => resigned({ binding: 'x'.repeat(43) })],
    [
      'bound to another key',
      'binding_invalid',
      async () => genuine,
      {
        agent: { ...context().agent, keyThumbprint: 'another' },
      },
    ],
    [
      'for another audience',
      'other_audience',
      () => signStatement(key, { ...about, audience: 'spiffe://b.example/x' }),
    ],
    ['of another agent', 'other_agent', () => signStatement(key, { ...about, spiffeId: `${about.spiffeId}2` })],
    ['in the name of another', 'other_agent', () => resigned({ sub: `${about.spiffeId}2` })],
    ['for another purpose', 'other_purpose', () => resigned({ purpose: 'attestation/tpm2-quote' })],
    ['that is old', 'evidence_expired', async () => genuine, inTime(120)],
    ['from the future', 'evidence_not_yet_valid', async () => genuine, inTime(-30)],
    ['that is not a JWS', 'evidence_malformed', async () => 'nonsense'],
    ['of another type', 'evidence_malformed', () => resigned({}, { typ: 'JWT' })],
    ['of the type before', 'evidence_malformed', () => resigned({}, { typ: 'software-evidence+jwt' })],
    ['with a claim that nobody knows', 'evidence_malformed', () => resigned({ level: 'hardware' })],
    ['without measurements', 'evidence_malformed', () => resigned({ measurements: undefined })],
    ['without its pieces', 'evidence_malformed', () => resigned({ evidence: undefined })],
    [
      'that names itself as a piece',
      'evidence_malformed',
      () => resigned({ evidence: [{ kind: 'software', digest: sha256('') }] }),
    ],
    ['too large', 'evidence_too_large', async () => `${genuine}${'x'.repeat(20_000)}`],
  ]
  for (const [name, refused, statement, part] of refusals)
    it(`is refused ${name}`, async () =>
      expect(await openStatement(await statement(), context(part))).toEqual({ refused }))
})
