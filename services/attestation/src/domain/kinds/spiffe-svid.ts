/** Which workload the agent runs as, by the word of another trust domain. What that workload is made of it does not say. */
import { INSTANCE_RECOGNISED } from '../ar4si.ts'
import type { KindAppraiser } from './kind.ts'

export const spiffeSvid: KindAppraiser<'spiffe-svid'> = {
  kind: 'spiffe-svid',
  appraise: (claims, { previous }) => {
    const before = previous?.evidence.find(({ kind }) => kind === 'spiffe-svid')?.claims
    return {
      vector: { 'instance-identity': INSTANCE_RECOGNISED },
      faults: [],
      notes: [
        ...(claims.key_bound ? [] : ['bearer_token']),
        ...(before && 'spiffe_id' in before && before.spiffe_id !== claims.spiffe_id ? ['workload_changed'] : []),
      ],
      references: [],
      digests: [],
    }
  },
  unmet: (claims, { ids, key_bound }) => [
    ...(ids.some((id) => covers(id, claims.spiffe_id)) ? [] : ['workload_not_allowed']),
    ...(key_bound && !claims.key_bound ? ['not_key_bound'] : []),
  ],
  reasons: {
    evidence_too_large: 'The SVID is larger than SVIDs are.',
    evidence_malformed: 'This is no SVID with what proves it, in the form that is asked for.',
    spiffe_id_malformed: 'The SVID does not name a workload as SPIFFE writes names.',
    own_trust_domain: 'The SVID is of our own trust domain, for which no other may vouch.',
    anchor_unknown: 'No trust anchor vouches for this trust domain here.',
    anchor_unusable: 'The bundle of this trust domain cannot be read, or has not been refreshed for too long.',
    key_unknown: 'The token names no key, or one that the bundle of its trust domain does not have.',
    chain_untrusted: 'The certificate does not lead to an authority of its trust domain’s bundle.',
    signature_invalid: 'The token was not signed by the key that it names, or was changed since.',
    algorithm_weak: 'Key, hash or algorithm are not among those that prove something.',
    key_usage_wrong: 'The certificate is not one of a workload: it may sign others, or may not sign for itself.',
    certificate_expired: 'The certificate has expired.',
    certificate_not_yet_valid: 'The certificate is not valid yet.',
    evidence_expired: 'The token has expired.',
    evidence_not_yet_valid: 'The token is from the future.',
    issued_at_missing: 'The token says neither for which challenge it is nor when it was issued.',
    other_audience: 'The token was made for somebody else, or not for us alone.',
    binding_invalid: 'The SVID was shown for another challenge, or for another agent’s.',
    bearer_token: 'The token is bound to no challenge: whoever holds a copy can show it until it expires.',
    workload_changed: 'The agent ran as another workload before.',
    workload_not_allowed: 'The profile does not allow this workload.',
    not_key_bound: 'The profile asks for an SVID that is bound to the challenge.',
  },
}

/** Exact, or all that lies below a path: `/a/*` covers `/a/b` and `/a/b/c`, neither `/a` nor `/ab`. */
const covers = (pattern: string, id: string): boolean =>
  pattern.endsWith('/*') ? id.startsWith(pattern.slice(0, -1)) : id === pattern
