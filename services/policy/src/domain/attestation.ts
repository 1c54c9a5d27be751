/**
 * What attestation says of an agent, and whether it still counts. A result rests on reference values, trust anchors and
 * measured digests: when one of them is withdrawn or blocked, the result counts no more, though nobody has said so of it.
 */
import type { EventData } from '@credence/contracts/events/catalog'
import type { Sensitivity } from '@credence/contracts/events/values'
import { type AgentState, keyEnd } from '@credence/contracts/principals/agent'

type Recorded = EventData<'credence.attestation.result.recorded.v1'>
type Revoked = EventData<'credence.attestation.result.revoked.v1'>

/** What a decision reads of the newest result of an agent. */
export type Result = Pick<
  Recorded,
  'result' | 'agent' | 'status' | 'accepted' | 'kinds' | 'composition' | 'model_grade' | 'expires_at'
> & {
  /** Of the key that attested; absent in situations that were kept before it was looked at. */
  key_thumbprint?: string
  /** Until when it is enough for resources of a sensitivity; for one that is missing it never was. */
  sufficient: { [S in Sensitivity]?: string }
  /** Ids of references and anchors, and digests. */
  rests_on: string[]
  recorded_at: string
  /** Why it was revoked. */
  revoked?: Revoked['cause']
}

/** That something counts no more on which results may rest. */
export type Withdrawal = { id: string; of: 'reference' | 'anchor' | 'measurement' }
/** Whether a reference, an anchor or a digest was withdrawn or blocked. */
export type FindWithdrawal = (id: string) => Withdrawal | undefined

export function resultOf(recorded: Recorded, recordedAt: string): Result {
  const { result, agent, key_thumbprint, status, accepted, kinds, composition, model_grade, expires_at } = recorded
  const sufficient: Result['sufficient'] = {}
  // The same text is held once: there are as many results as agents.
  for (const one of recorded.sufficient)
    sufficient[one.sensitivity] = one.expires_at === expires_at ? expires_at : one.expires_at
  return {
    result,
    agent,
    key_thumbprint,
    status,
    accepted,
    kinds,
    ...(composition && isVouchedFor(recorded) ? { composition } : {}),
    ...(model_grade ? { model_grade } : {}),
    sufficient,
    rests_on: [...new Set([...recorded.references, ...recorded.anchors, ...recorded.digests])],
    recorded_at: recordedAt,
    expires_at,
  }
}

/**
 * An agent says itself what it is made of. Policies are told what somebody approved; elsewhere it could say whatever a policy
 * wants to hear. (Results of before do not say so; the kind `software` passes on what was approved only.)
 */
const isVouchedFor = ({ composition_approved, kinds }: Recorded): boolean =>
  composition_approved ?? kinds.includes('software')

/** Why a result does not let its agent act, and on resources of this sensitivity; empty when it does. */
export function attestationReasons(
  result: Result | undefined,
  agent: AgentState,
  sensitivity: Sensitivity,
  findWithdrawal: FindWithdrawal,
  now: Date,
): string[] {
  if (!result) return ['attestation_missing']
  const ends = endsOf(result, agent, findWithdrawal, now)
  if (!result.accepted || isOver(result.expires_at, now)) return ends
  return isOver(result.sufficient[sensitivity], now) ? [...ends, 'attestation_insufficient'] : ends
}

/** Why a task cannot begin on this result; what its resources are is not known yet. */
export function attestationObstacle(
  result: Result | undefined,
  agent: AgentState,
  findWithdrawal: FindWithdrawal,
  now: Date,
): string | undefined {
  if (!result) return 'attestation_missing'
  const [end] = endsOf(result, agent, findWithdrawal, now)
  if (end) return end
  return Object.values(result.sufficient).every((until) => isOver(until, now)) ? 'attestation_insufficient' : undefined
}

const endsOf = (result: Result, agent: AgentState, findWithdrawal: FindWithdrawal, now: Date): string[] => [
  ...(result.accepted ? [] : ['attestation_not_accepted']),
  ...(result.revoked ? ['attestation_revoked'] : []),
  ...(result.rests_on.some(findWithdrawal) ? ['attestation_withdrawn'] : []),
  ...(keyEndOf(result, agent) > now.getTime() ? [] : ['attestation_of_former_key']),
  ...(isOver(result.expires_at, now) ? ['attestation_expired'] : []),
]

const isOver = (until: string | undefined, now: Date): boolean => until === undefined || !(new Date(until) > now)

/** A result was given to whoever held one key: it says nothing of who holds another. */
const keyEndOf = ({ key_thumbprint: attested }: Result, agent: AgentState): number =>
  agent && attested !== undefined ? keyEnd(agent, attested) : Number.POSITIVE_INFINITY

/** When an answer on resources of this sensitivity ends by itself, in milliseconds since the epoch. */
export const countsUntil = (result: Result, agent: AgentState, sensitivity: Sensitivity): number => {
  const { expires_at, sufficient } = result
  return Math.min(Date.parse(expires_at), Date.parse(sufficient[sensitivity] ?? expires_at), keyEndOf(result, agent))
}
