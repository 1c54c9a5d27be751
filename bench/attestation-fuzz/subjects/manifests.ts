/** What builders, agents and this service sign: the agent’s manifest and tools, its statement, and attestation results. */
import { sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { AGENT_MANIFEST, readAgentManifest } from '@credence/contracts/attestation/agent-manifest'
import { evidenceBinding, STATEMENT_TYPE } from '@credence/contracts/attestation/binding'
import { readExactJson } from '@credence/contracts/attestation/exact-json'
import { readTools } from '@credence/contracts/attestation/tools'
import { verifyAttestationResult } from '@credence/sdk/resource/attestation-result'
import { sha256 } from '@credence/shared/digest'
import {
  agentManifestVerifier,
  readManifestBundle,
} from '../../../services/attestation/src/adapters/verifiers/agent-manifest/agent-manifest.ts'
import {
  about,
  newBuilder,
  statement,
} from '../../../services/attestation/src/adapters/verifiers/agent-manifest/testing.ts'
import { preAuthEncoding } from '../../../services/attestation/src/adapters/verifiers/sigstore/dsse.ts'
import { openStatement } from '../../../services/attestation/src/adapters/verifiers/software/statement.ts'
import { agentManifest } from '../../../services/attestation/src/domain/kinds/agent-manifest.ts'
import { software } from '../../../services/attestation/src/domain/kinds/software.ts'
import { type Genuine, jws, part, plain, signedBundle } from '../genuine.ts'
import { type Key, keyOf, signedJws } from '../keys.ts'
import { answer, orFault, type Subject, verified } from '../subject.ts'
import { COSIGN, NOW } from './bundles.ts'

const SECONDS = NOW.getTime() / 1000
const AUDIENCE = 'spiffe://acme.example/service/attestation'

const builder = keyOf('builder of an agent')
function manifestBundle(payload: Buffer): Genuine {
  const { payloadType } = AGENT_MANIFEST
  const sig = sign(null, preAuthEncoding(payloadType, payload), builder.privateKey).toString('base64')
  return signedBundle({
    ...{ mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json' },
    verificationMaterial: { publicKey: { hint: 'builder' } } as never,
    dsseEnvelope: { payload: payload.toString('base64'), payloadType, signatures: [{ sig }] },
  })
}

function manifestSubjects(): Subject[] {
  const told = about([newBuilder({ anchor: 'anc_builder', material: { type: 'public-key', pem: builder.pem } }).anchor])
  const payloads = [statement(), statement({ label: '2', tools: [] })]
  const bundles = payloads.map(manifestBundle)
  const tools = readFileSync(new URL('../../../infra/demo/agent/tools.json', import.meta.url))
  const parser = (name: string, genuine: Genuine[], parse: (input: Buffer) => unknown): Subject => ({
    ...{ name: `manifest: ${name}`, share: 2, genuine, signed: false },
    judge: (input) => answer(parse(input)),
  })
  const texts = [...payloads, tools].map((one) => plain(one, 'json'))
  return [
    {
      ...{ name: 'agent-manifest', share: 3, genuine: bundles, donors: [signedBundle(COSIGN)], signed: true },
      judge: async (input) => verified(await agentManifestVerifier.verify(input, told)),
      reasons: agentManifest.reasons,
    },
    parser('bundle', bundles, readManifestBundle),
    parser('statement', texts.slice(0, 2), readAgentManifest),
    parser('tools', texts.slice(2), readTools),
    parser('exact JSON', texts, (input) => readExactJson(input, { bytes: 512 * 1024, depth: 32 })),
  ]
}

/** Signed after it was changed: what an agent can do, and a verifier that went bad. */
const signedAnew = (header: object, claims: object, { privateKey }: Key): Genuine => ({
  parts: [part(JSON.stringify({ alg: 'EdDSA', ...header }), 'json'), part(JSON.stringify(claims), 'json')],
  whole: (parts) => {
    const input = parts.map((bytes) => bytes.toString('base64url')).join('.')
    return Buffer.from(`${input}.${sign(null, Buffer.from(input), privateKey).toString('base64url')}`)
  },
})

function statementSubjects(): Subject[] {
  const key = keyOf('agent')
  const [spiffeId, keyThumbprint, nonce] = ['spiffe://acme.example/agent/x/agt_1', 'thumbprint', 'n'.repeat(43)]
  const { x = '' } = key.publicKey.export({ format: 'jwk' })
  const agent = { spiffeId, keyThumbprint, jwk: { kty: 'OKP' as const, crv: 'Ed25519' as const, x } }
  const digest = sha256('part')
  const claims = {
    ...{ iss: spiffeId, sub: spiffeId, aud: AUDIENCE, iat: SECONDS, eat_nonce: nonce, purpose: 'attestation/software' },
    binding: evidenceBinding({ kind: 'software', nonce, keyThumbprint, audience: AUDIENCE }).toString('base64url'),
    measurements: { program: digest, prompt: digest, tool_manifest: digest, model: digest },
    evidence: [{ kind: 'tpm2-quote', digest }],
  }
  const told = { agent, nonceDigest: sha256(nonce), audience: AUDIENCE, now: NOW }
  const judge = async (input: Buffer) => answer(await openStatement(input.toString(), told))
  return [
    {
      name: 'software',
      share: 2,
      genuine: [
        jws(signedJws({ typ: STATEMENT_TYPE }, claims, key)),
        jws(signedJws({ typ: STATEMENT_TYPE }, { ...claims, evidence: [] }, key)),
      ],
      donors: [jws(signedJws({ typ: STATEMENT_TYPE }, claims, builder))],
      signed: true,
      judge,
      reasons: software.reasons,
    },
    {
      ...{ name: 'software: signed after the change', share: 2, signed: false },
      genuine: [signedAnew({ typ: STATEMENT_TYPE }, claims, key)],
      judge,
      reasons: software.reasons,
    },
  ]
}

function resultSubjects(): Subject[] {
  const key = keyOf('attestation service')
  const submodule = {
    ear_status: 'warning',
    ear_trustworthiness_vector: { 'instance-identity': 2, 'storage-opaque': 32 },
    ear_appraisal_policy_ids: ['profile/x/v1'],
    eat_nonce: 'a-nonce-of-32-bytes-in-base64url',
  }
  const ear = {
    ...{ eat_profile: 'tag:ietf.org,2026:rats/ear#04', iat: SECONDS, exp: SECONDS + 60, ear_status: 'warning' },
    ear_verifier_id: { developer: 'somebody', build: '1' },
    submods: { software: submodule, 'agent-manifest': submodule },
    cnf: { jkt: 'thumbprint' },
  }
  const former = {
    ...{ eat_profile: 'tag:github.com,2023:veraison/ear', iat: SECONDS, exp: SECONDS + 60 },
    'ear.verifier-id': { developer: 'somebody', build: '1' },
    submods: { software: { 'ear.status': 'warning', 'ear.trustworthiness-vector': { executables: 33 } } },
  }
  const keys = { keys: [{ ...(key.publicKey.export({ format: 'jwk' }) as { kty: string }), alg: 'EdDSA' }] }
  const judge = (input: Buffer) => orFault(() => verifyAttestationResult(input.toString(), { keys, now: NOW }))
  const typ = 'eat+jwt'
  return [
    {
      name: 'attestation result',
      share: 1,
      genuine: [jws(signedJws({ typ }, ear, key)), jws(signedJws({ typ }, former, key))],
      donors: [jws(signedJws({ typ }, ear, builder))],
      signed: true,
      judge,
    },
    {
      ...{ name: 'attestation result: signed after the change', share: 3, signed: false, judge },
      genuine: [signedAnew({ typ }, ear, key), signedAnew({ typ }, former, key)],
    },
  ]
}

export const manifestsSubjects = (): Subject[] => [...manifestSubjects(), ...statementSubjects(), ...resultSubjects()]
