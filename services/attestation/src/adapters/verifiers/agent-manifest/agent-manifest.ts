/**
 * Evidence of the kind `agent-manifest`: what an agent is made of, signed by its builder (an in-toto Statement v1 in a DSSE
 * envelope in a Sigstore bundle v0.3). It proves who put these parts together, for which blueprint; that they are what
 * runs here, only the measurements in the agent’s statement say.
 */
import { hash } from 'node:crypto'
import { AGENT_MANIFEST, compositionOf, readAgentManifest } from '@credence/contracts/attestation/agent-manifest'
import { readExactJson } from '@credence/contracts/attestation/exact-json'
import type { Verified, Verifier } from '../../../api/verifier.ts'
import { type Refused, readBundle, type SignedBundle } from '../sigstore/bundle.ts'
import { verifyDsse } from '../sigstore/dsse.ts'

export const MAX_BYTES = 512 * 1024
const MAX_DEPTH = 32

export const agentManifestVerifier: Verifier<'agent-manifest'> = {
  kind: 'agent-manifest',
  maximumBytes: MAX_BYTES,
  verify: async (content, { agent, anchors, now }): Promise<Verified<'agent-manifest'>> => {
    const bundle = readManifestBundle(content)
    if ('refused' in bundle) return bundle
    const signed = verifyDsse(bundle, anchors, now)
    if ('refused' in signed) return signed
    if (signed.payloadType !== AGENT_MANIFEST.payloadType) return { refused: 'payload_type' }
    const { value: manifest, refused, detail } = readAgentManifest(signed.payload)
    if (!manifest) return { refused, detail }
    if (manifest.blueprint !== agent.blueprint) return { refused: 'other_blueprint' }
    const claims = {
      manifest_digest: hash('sha256', signed.payload, 'hex'),
      composition: compositionOf(manifest),
      tools: manifest.tools,
      signer: signed.signer,
      ...(manifest.policyVersion ? { policy_version: manifest.policyVersion } : {}),
    }
    // It carries no nonce: it was shown now, inside a statement that does, and its signature holds now.
    return { claims, anchors: [signed.signer], measuredAt: now }
  },
}

/** Takes the evidence apart; nothing in it is believed yet. Codes: those of `readBundle`, and `evidence_too_large`. */
export function readManifestBundle(content: Uint8Array): SignedBundle | Refused {
  const json = readExactJson(content, { bytes: MAX_BYTES, depth: MAX_DEPTH })
  if (json.refused === 'json_too_large') return { refused: 'evidence_too_large' }
  if (json.refused) return { refused: 'evidence_malformed', detail: `The bundle ${json.detail}.` }
  if (typeof json.value !== 'object' || json.value === null) return { refused: 'evidence_malformed' }
  return readBundle(json.value)
}
