/**
 * What attestation says becomes the state of agents: an accepted result makes its agent active, when somebody answers for it
 * and it has a key; one that shows another composition puts it into quarantine; a revoked one holds it.
 */
import type { Fact, IdentityFact } from '@credence/contracts/events/catalog'
import { type AgentState, isSuspendedByAttestation, livingKeys } from '@credence/contracts/principals/agent'
import { formatPosition } from '@credence/contracts/streams'
import type { Clock } from '@credence/shared/clock'
import type { Writer } from '@credence/shared/event-store/aggregates'
import type { RecordedCommit } from '@credence/shared/event-store/commit'
import { activateAgent, loseAttestation } from '../domain/attested-life.ts'
import type { Principals } from '../projections/principals.ts'

type Parts = { principals: Principals; writer: Writer; clock: Clock }
export type Told = { agent: string; decide: (state: AgentState, now: Date) => IdentityFact[] }

/** What a fact of attestation means for an agent; undefined when it means nothing. */
export function createTelling({ principals, clock }: Pick<Parts, 'principals' | 'clock'>) {
  /** One that is active already goes on: when nobody answers for it any more, the time of grace decides. */
  const mayBecome = (state: NonNullable<AgentState>): boolean =>
    (state.state !== 'registered' && !isSuspendedByAttestation(state)) ||
    (principals.isThere(principals.sponsorOf(state)) && livingKeys(state, clock()).length > 0)

  return ({ type, data }: Fact, position: string): Told | undefined => {
    if (type === 'credence.attestation.result.revoked.v1') {
      const { agent, result, cause, consequence, reason } = data
      const loss = { result, cause, consequence, reason, position }
      return { agent, decide: (state, now) => loseAttestation(state, loss, now) }
    }
    if (type !== 'credence.attestation.result.recorded.v1') return undefined
    const { agent, accepted, changed, result: id, expires_at: expiresAt, key_thumbprint: keyThumbprint } = data
    if (accepted) {
      const result = { id, expiresAt, keyThumbprint, position }
      return { agent, decide: (state, now) => (state && mayBecome(state) ? activateAgent(state, result, now) : []) }
    }
    if (!changed) return undefined
    const loss = { cause: 'composition_changed', consequence: 'quarantine', reason: whatChanged(data.reasons) } as const
    return { agent, decide: (state, now) => loseAttestation(state, { ...loss, position }, now) }
  }
}

/** In whose name, and because of what. */
export const aboutOf = ({ source, id }: Pick<RecordedCommit, 'source' | 'id'>) => ({
  actor: { kind: 'workload' as const, id: source },
  causation: id,
})

export function createAttestation(parts: Parts) {
  const { principals, writer, clock } = parts
  const telling = createTelling(parts)

  return async (commit: RecordedCommit): Promise<void> => {
    const position = formatPosition(commit)
    const about = aboutOf(commit)
    /** Of one agent in their order; of different agents at once. */
    const byAgent = new Map<string, Promise<unknown>>()
    for (const fact of commit.facts) {
      const told = telling(fact, position)
      if (!told) continue
      const before = byAgent.get(told.agent) ?? Promise.resolve()
      const write = () => {
        const now = clock()
        const decide = (state: AgentState) => told.decide(state, now)
        return writer.execute(principals.agents, { ...about, id: told.agent, now, decide })
      }
      byAgent.set(told.agent, before.then(write))
    }
    await Promise.all(byAgent.values())
  }
}

const CODE = /^[a-z0-9_/-]{1,100}$/
const TOLD_CODES = 4

/** Codes only: what an agent sent stands in no reason. */
function whatChanged(reasons: readonly string[]): string {
  const codes = reasons.filter((reason) => CODE.test(reason)).slice(0, TOLD_CODES)
  return `It is made of something else than what was approved${codes.length > 0 ? `: ${codes.join(', ')}` : ''}.`
}
