/** A situation as data: everything that a decision looks at. Cases are changes to one in which everything fits. */
import { readFileSync } from 'node:fs'
import { type Agent, agentEnd } from '@credence/contracts/principals/agent'
import { type Delegation, delegationChain, delegationEnd } from '@credence/contracts/principals/delegation'
import type { Human } from '@credence/contracts/principals/human'
import type { Mandate } from '@credence/contracts/principals/mandate'
import { type Decided, decide, type Question, type Result, type Verdict } from '../domain/decision.ts'
import type { Located } from '../domain/location.ts'
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
  location: Located
  stale: string[]
  tokenRevoked?: boolean
  /** What Cedar says; none when no policy set is active. */
  verdict?: Verdict
}

export const allowedSituation = (): Situation =>
  JSON.parse(readFileSync(new URL('allowed.situation.json', CASES), 'utf8'))

export function decideOn(situation: Situation): Decided {
  const { question, agents = {}, delegations = {}, humans = {}, mandates = {}, withdrawn = [] } = situation
  const { task, result, location, stale, verdict } = situation
  const now = new Date(situation.now)
  const delegation = (id: string) => delegations[id]
  const agent = (id: string) => agents[id]
  const endOf = (id: string) => agentEnd(id, agent, now, (name) => withdrawn.includes(name))
  const around = { agent, agentEnd: endOf, human: (id: string) => humans[id], mandate: (id: string) => mandates[id] }
  const chain = task && delegationChain(task.delegation, delegation)
  const known = {
    agent: agents[question.agentId],
    agentEnd: endOf(question.agentId),
    tokenRevoked: situation.tokenRevoked ?? false,
    task,
    chain,
    delegationEnd: delegationEnd(chain, around, now),
    result,
    location,
    stale,
  }
  return decide(question, known, verdict && (() => verdict), now)
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
