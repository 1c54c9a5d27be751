/**
 * Appraisal of evidence (RFC 9334 §4): what was proved, against what was approved and registered, under the profile in
 * force. Every piece that is shown counts: one that is refused or at fault makes the whole contraindicated, and none that
 * the profile does not ask for makes it better.
 */
import type { ClaimsOf } from '@credence/contracts/attestation/claims'
import type { EvidenceKind, ModelGrade } from '@credence/contracts/attestation/kinds'
import { leavesOf, type Requirement, type SensitivityRule } from '@credence/contracts/attestation/requirements'
import type { Reference } from '@credence/contracts/attestation/trust'
import { type Composition, type EarStatus, Sensitivity } from '@credence/contracts/events/values'
import type { Agent } from '@credence/contracts/principals/agent'
import { asGoodAs, CRYPTO_CHECK_FAILED, combined, statusOf, type TrustVector, VERIFIER_MALFUNCTION } from './ar4si.ts'
import type { AllClaims, Finding, KindAppraiser, Result } from './kinds/kind.ts'
import type { Appraisers } from './kinds/kinds.ts'
import { approvedComposition } from './kinds/software.ts'
import type { Profile } from './profile.ts'
import { withAlike } from './reference.ts'
import { judgeRule, type Piece } from './rule.ts'

/** A piece of evidence as its verifier left it. `digest`: SHA-256 of the evidence. */
export type Examined = { kind: EvidenceKind; digest: string } & (
  | { claims: ClaimsOf<EvidenceKind>; anchors: string[]; measuredAt: Date }
  | { refused: string }
)

export type Appraisal = {
  status: EarStatus
  accepted: boolean
  changed: boolean
  /** Kinds by which the profile is met. */
  kinds: EvidenceKind[]
  evidence: Result['evidence']
  vector: TrustVector
  /** `<kind>/<code>`, or a code of the whole. */
  reasons: string[]
  /** Those of them for which it was not accepted. */
  against: string[]
  composition: Composition | undefined
  /** Whether somebody approved exactly this composition; otherwise it is the agent’s own word, and nothing else. */
  compositionApproved: boolean
  modelGrade: ModelGrade | undefined
  references: string[]
  anchors: string[]
  digests: string[]
  sufficient: { sensitivity: Sensitivity; until: number }[]
  /** When it stops to count; 0 when it was not accepted (milliseconds since the epoch). */
  until: number
}

export type AboutAppraisal = {
  agent: Agent
  profile: Profile | undefined
  /** Those that live, of the agent’s blueprint. */
  references: readonly Reference[]
  /** Types of values of which the blueprint has a list, though all that stood on it were withdrawn. */
  lists: ReadonlySet<Reference['value']['type']>
  isBlocked: (digest: string) => boolean
  /** The agent’s newest accepted result. */
  previous: Result | undefined
  appraisers: Appraisers
  now: Date
}

