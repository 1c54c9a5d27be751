/** A signed manifest, opened by somebody who knows the builder's key: in a builder's CI, or before it is approved. */
import { type KeyObject, verify } from 'node:crypto'
import { AGENT_MANIFEST, type AgentManifest, readAgentManifest } from '@credence/contracts/attestation/agent-manifest'
import {
  type BundleWithDsseEnvelope,
  bundleFromJSON,
  envelopeFromJSON,
  isBundleWithDsseEnvelope,
} from '@sigstore/bundle'
import { dsse } from '@sigstore/core'
import { isP256, ManifestError } from './sign.ts'

/** @throws ManifestError when the bundle is none, is not signed by this key, or holds no agent manifest */
export function openManifest(bundle: string, key: KeyObject): AgentManifest {
  if (!isP256(key)) throw new ManifestError('The key must be an EC key on the curve P-256.')
  const { payload, payloadType, signatures } = envelopeIn(bundle)
  const [signature] = signatures
  const encoded = dsse.preAuthEncoding(payloadType, payload)
  if (!signature || signatures.length > 1 || !verify('sha256', encoded, key, signature.sig))
    throw new ManifestError('The manifest was not signed by this key (signature_invalid).')
  if (payloadType !== AGENT_MANIFEST.payloadType)
    throw new ManifestError('What was signed is no in-toto statement (payload_type).')
  const { value, refused, detail } = readAgentManifest(payload)
  if (!value) throw new ManifestError(`What was signed is no agent manifest (${refused}): ${detail}`)
  return value
}

/**
 * The signed bytes in a bundle, whoever signed them, and however it names who did: model-signing puts a chain of
 * certificates where the library allows one. @throws ManifestError when there is no DSSE envelope
 */
export function payloadIn(bundle: string): Buffer {
  try {
    const { payload } = envelopeFromJSON(JSON.parse(bundle).dsseEnvelope)
    if (payload.length > 0) return payload
  } catch {
    // Said below.
  }
  throw new ManifestError(NO_ENVELOPE)
}

const NO_ENVELOPE = 'This is no Sigstore bundle with a DSSE envelope (evidence_malformed).'

function envelopeIn(text: string): BundleWithDsseEnvelope['content']['dsseEnvelope'] {
  try {
    const bundle = bundleFromJSON(JSON.parse(text))
    if (isBundleWithDsseEnvelope(bundle)) return bundle.content.dsseEnvelope
  } catch {
    // Said below: what a library says of it means little to a builder.
  }
  throw new ManifestError(NO_ENVELOPE)
}
