/** A decision made again from its record, the snapshot and the policies that it names. It must come out the same. */
import { isDeepStrictEqual } from 'node:util'
import type { EventData } from '@credence/contracts/events/catalog'
import type { LoadedPolicies } from '@credence/policies/policies'
import { conclude, type Question, type Surroundings, stand } from './decision.ts'
import { recordedVerdict, reportOf } from './record.ts'
import { lookupIn, type Situation } from './situation.ts'

export type Recorded = EventData<'credence.policy.decision.made.v1'>

/** What was told of the act beyond its names, as it was kept. */
export type Told = { amount?: Question['amount']; arguments?: string; properties?: string }

export type Replayed = { outcome: string; reasons: string[]; differences: string[] }

/**
 * @param time of the record
 * @param policies the version that the record names; undefined when it names none
 * @param reporting those that were in report-only
 */
export function replay(
  recorded: Recorded,
  time: Date,
  situation: Situation,
  told: Told,
  policies: LoadedPolicies | undefined,
  reporting: readonly LoadedPolicies[],
): Replayed {
  const standing = stand(questionOf(recorded, told), lookupIn(situation), surroundingsOf(recorded), time)
  const again = conclude(standing, policies)
  const differences = [
    ...differing('outcome', recorded.outcome, again.outcome),
    ...differing('reasons', recorded.reasons, again.reasons),
    ...differing('verdict', recorded.verdict, recordedVerdict(again.verdict)),
    ...differing('obligations', recorded.obligations ?? [], again.obligations),
    ...differing('relied_until', recorded.relied_until ?? '', timeOf(again.reliedUntil)),
    ...differing('engine', recorded.engine, policies?.engine ?? ''),
    ...(recorded.reports ?? []).flatMap((report) => {
      const candidate = reporting.find(({ version }) => version === report.version)
      if (!candidate) return [`reports: version ${report.version} is not kept`]
      return differing('reports', [report], reportOf(candidate, standing))
    }),
  ]
  return { outcome: again.outcome, reasons: again.reasons, differences }
}

function questionOf(recorded: Recorded, { amount, arguments: told, properties }: Told): Question {
  const [type = '', ...id] = recorded.resource.split('::')
  return {
    agentId: recorded.agent,
    grantId: recorded.grant,
    tokenId: recorded.token,
    action: recorded.action,
    resource: { type, id: id.join('::'), sensitivity: recorded.sensitivity, ...(properties ? { properties } : {}) },
    audience: recorded.audience,
    supportedObligations: recorded.supported_obligations ?? [],
    ...(amount ? { amount } : {}),
    ...(told ? { arguments: told } : {}),
  }
}

function surroundingsOf(recorded: Recorded): Surroundings {
  return {
    tokenRevoked: recorded.token_revoked,
    stale: recorded.stale,
    location: recorded.location,
    enforcementPoint: { id: recorded.enforcement_point, location: recorded.enforcement_point_location },
    used: (node, detail) => recorded.used?.[`${node}/${detail}`] ?? { count: 0 },
    approval: () => {
      if (!recorded.approval) return undefined
      const { approved_by: approvedBy, ...given } = recorded.approval
      return { ...given, approvedBy }
    },
  }
}

const timeOf = (until: number): string => (until > 0 ? new Date(until).toISOString() : '')

const differing = (what: string, recorded: unknown, again: unknown): string[] =>
  isDeepStrictEqual(recorded, again)
    ? []
    : [`${what}: recorded ${JSON.stringify(recorded)}, recomputed ${JSON.stringify(again)}`]
