/** Enrolled TPMs in memory: the one record of each agent, and which agent has an attestation key. */
import { aggregates } from '@credence/shared/event-store/aggregates'
import type { RecordedCommit } from '@credence/shared/event-store/commit'
import { type Enrolled, tpmEvolution } from '../domain/tpm.ts'

export type Tpms = ReturnType<typeof createTpms>

export function createTpms() {
  const states = aggregates('attestation', 'tpm', tpmEvolution)
  const holders = new Map<string, string>()
  return {
    states,
    apply: (commit: RecordedCommit) => {
      for (const { type, data } of commit.facts) {
        const ends = type === 'credence.attestation.tpm.enrolled.v1' || type === 'credence.attestation.tpm.removed.v1'
        const before = ends ? states.get(data.agent).state.enrolled?.ak_name : undefined
        if (before !== undefined) holders.delete(before)
        if (type === 'credence.attestation.tpm.enrolled.v1') holders.set(data.ak_name, data.agent)
      }
      states.apply(commit)
    },
    of: (agent: string): Enrolled | undefined => states.get(agent).state.enrolled,
    /** The agent that has enrolled this attestation key. */
    holderOf: (akName: string): string | undefined => holders.get(akName),
  }
}
