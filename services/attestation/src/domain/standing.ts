/** Whether a result still counts: what it rests on may have been withdrawn, and the profile may ask for more by now. */
import type { AttestationFact, EventData } from '@credence/contracts/events/catalog'
import { type AboutAppraisal, appraise, type Examined } from './appraisal.ts'
import type { Result } from './kinds/kind.ts'
import type { Profile } from './profile.ts'

type Revoked = EventData<'credence.attestation.result.revoked.v1'>
export type Cause = Pick<Revoked, 'cause' | 'because' | 'consequence' | 'reason'>

/** A result as it is kept. */
export type Held = {
  result: Result
  recordedAt: string
  /** Sequence of the last event of its challenge. */
  sequence: number
  revoked?: Pick<Revoked, 'cause' | 'because'>
}

/** Whether it lets its agent work: accepted, not revoked, and its time is not over. */
export const counts = ({ result, revoked }: Held, now: Date): boolean =>
  result.accepted && !revoked && new Date(result.expires_at) > now

/** Says once that it counts no more. */
export function revokeResult(held: Held | undefined, cause: Cause, now: Date): AttestationFact[] {
  if (!held || !counts(held, now)) return []
  const { result, agent } = held.result
  return [{ type: 'credence.attestation.result.revoked.v1', data: { result, agent, ...cause } }]
}

export type Withdrawn = {
  isReferenceWithdrawn: (id: string) => boolean
  isAnchorWithdrawn: (id: string) => boolean
  isBlocked: (digest: string) => boolean
}

/** What it rests on and must not, the worst first. */
export function withdrawnUnder(
  { references, anchors, digests }: Result,
  of: Withdrawn,
): Omit<Cause, 'reason'> | undefined {
  const digest = digests.find(of.isBlocked)
  if (digest) return { cause: 'measurement_blocked', because: digest, consequence: 'quarantine' }
  const reference = references.find(of.isReferenceWithdrawn)
  if (reference) return { cause: 'reference_withdrawn', because: reference, consequence: 'quarantine' }
  const anchor = anchors.find(of.isAnchorWithdrawn)
  return anchor ? { cause: 'anchor_withdrawn', because: anchor, consequence: 'suspend' } : undefined
}

/**
 * Appraises what an agent showed under another version of the profile, as of when it showed it: codes of what that does not
 * meet, and until when it is young enough. A result that says that it is enough for resources for which it would not be, or
 * for longer, does not meet it either: nobody could take just that from it.
 */
export function underProfile(
  { result, recordedAt }: Held,
  profile: Profile,
  about: Omit<AboutAppraisal, 'profile' | 'previous' | 'now'>,
): { unmet: string[]; until: number } {
  const shown = new Date(recordedAt)
  const examined = result.evidence.flatMap(({ kind, digest, claims, anchors, measured_at }): Examined[] =>
    claims ? [{ kind, digest, claims, anchors, measuredAt: new Date(measured_at ?? recordedAt) }] : [],
  )
  const { against, until, sufficient } = appraise(examined, { ...about, profile, previous: undefined, now: shown })
  if (against.length > 0) return { unmet: against, until }
  const ends = result.sufficient.map(({ sensitivity, expires_at: said }) => ({
    said: Date.parse(said),
    now: sufficient.find((one) => one.sensitivity === sensitivity)?.until ?? 0,
  }))
  if (ends.some((end) => end.now === 0)) return { unmet: ['sensitivity_lost'], until }
  return { unmet: [], until: Math.min(until, ...ends.flatMap((end) => (end.now < end.said ? [end.now] : []))) }
}
