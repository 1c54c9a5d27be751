/** Which image runs, and whether its provenance names a builder and a source that the profile allows. */
import type { ClaimsOf } from '@credence/contracts/attestation/claims'
import { EXECUTABLES_APPROVED_AT_BOOT, EXECUTABLES_CONTRAINDICATED } from '../ar4si.ts'
import type { About, KindAppraiser } from './kind.ts'
import { SIGNED_REASONS } from './signed.ts'

export const containerImage: KindAppraiser<'container-image'> = {
  kind: 'container-image',
  appraise: (claims, about) => {
    const approved = approvedImage(claims.image_digest, about)
    const faults = [
      ...(approved.listed && approved.references.length === 0 ? ['image_not_referenced'] : []),
      ...(about.statement.program === claims.image_digest ? [] : ['composition_differs']),
      ...podFaults(claims, about),
    ]
    return {
      // An image says what was started (AR4SI §2.3.4, executables 3), not what was loaded since.
      vector: { executables: faults.length > 0 ? EXECUTABLES_CONTRAINDICATED : EXECUTABLES_APPROVED_AT_BOOT },
      faults,
      notes: about.claims['kubernetes-sat']?.reviewed ? [] : ['image_named_by_agent'],
      references: approved.references,
      digests: [claims.image_digest],
    }
  },
  unmet: ({ builder, source, signer }, { builders, sources, signers }) => [
    ...(builders.some((allowed) => matches(builder, allowed)) ? [] : ['builder_not_allowed']),
    ...(sources.some((allowed) => matches(source, allowed)) ? [] : ['source_not_allowed']),
    ...(signers && !signers.includes(signer) ? ['signer_not_allowed'] : []),
  ],
  reasons: {
    ...SIGNED_REASONS,
    evidence_too_large: 'The evidence is larger than provenance of an image needs to be.',
    anchor_unknown: 'No trust anchor of this blueprint knows who signed the provenance.',
    statement_type: 'The signed statement is not an in-toto statement of a known version.',
    predicate_type: 'The signed statement is not SLSA provenance v1.',
    image_not_subject: 'The provenance is of another image.',
    provenance_malformed: 'The provenance is not well-formed.',
    source_unknown: 'The provenance does not say which source was built.',
    source_ambiguous: 'The provenance names several sources.',
    image_not_referenced: 'The blueprint has a list of approved images, and this one is not on it.',
    composition_differs: 'The agent’s own statement names another program than this image.',
    image_not_in_pod: 'The cluster says that the agent’s pod runs other images.',
    builder_not_allowed: 'The profile does not allow this builder.',
    source_not_allowed: 'The profile does not allow this source.',
    image_named_by_agent: 'That this image runs is the word of the agent’s own attester.',
  },
}

/** Provenance says whether an image is good. Where somebody lists images one by one, it must be on the list as well. */
function approvedImage(image: string, { references, lists }: About) {
  const images = references.filter(({ value }) => value.type === 'image')
  return {
    listed: lists.has('image'),
    references: images.flatMap(({ reference, value }) =>
      value.type === 'image' && value.digest === image ? [reference] : [],
    ),
  }
}

/** Where the cluster was asked, its word about what the pod runs stands above the attester’s. */
function podFaults({ image_digest }: ClaimsOf<'container-image'>, { claims }: About): string[] {
  const pod = claims['kubernetes-sat']
  return pod?.reviewed && !pod.image_digests.includes(image_digest) ? ['image_not_in_pod'] : []
}

/** Exact, or by what stands before a `*` at the end. */
const matches = (value: string, allowed: string): boolean =>
  allowed.endsWith('*') ? value.startsWith(allowed.slice(0, -1)) : value === allowed
