/**
 * A service-account token of a pod: which workload of which cluster the agent is. It says nothing of what runs there,
 * except by the digests of the pod’s images, where the cluster was asked and the image is attested by itself.
 */
import type { ClaimsOf } from '@credence/contracts/attestation/claims'
import { EXECUTABLES_APPROVED_AT_BOOT, EXECUTABLES_UNRECOGNISED, INSTANCE_RECOGNISED } from '../ar4si.ts'
import type { About, Finding, KindAppraiser } from './kind.ts'

type Claims = ClaimsOf<'kubernetes-sat'>

export const kubernetesSat: KindAppraiser<'kubernetes-sat'> = {
  kind: 'kubernetes-sat',
  appraise: (claims, about) => {
    const images = imageFinding(claims, about)
    return {
      vector: { 'instance-identity': INSTANCE_RECOGNISED, ...images.vector },
      faults: images.faults,
      notes: [
        ...(claims.reviewed ? [] : ['not_reviewed']),
        ...(claims.nonce_bound ? ['nonce_bound'] : []),
        ...(isElsewhere(claims, about) ? ['pod_changed'] : []),
        ...images.notes,
      ],
      references: images.references,
      digests: claims.image_digests,
    }
  },
  unmet: (claims, { service_accounts: accounts, reviewed }) => [
    ...(accounts.includes(`${claims.namespace}/${claims.service_account}`) ? [] : ['service_account_not_allowed']),
    ...(reviewed && !claims.reviewed ? ['review_required'] : []),
  ],
  reasons: {
    evidence_malformed: 'It is not a compact JWS with the claims of a service-account token.',
    evidence_too_large: 'It is larger than a service-account token can be.',
    algorithm_weak: 'It is signed with an algorithm, or a key, that proves nothing.',
    key_unknown: 'It names no key, or one that the trust anchor of its cluster does not have.',
    key_usage_wrong: 'The key that it names is not for its algorithm, or not for signatures.',
    signature_invalid: 'The key of the cluster did not sign it.',
    anchor_unknown: 'No trust anchor for this blueprint names its issuer.',
    anchor_unusable: 'The trust anchor of its cluster has no readable key set: approve a new one.',
    token_legacy: 'It is a token of a Secret, without end, audience or pod: project one into the pod.',
    pod_binding_missing: 'It is not bound to a pod.',
    other_audience: 'It was made for somebody else, or for others beside us.',
    nonce_mismatch: 'It names the binding of another challenge.',
    evidence_expired: 'It has expired.',
    evidence_not_yet_valid: 'It is not valid yet.',
    token_lives_too_long: 'It lives for more than a day.',
    review_unavailable: 'The API server of its cluster gave no answer in time: nothing is taken on the keys alone.',
    review_not_authenticated:
      'The cluster does not take it any more: the pod or the service account is gone, or it never was.',
    review_other_audience: 'The cluster did not confirm that it is for us.',
    review_other_account: 'The cluster knows it as the token of another service account.',
    review_other_pod: 'The cluster knows it as the token of another pod.',
    review_other_node: 'The cluster knows it as the token of a pod on another node.',
    pod_gone: 'The cluster has no such pod any more.',
    pod_other: 'The pod of this name is another one.',
    pod_other_account: 'The pod runs under another service account.',
    pod_other_node: 'The pod runs on another node than the token says, or on none.',
    pod_terminating: 'The pod is being deleted.',
    pod_not_running: 'The pod does not run.',
    pod_images_unknown: 'The cluster does not say what images every container of the pod runs.',
    debug_evidence: 'Somebody put a debug container into the pod.',
    image_not_in_pod: 'The attested image is not one that the pod runs.',
    other_images_in_pod: 'The pod runs images too that are not reference values of the blueprint.',
    not_reviewed: 'The API server was not asked: by its keys alone a deleted pod is not seen.',
    nonce_bound: 'The token was made for this challenge.',
    pod_changed: 'The agent ran in another pod when it was last accepted: its key has moved.',
    service_account_not_allowed: 'The profile does not allow this service account.',
    review_required: 'The profile asks for a review by the API server, which this service is not configured to get.',
  },
}

/** What the pod runs, beside the image that is attested: only with both is there anything to say of executables. */
function imageFinding({ reviewed, image_digests: inPod }: Claims, { claims, references }: About): Finding {
  const nothing = { vector: {}, faults: [], notes: [], references: [], digests: [] }
  const attested = claims['container-image']?.image_digest
  if (!reviewed || attested === undefined) return nothing
  if (!inPod.includes(attested)) return { ...nothing, faults: ['image_not_in_pod'] }
  const approved = new Map(
    references.flatMap(({ reference, value }) => (value.type === 'image' ? [[value.digest, reference] as const] : [])),
  )
  const others = inPod.filter((digest) => digest !== attested)
  const areKnown = others.every((digest) => approved.has(digest))
  return {
    ...nothing,
    // An image is what a container started from; nothing here sees what it has loaded since.
    vector: { executables: areKnown ? EXECUTABLES_APPROVED_AT_BOOT : EXECUTABLES_UNRECOGNISED },
    notes: areKnown ? [] : ['other_images_in_pod'],
    references: inPod.flatMap((digest) => approved.get(digest) ?? []),
  }
}

const isElsewhere = ({ pod_uid }: Claims, { previous }: About): boolean =>
  previous?.evidence.some((piece) => piece.kind === 'kubernetes-sat' && piece.claims?.pod_uid !== pod_uid) ?? false
