/**
 * The newest attestation result of every agent, and what was withdrawn of that on which results rest. A withdrawal is one
 * entry, however many agents it concerns: whether a result still counts is looked up when it is asked for.
 */
import type { Fact } from '@credence/contracts/events/catalog'
import { keptMap, type ReadModel } from '@credence/shared/event-store/read-model'
import { createSharing } from '@credence/shared/event-store/sharing'
import { type Result, resultOf, type Withdrawal } from '../domain/attestation.ts'

/** What repeats among results. */
const share = createSharing(['status', 'kinds', 'composition', 'rests_on'])

export type Results = ReturnType<typeof createResults>

export function createResults() {
  const newest = new Map<string, Result>()
  const withdrawals = new Map<string, Withdrawal>()

  const results: ReadModel = {
    name: 'policy/results',
    ...keptMap(newest),
    apply: ({ facts, time }) => {
      for (const { type, data } of facts) {
        if (type === 'credence.attestation.result.recorded.v1')
          newest.set(data.agent, share(resultOf(data, time)) as Result)
        if (type === 'credence.attestation.result.revoked.v1') {
          const known = newest.get(data.agent)
          // One that was revoked after a newer one was recorded says nothing of the newer one.
          if (known?.result === data.result) newest.set(data.agent, { ...known, revoked: data.cause })
        }
      }
    },
    load: (entry) => {
      const [agent, result] = entry as [string, Result]
      newest.set(agent, share(result) as Result)
    },
  }
  const withdrawn: ReadModel = {
    name: 'policy/withdrawals',
    ...keptMap(withdrawals),
    apply: ({ facts }) => {
      for (const fact of facts) {
        const change = withdrawalIn(fact)
        if (!change) continue
        if (change.of) withdrawals.set(change.id, { id: change.id, of: change.of })
        else withdrawals.delete(change.id)
      }
    },
  }
  return {
    models: [results, withdrawn] as readonly ReadModel[],
    /** The newest, accepted or not. */
    result: (agent: string): Result | undefined => newest.get(agent),
    withdrawal: (id: string): Withdrawal | undefined => withdrawals.get(id),
  }
}

/** @returns `of` is missing when it counts again */
function withdrawalIn({ type, data }: Fact): { id: string; of?: Withdrawal['of'] } | undefined {
  switch (type) {
    case 'credence.attestation.reference.withdrawn.v1':
      return { id: data.reference, of: 'reference' }
    case 'credence.attestation.anchor.withdrawn.v1':
      return { id: data.anchor, of: 'anchor' }
    case 'credence.attestation.measurement.blocked.v1':
      return { id: data.digest, of: 'measurement' }
    case 'credence.attestation.measurement.unblocked.v1':
      return { id: data.digest }
    default:
      return undefined
  }
}
