/** Somebody whose word counts: a signer, a cluster, a trust domain, a manufacturer. */
import type { EvidenceKind } from '@credence/contracts/attestation/kinds'
import type { Anchor } from '@credence/contracts/attestation/trust'
import { notFound } from '@credence/contracts/errors'
import type { AttestationFact, Fact } from '@credence/contracts/events/catalog'

export type AnchorState = (Anchor & { withdrawn: boolean }) | undefined

export const anchorEvolution = {
  initialState: undefined as AnchorState,
  evolve: (state: AnchorState, fact: Fact): AnchorState => {
    if (fact.type === 'credence.attestation.anchor.approved.v1') return { ...fact.data, withdrawn: false }
    if (fact.type === 'credence.attestation.anchor.withdrawn.v1') return state && { ...state, withdrawn: true }
    return state
  },
}

export const approveAnchor = (state: AnchorState, anchor: Anchor): AttestationFact[] =>
  state ? [] : [{ type: 'credence.attestation.anchor.approved.v1', data: anchor }]

/** @throws CredenceError `not_found` */
export function withdrawAnchor(state: AnchorState, anchor: string, reason: string): AttestationFact[] {
  if (!state) throw notFound('anchor', anchor)
  if (state.withdrawn) return []
  return [{ type: 'credence.attestation.anchor.withdrawn.v1', data: { anchor, reason } }]
}

/** Which materials can vouch for a kind. */
export const MATERIALS_FOR: Record<EvidenceKind, readonly Anchor['material']['type'][]> = {
  software: [],
  'agent-manifest': ['public-key', 'certificate-authority', 'sigstore'],
  'model-signing': ['public-key', 'certificate-authority', 'sigstore'],
  'container-image': ['public-key', 'certificate-authority', 'sigstore'],
  'kubernetes-sat': ['kubernetes-cluster'],
  'spiffe-svid': ['spiffe-trust-domain'],
  'tpm2-quote': ['tpm-manufacturer', 'tpm-endorsement-key'],
}

/** Whether it vouches for this kind of evidence of this blueprint’s agents. */
export const vouchesFor = (anchor: Anchor, kind: EvidenceKind, blueprint: string): boolean =>
  anchor.kinds.includes(kind) && (anchor.blueprints.length === 0 || anchor.blueprints.includes(blueprint))
