/** A manifest, signed: its statement in a DSSE envelope in a Sigstore bundle v0.3, by a P-256 key. */
import { createPublicKey, hash, type KeyObject, sign } from 'node:crypto'
import { AGENT_MANIFEST, readAgentManifest } from '@credence/contracts/attestation/agent-manifest'
import { bundleToJSON, toDSSEBundle } from '@sigstore/bundle'
import { dsse } from '@sigstore/core'

/** What is wrong with a key or a manifest, in a sentence for the builder. */
export class ManifestError extends Error {}

/**
 * Signs exactly these bytes (DSSE protocol; ECDSA with SHA-256).
 * @param statement as `writeAgentManifest` writes it, or as another tool does
 * @returns the bundle, as JSON text
 * @throws ManifestError for a key on another curve, or a statement that no verifier would take
 */
export function signManifest(statement: Uint8Array, key: KeyObject): string {
  if (!isP256(key)) throw new ManifestError('The key must be an EC key on the curve P-256.')
  const { refused, detail } = readAgentManifest(statement)
  if (refused) throw new ManifestError(`This is no agent manifest (${refused}): ${detail}`)
  const artifact = Buffer.from(statement)
  const { payloadType: artifactType } = AGENT_MANIFEST
  const signature = sign('sha256', dsse.preAuthEncoding(artifactType, artifact), key)
  const bundle = toDSSEBundle({ artifact, artifactType, signature, keyHint: keyHint(createPublicKey(key)) })
  return JSON.stringify(bundleToJSON(bundle))
}

export const isP256 = ({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): boolean =>
  asymmetricKeyType === 'ec' && asymmetricKeyDetails?.namedCurve === 'prime256v1'

/** SHA-256 of the public key in DER, base64, as cosign writes it. It only tells which key to try. */
export const keyHint = (key: KeyObject): string => hash('sha256', key.export({ type: 'spki', format: 'der' }), 'base64')
