/** Enrolled TPMs in memory: the one record of each agent, and which agent has an attestation key. */
import { aggregates } from '@credence/shared/event-store/aggregates'
import type { ReadModel } from '@credence/shared/event-store/read-model'
import { type Enrolled, tpmEvolution } from '../domain/tpm.ts'

export type Tpms = ReturnType<typeof createTpms>

export function createTpms() {
  const states = aggregates('attestation', 'tpm', tpmEvolution)
  /** Name of an attestation key → agent. */
  const holders = new Map<string, string>()
  const release = (agent: string) => {
    const held = states.get(agent).state.enrolled
    if (held) holders.delete(held.ak_name)
  }
  const model: ReadModel = {
    ...states,
    apply: (commit) => {
      for (const { type, data } of commit.facts) {
        if (type === 'credence.attestation.tpm.removed.v1') release(data.agent)
        if (type === 'credence.attestation.tpm.enrolled.v1') {
          release(data.agent)
          holders.set(data.ak_name, data.agent)
        }
      }
      states.apply(commit)
    },
    load: (entry) => {
      const { enrolled } = states.load(entry)
      if (enrolled) holders.set(enrolled.ak_name, enrolled.agent)
    },
    clear: () => {
      states.clear()
      holders.clear()
    },
  }
  return {
    ...model,
    get: states.get,
    subject: states.subject,
    of: (agent: string): Enrolled | undefined => states.get(agent).state.enrolled,
    /** The agent that has enrolled this attestation key. */
    holderOf: (akName: string): string | undefined => holders.get(akName),
  }
}
