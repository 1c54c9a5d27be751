/** The newest result of each agent, the newest that was accepted, and who rests on what. */
import { keptMap, type ReadModel } from '@credence/shared/event-store/read-model'
import type { Result } from '../domain/kinds/kind.ts'
import type { Held } from '../domain/standing.ts'

/** How long an agent that no longer attests is known by what it was made of. */
const KEPT_MS = 7 * 86_400_000
/** After so many events is looked for those that are to be forgotten. */
const LOOK_EVERY = 1_024

/** `quote`: the last that was accepted; its counters must not go back, whatever was shown since. */
type OfAgent = { newest: Held; accepted?: Held; quote?: Result['evidence'][number] }

export type Results = ReturnType<typeof createResults>

export function createResults() {
  const byAgent = new Map<string, OfAgent>()
  /** Agents by challenge, and by what their accepted result rests on, and by blueprint; of results that are not revoked. */
  const agentOf = new Map<string, string>()
  const resting = new Map<string, Set<string>>()
  const running = new Map<string, Set<string>>()
  const kept = keptMap(byAgent)

  function put(
    held: Held | undefined,
    change: (index: Map<string, Set<string>>, key: string, agent: string) => void,
  ): void {
    if (!held || held.revoked) return
    const { agent, blueprint, references, anchors, digests } = held.result
    change(running, blueprint, agent)
    for (const key of new Set([...references, ...anchors, ...digests])) change(resting, key, agent)
  }
  const index = (held: Held | undefined) => {
    if (held && !held.revoked) agentOf.set(held.result.challenge, held.result.agent)
    put(held, (of, key, agent) => of.set(key, (of.get(key) ?? new Set()).add(agent)))
  }
  const unindex = (held: Held | undefined) => {
    if (held) agentOf.delete(held.result.challenge)
    put(held, (of, key, agent) => {
      const all = of.get(key)
      all?.delete(agent)
      if (all?.size === 0) of.delete(key)
    })
  }
  function record(held: Held): void {
    const { agent, accepted } = held.result
    const before = byAgent.get(agent)
    if (accepted) {
      unindex(before?.accepted)
      index(held)
    }
    const last = accepted ? held : before?.accepted
    const quote = (accepted ? quoteIn(held.result) : undefined) ?? before?.quote
    byAgent.set(agent, { newest: held, ...(last ? { accepted: last } : {}), ...(quote ? { quote } : {}) })
  }
  function revoke(agent: string, result: string, change: (held: Held) => Held): void {
    const of = byAgent.get(agent)
    if (!of) return
    const changed = (held: Held) => (held.result.result === result ? change(held) : held)
    if (of.accepted?.result.result === result) unindex(of.accepted)
    const newest = changed(of.newest)
    const accepted = of.accepted === of.newest ? newest : of.accepted && changed(of.accepted)
    byAgent.set(agent, { ...of, newest, ...(accepted ? { accepted } : {}) })
  }
  function forgetBefore(time: number): void {
    for (const [agent, { newest, accepted }] of byAgent) {
      const ends = [newest, accepted].map((held) => Date.parse(held?.result.expires_at ?? '') || 0)
      if (Math.max(...ends) + KEPT_MS > time) continue
      unindex(accepted)
      byAgent.delete(agent)
    }
  }
  const model: ReadModel = {
    ...kept,
    name: 'attestation/result',
    apply: (commit) => {
      const { facts, sequence } = commit
      for (const { type, data } of facts) {
        if (type === 'credence.attestation.result.recorded.v1')
          record({ result: data, recordedAt: commit.time, sequence })
        if (type === 'credence.attestation.result.revoked.v1') {
          const { cause, because } = data
          revoke(data.agent, data.result, (held) => ({ ...held, sequence, revoked: { cause, because } }))
        }
      }
      if (sequence % LOOK_EVERY === 0) forgetBefore(Date.parse(commit.time))
    },
    load: (entry) => index(kept.load(entry).accepted),
    clear: () => {
      kept.clear()
      for (const derived of [agentOf, resting, running]) derived.clear()
    },
  }
  const none: ReadonlySet<string> = new Set()
  return {
    ...model,
    of: (agent: string): OfAgent | undefined => byAgent.get(agent),
    /** What was accepted of an agent last, with the last quote of its TPM, though it showed something else since. */
    before: (agent: string): Result | undefined => {
      const { accepted, quote } = byAgent.get(agent) ?? {}
      if (!accepted || !quote || quoteIn(accepted.result)) return accepted?.result
      return { ...accepted.result, evidence: [...accepted.result.evidence, quote] }
    },
    /** Agents whose accepted result rests on this id or digest. */
    restingOn: (id: string): ReadonlySet<string> => resting.get(id) ?? none,
    /** Agents of a blueprint with an accepted result that was not revoked. */
    ofBlueprint: (blueprint: string): ReadonlySet<string> => running.get(blueprint) ?? none,
    /** Accepted results by their challenge, as they are revoked. */
    revocable: {
      get: (challenge: string): { state: Held | undefined; sequence: number } => {
        const held = byAgent.get(agentOf.get(challenge) ?? '')?.accepted
        return held?.result.challenge === challenge
          ? { state: held, sequence: held.sequence }
          : { state: undefined, sequence: 0 }
      },
      subject: (challenge: string) => `credence.attestation.challenge.${challenge}`,
    },
  }
}

const quoteIn = ({ evidence }: Result): Result['evidence'][number] | undefined =>
  evidence.find(({ kind, claims }) => kind === 'tpm2-quote' && claims !== undefined)
