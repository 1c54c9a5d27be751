/** What a verifier is told of the agent whose evidence it examines. */
import { randomBytes } from 'node:crypto'
import { evidenceBinding } from '@credence/contracts/attestation/binding'
import type { EvidenceKind } from '@credence/contracts/attestation/kinds'
import type { Anchor, AnchorMaterial } from '@credence/contracts/attestation/trust'
import { newId } from '@credence/shared/ids'

const AUDIENCE = 'spiffe://acme.example/credence/attestation'
const THUMBPRINT = 'thumbprint-of-the-agent'

export function evidenced<K extends EvidenceKind>(kind: K, part: { anchors?: readonly Anchor[]; now?: Date } = {}) {
  const nonce = randomBytes(32).toString('base64url')
  return {
    agent: {
      agent: newId('agt'),
      spiffeId: 'spiffe://acme.example/agent/meeting-scheduler/1',
      blueprint: 'meeting-scheduler',
      jwk: { kty: 'OKP' as const, crv: 'Ed25519' as const, x: 'x' },
      keyThumbprint: THUMBPRINT,
    },
    nonce,
    binding: evidenceBinding({ kind, nonce, keyThumbprint: THUMBPRINT, audience: AUDIENCE }),
    audience: AUDIENCE,
    anchors: part.anchors ?? [],
    requirements: [],
    now: part.now ?? new Date(),
  }
}

export const anchorOf = (kind: EvidenceKind, material: AnchorMaterial): Anchor => ({
  anchor: newId('anc'),
  label: 'Whom we trust',
  kinds: [kind],
  blueprints: [],
  material,
})
