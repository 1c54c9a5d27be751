/**
 * The reaction to attestation takes one event at a time, so that none is missed. When something is withdrawn on which
 * thousands of agents rest, that is too slow: this hears the same stream and holds many agents at the same time. It does
 * nothing that the reaction would not do as well, and where it is not sure, it leaves it to the reaction.
 */
import type { Fact } from '@credence/contracts/events/catalog'
import { formatPosition } from '@credence/contracts/streams'
import type { Clock } from '@credence/shared/clock'
import type { Writer } from '@credence/shared/event-store/aggregates'
import { keptMap, type ReadModel } from '@credence/shared/event-store/read-model'
import { type Log, messageOf } from '@credence/shared/log'
import type { Principals } from '../projections/principals.ts'
import { aboutOf, createTelling, type Told } from './attestation.ts'

/** Appends that are under way at the same time. */
const IN_FLIGHT = 128

type Waiting = { told: Told; about: ReturnType<typeof aboutOf> }

/** Give it a writer once there is one; what is heard before that is history, and the reaction’s. */
export function createQuickHolds(parts: { principals: Principals; clock: Clock; log: Log }) {
  const { principals, clock, log } = parts
  const telling = createTelling(parts)
  /** The newest accepted result of each agent that was not revoked. */
  const newest = new Map<string, string>()
  const waiting: Waiting[] = []
  let writer: Writer | undefined
  let hands = 0

  /** Whether an agent surely loses its result by this, whatever of its earlier results is still to be heard. */
  function isSure({ type, data }: Fact): boolean {
    if (type === 'credence.attestation.result.revoked.v1') return newest.get(data.agent) === data.result
    return type === 'credence.attestation.result.recorded.v1' && !data.accepted && data.changed
  }
  function remember({ type, data }: Fact): void {
    if (type === 'credence.attestation.result.recorded.v1' && data.accepted) newest.set(data.agent, data.result)
    if (type === 'credence.attestation.result.revoked.v1' && newest.get(data.agent) === data.result)
      newest.delete(data.agent)
  }

  /** In an order of its own: of what several replicas do at once, each then finds most done by the others. */
  function takeOne(): Waiting | undefined {
    const at = Math.floor(Math.random() * waiting.length)
    const one = waiting[at]
    const last = waiting.pop()
    if (last && last !== one) waiting[at] = last
    return one
  }
  async function work(by: Writer): Promise<void> {
    hands++
    for (let one = takeOne(); one; one = takeOne()) {
      const { told, about } = one
      const now = clock()
      await by
        .execute(principals.agents, { ...about, id: told.agent, now, decide: (state) => told.decide(state, now) })
        .catch((error) => log.info('left to the reaction', { error: messageOf(error) }))
    }
    hands--
  }

  const model: ReadModel = {
    name: 'identity/newest-results',
    ...keptMap(newest),
    apply: (commit) => {
      for (const fact of commit.facts) {
        const told = writer && isSure(fact) ? telling(fact, formatPosition(commit)) : undefined
        if (told) waiting.push({ told, about: aboutOf(commit) })
        remember(fact)
      }
      while (writer && hands < Math.min(IN_FLIGHT, waiting.length)) void work(writer)
    },
  }
  return {
    model,
    begin: (by: Writer): void => {
      writer = by
    },
  }
}