/** @param examined the agent’s statement (kind `software`) and every other piece, each kind once */
export function appraise(examined: readonly Examined[], about: AboutAppraisal): Appraisal {
  const claims: AllClaims = Object.fromEntries(
    examined.flatMap((one) => ('claims' in one ? [[one.kind, one.claims]] : [])),
  )
  const composition = claims.software?.composition
  const appraised = examined.map((one) => appraisePiece(one, claims, about))
  const faults = appraised.flatMap(({ piece, faulty }) => (faulty ? piece.reasons : []))
  const notes = appraised.flatMap(({ piece, faulty }) => (faulty ? [] : piece.reasons))
  const pieces = piecesOf(appraised.map(({ piece }) => piece))
  const judged = about.profile ? judgeProfile(about.profile, pieces, about) : NO_PROFILE
  const faulty = new Set(appraised.flatMap((one) => (one.faulty ? [one.piece.kind] : [])))
  const counted = appraised.filter(({ piece }) => faulty.has(piece.kind) || judged.kinds.includes(piece.kind))
  const relied = appraised.filter(({ piece }) => faulty.has(piece.kind) || judged.relied.includes(piece.kind))
  // What was shown and failed is not missing as well.
  const unmet = judged.unmet.filter((code) => ![...faulty].some((kind) => code === `${kind}/missing`))
  const vector = combined(counted.map(({ piece }) => piece.trustworthiness_vector))
  const against = unique([...faults, ...unmet])
  const accepted = against.length === 0
  const findings = appraised.map(({ finding }) => finding)
  return {
    status: faults.length > 0 ? 'contraindicated' : statusOf(vector),
    accepted,
    changed: hasChanged(composition, about.previous),
    kinds: judged.kinds,
    evidence: appraised.map(({ piece }) => piece),
    vector,
    reasons: unique([...against, ...notes]),
    against,
    composition,
    compositionApproved: composition !== undefined && approvedComposition(composition, about.references) !== undefined,
    modelGrade: gradeOf(claims['model-signing'], about.profile, about.appraisers),
    // Whatever the agent runs on can be withdrawn or blocked later, also what the profile did not ask for.
    references: withAlike(
      findings.flatMap(({ references }) => references),
      about.references,
    ),
    digests: unique(findings.flatMap(({ digests }) => digests)),
    anchors: unique(relied.flatMap(({ piece }) => piece.anchors)),
    sufficient: accepted ? judged.sufficient : [],
    until: accepted ? judged.until : 0,
  }
}

const NO_PROFILE: ReturnType<typeof judgeProfile> = {
  unmet: ['no_profile'],
  kinds: [],
  relied: [],
  sufficient: [],
  until: 0,
}
const NOTHING: Finding = { vector: {}, faults: [], notes: [], references: [], digests: [] }

type PieceOfResult = Result['evidence'][number]
type AppraisedPiece = { piece: PieceOfResult; finding: Finding; faulty: boolean }

function appraisePiece(one: Examined, claims: AllClaims, about: AboutAppraisal): AppraisedPiece {
  const { kind, digest } = one
  const named = (code: string) => `${kind}/${code}`
  if ('refused' in one) {
    const vector = vectorOfRefusal(one.refused)
    const piece = {
      kind,
      digest,
      status: 'contraindicated',
      trustworthiness_vector: vector,
      reasons: [named(one.refused)],
    }
    return { piece: { ...piece, anchors: [] } as PieceOfResult, finding: NOTHING, faulty: true }
  }
  const appraiser = about.appraisers[kind] as unknown as KindAppraiser<EvidenceKind>
  const statement = claims.software?.composition
  const asked = kindsAskedBy(about.profile)
  // Without a statement that holds, nothing binds the other pieces to the agent.
  const finding = statement ? appraiser.appraise(one.claims as never, { ...about, statement, claims, asked }) : NOTHING
  const faults = [...finding.faults, ...(finding.digests.some(about.isBlocked) ? ['blocked'] : [])]
  const faulty = faults.length > 0
  const piece = {
    kind,
    digest,
    status: faulty ? ('contraindicated' as const) : statusOf(finding.vector),
    trustworthiness_vector: finding.vector as Record<string, number>,
    reasons: [...faults, ...finding.notes].map(named),
    measured_at: one.measuredAt.toISOString(),
    anchors: one.anchors,
    claims: one.claims,
  }
  return { piece: piece as PieceOfResult, finding, faulty }
}

/** By its rule, and by what it says of sensitivities. */
function leavesIn(profile: Profile | undefined): Requirement[] {
  const rules = profile ? [profile.rule, ...profile.sensitivities.flatMap(({ rule }) => rule ?? [])] : []
  return rules.flatMap(leavesOf)
}
const kindsAskedBy = (profile: Profile | undefined): Set<EvidenceKind> =>
  new Set(leavesIn(profile).map(({ kind }) => kind))

