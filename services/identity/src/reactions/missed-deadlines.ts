/** An agent that did not attest again in time is suspended, about a second after the deadline at most. */
import type { Clock } from '@credence/shared/clock'
import type { Writer } from '@credence/shared/event-store/aggregates'
import { expireAttestation } from '../domain/attested-life.ts'
import type { Deadlines } from '../projections/attestation-deadlines.ts'
import type { Principals } from '../projections/principals.ts'

/** Written at once: many agents that were started together miss their deadline together. */
const AT_ONCE = 64

/** @param parts.source SPIFFE ID of this service, in whose name time speaks */
export function createMissedDeadlines(parts: {
  principals: Principals
  deadlines: Deadlines
  writer: Writer
  clock: Clock
  source: string
}) {
  const { principals, deadlines, writer, clock } = parts
  const actor = { kind: 'workload' as const, id: parts.source }

  const suspend = (id: string) => {
    const now = clock()
    return writer.execute(principals.agents, { id, actor, now, decide: (state) => expireAttestation(state, now) })
  }
  return async (): Promise<void> => {
    const due = deadlines.due(clock())
    for (let at = 0; at < due.length; at += AT_ONCE) await Promise.all(due.slice(at, at + AT_ONCE).map(suspend))
  }
}
