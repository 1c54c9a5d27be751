/** A profile’s rule over pieces of evidence: what does not meet it, by name. Pure, so that a draft can be tried on results. */
import type { EvidenceKind } from '@credence/contracts/attestation/kinds'
import { partsOf, type Requirement, type Rule } from '@credence/contracts/attestation/requirements'
import type { EarStatus } from '@credence/contracts/events/values'
import { asGoodAs, combined, statusOf, type TrustVector } from './ar4si.ts'
import type { KindAppraiser } from './kinds/kind.ts'
import type { Appraisers } from './kinds/kinds.ts'

/** A piece whose claims were proved and not found at fault. */
export type Piece = {
  kind: EvidenceKind
  claims: unknown
  status: EarStatus
  vector: TrustVector
  measuredAt: Date | undefined
}

export type Judged = {
  pieces: ReadonlyMap<EvidenceKind, Piece>
  appraisers: Appraisers
  /** The worst status that is enough where a requirement says nothing. */
  worst: EarStatus
  now: Date
}

export type Outcome = {
  /** `<kind>/<code>`; empty when the rule is met. */
  unmet: string[]
  /** The pieces by which it is met. */
  by: EvidenceKind[]
  /** Until when they are young enough (milliseconds since the epoch). */
  until: number
}

export function judgeRule(rule: Rule, about: Judged): Outcome {
  const parts = partsOf(rule)
  if (!parts) return judgeRequirement(rule as Requirement, about)
  const outcomes = parts.map((part) => judgeRule(part, about))
  const met = outcomes.filter(({ unmet }) => unmet.length === 0)
  if ('any_of' in rule && met.length > 0) return together(best(met, about), Math.max)
  return together(outcomes, Math.min)
}

/** Where one of several is enough, who shows a better one is not held to a weaker one that is shown beside it. */
function best(met: Outcome[], { pieces }: Judged): Outcome[] {
  const status = ({ by }: Outcome) => statusOf(combined(by.map((kind) => pieces.get(kind)?.vector ?? {})))
  return met.filter((one) => met.every((other) => asGoodAs(status(one), status(other))))
}

const together = (outcomes: Outcome[], chosen: (...untils: number[]) => number): Outcome => ({
  unmet: unique(outcomes.flatMap(({ unmet }) => unmet)),
  by: unique(outcomes.flatMap(({ by }) => by)),
  until: chosen(...outcomes.map(({ until }) => until)),
})

function judgeRequirement(requirement: Requirement, about: Judged): Outcome {
  const { kind, maximum_age_seconds: age, worst_acceptable_status: least } = requirement
  const piece = about.pieces.get(kind)
  if (!piece) return { unmet: [`${kind}/missing`], by: [], until: 0 }
  const appraiser = about.appraisers[kind] as unknown as KindAppraiser<EvidenceKind>
  const young = age === undefined ? Number.POSITIVE_INFINITY : (piece.measuredAt?.getTime() ?? 0) + age * 1000
  const until = Math.min(young, endOf(piece.claims))
  const unmet = [
    ...appraiser.unmet(piece.claims as never, requirement as never),
    ...(asGoodAs(piece.status, least ?? about.worst) ? [] : ['status_below_profile']),
    ...(until > about.now.getTime() ? [] : ['too_old']),
  ]
  return { unmet: unmet.map((code) => `${kind}/${code}`), by: unmet.length === 0 ? [kind] : [], until }
}

/** When what was shown ends by itself: nothing is proved by a token that has run out. */
const endOf = (claims: unknown): number =>
  typeof claims === 'object' && claims !== null && 'expires_at' in claims
    ? Date.parse(String(claims.expires_at))
    : Number.POSITIVE_INFINITY

const unique = <T>(all: readonly T[]): T[] => [...new Set(all)]
