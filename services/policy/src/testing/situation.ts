/** A situation as data: everything that a decision looks at. Cases are changes to one in which everything fits. */
import { readFileSync } from 'node:fs'
import type { Used } from '@credence/contracts/limits'
import type { Agent } from '@credence/contracts/principals/agent'
import type { Delegation } from '@credence/contracts/principals/delegation'
import type { Human } from '@credence/contracts/principals/human'
import type { Mandate } from '@credence/contracts/principals/mandate'
import type { LoadedPolicies, Meaning, Verdict } from '@credence/policies/policies'
import type { Result } from '../domain/attestation.ts'
import { conclude, type Decided, type GivenApproval, type Question, stand } from '../domain/decision.ts'
import type { Located } from '../domain/location.ts'
import type { Risk } from '../domain/risk.ts'
import { lookupIn } from '../domain/situation.ts'
import type { Task } from '../domain/task.ts'

export const CASES = new URL('../domain/decision-cases/', import.meta.url)

/** Only the members that a decision reads are there. */
export type Situation = {
  now: string
  question: Question
  humans?: Record<string, Human>
  /** Names of blueprints that were withdrawn. */
  withdrawn?: string[]
  agents?: Record<string, Agent>
  mandates?: Record<string, Mandate>
  delegations?: Record<string, Delegation>
  task?: Task
  result?: Result
  /** References, anchors and digests that were withdrawn or blocked. */
  withdrawals?: string[]
  risk?: Risk
  location: Located
  enforcementPoint: { id: string; location: Located }
  stale: string[]
  tokenRevoked?: boolean
  /** Uses counted before, by "<node>/<detail>". */
  used?: Record<string, Used>
  /** The newest approval of exactly this act. */
  approval?: GivenApproval
  /** What Cedar says; none when no policy set is active. */
  verdict?: Partial<Verdict>
  /** What the annotations of these policies say. */
  meanings?: Record<string, Partial<Meaning>>
}

export const allowedSituation = (): Situation =>
  JSON.parse(readFileSync(new URL('allowed.situation.json', CASES), 'utf8'))

export function decideOn(situation: Situation): Decided {
  const { question, task, result, risk, verdict, meanings = {}, used = {}, approval } = situation
  const now = new Date(situation.now)
  const lookup = lookupIn({
    agents: situation.agents ?? {},
    humans: situation.humans ?? {},
    mandates: situation.mandates ?? {},
    delegations: situation.delegations ?? {},
    blueprints: Object.fromEntries((situation.withdrawn ?? []).map((name) => [name, { withdrawn: true }])),
    grants: task ? { [question.grantId]: task } : {},
    results: result ? { [question.agentId]: result } : {},
    withdrawals: Object.fromEntries((situation.withdrawals ?? []).map((id) => [id, { id, of: 'reference' }])),
    risks: risk ? { [question.agentId]: risk } : {},
  })
  const policies: LoadedPolicies | undefined = verdict && {
    version: '0'.repeat(64),
    engine: 'given',
    evaluate: () => ({ permits: [], forbids: [], errors: [], erroredForbids: [], ...verdict }),
    meaningOf: (id) => ({ obligations: [], reliedSeconds: 0, ...meanings[id] }),
    actions: [],
    mayPermit: () => true,
  }
  const standing = stand(
    question,
    lookup,
    {
      tokenRevoked: situation.tokenRevoked ?? false,
      stale: situation.stale,
      location: situation.location,
      enforcementPoint: situation.enforcementPoint,
      used: (node, detail) => used[`${node}/${detail}`] ?? { count: 0 },
      approval: () => approval,
    },
    now,
  )
  return conclude(standing, policies)
}

/** JSON Merge Patch (RFC 7396): null takes a member away. */
export function patched<T>(target: T, change: unknown): T {
  if (!change || typeof change !== 'object' || Array.isArray(change)) return change as T
  const merged: Record<string, unknown> = { ...(target as object) }
  for (const [key, value] of Object.entries(change))
    if (value === null) delete merged[key]
    else merged[key] = patched(merged[key], value)
  return merged as T
}