/** Of a model by a signer that the profile takes: it is told to policies, which ask no further. */
function gradeOf(
  claims: AllClaims['model-signing'],
  profile: Profile | undefined,
  appraisers: Appraisers,
): ModelGrade | undefined {
  const asked = leavesIn(profile).filter((leaf) => leaf.kind === 'model-signing')
  const isTaken = (leaf: (typeof asked)[number]) =>
    claims && appraisers['model-signing'].unmet(claims, leaf).length === 0
  return asked.length === 0 || asked.some(isTaken) ? claims?.grade : undefined
}

/** Nothing is claimed of what was not looked at; else it is the verifier’s fault (−1), or the evidence’s (99). */
function vectorOfRefusal(code: string): TrustVector {
  if (code === 'kind_unknown' || code === 'not_examined') return {}
  const malfunction = code === 'verifier_failed' || code === 'verification_timed_out'
  return { 'instance-identity': malfunction ? VERIFIER_MALFUNCTION : CRYPTO_CHECK_FAILED }
}

const unique = (all: readonly string[]): string[] => [...new Set(all)]

function hasChanged(now: Composition | undefined, previous: Result | undefined): boolean {
  const before = previous?.composition
  if (!now || !before) return false
  return (Object.keys(before) as (keyof Composition)[]).some((part) => before[part] !== now[part])
}

/** The pieces of a result that were not found at fault, for a profile to be held against. */
export const piecesOf = (evidence: Result['evidence']): Map<EvidenceKind, Piece> =>
  new Map(
    evidence.flatMap((one) =>
      one.claims === undefined || one.status === 'contraindicated'
        ? []
        : [
            [
              one.kind,
              {
                kind: one.kind,
                claims: one.claims,
                status: one.status,
                vector: one.trustworthiness_vector,
                measuredAt: one.measured_at ? new Date(one.measured_at) : undefined,
              },
            ] as const,
          ],
    ),
  )

/** Whether pieces meet a profile, by which kinds, until when, and for resources of which sensitivity they are enough. */
export function judgeProfile(
  profile: Profile,
  pieces: ReadonlyMap<EvidenceKind, Piece>,
  { appraisers, now }: { appraisers: Appraisers; now: Date },
): {
  unmet: string[]
  kinds: EvidenceKind[]
  /** `kinds`, and those by which more is met for a sensitivity. */
  relied: EvidenceKind[]
  sufficient: Appraisal['sufficient']
  until: number
} {
  const { worst_acceptable_status: worst, maximum_age_seconds: life } = profile
  const rule = judgeRule(profile.rule, { pieces, appraisers, worst, now })
  const status = statusOf(combined(rule.by.map((kind) => pieces.get(kind)?.vector ?? {})))
  const enough = asGoodAs(status, worst)
  const until = Math.min(rule.until, now.getTime() + life * 1000)
  const relied = new Set(rule.by)
  const sufficient = Sensitivity.options.flatMap((sensitivity) => {
    const more = wordFor(sensitivity, profile.sensitivities)
    if (!more) return [{ sensitivity, until }]
    const extra = more.rule && judgeRule(more.rule, { pieces, appraisers, worst: more.worst_acceptable_status, now })
    if (!asGoodAs(status, more.worst_acceptable_status) || (extra && extra.unmet.length > 0)) return []
    for (const kind of extra?.by ?? []) relied.add(kind)
    const least = Math.min(until, extra?.until ?? until, now.getTime() + more.maximum_age_seconds * 1000)
    return [{ sensitivity, until: least }]
  })
  return {
    unmet: [...rule.unmet, ...(rule.unmet.length === 0 && !enough ? ['status_below_profile'] : [])],
    kinds: rule.by,
    relied: [...relied],
    sufficient,
    until,
  }
}

/** What a profile says of a sensitivity: its own word, or that of the next lower one that has one. */
function wordFor(sensitivity: Sensitivity, all: readonly SensitivityRule[]): SensitivityRule | undefined {
  const order = Sensitivity.options
  return order
    .slice(0, order.indexOf(sensitivity) + 1)
    .reverse()
    .map((level) => all.find((word) => word.sensitivity === level))
    .find((word) => word !== undefined)
}
