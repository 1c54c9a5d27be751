/** Enrolled TPMs in memory: the one record of each agent, and which agent has an attestation key. */
import { aggregates } from '@credence/shared/event-store/aggregates'
import type { ReadModel } from '@credence/shared/event-store/read-model'
import { type Enrolled, tpmEvolution } from '../domain/tpm.ts'

export type Tpms = ReturnType<typeof createTpms>

export function createTpms() {
  const states = aggregates('attestation', 'tpm', tpmEvolution)
  /** Name of an attestation key → agent. */
  const holders = new Map<string, string>()
  /** Agents whose TPM was taken from them → digest of its endorsement key. */
  const removed = new Map<string, string>()
  const release = (agent: string) => {
    const held = states.get(agent).state.enrolled
    if (held) holders.delete(held.ak_name)
  }
  const model: ReadModel = {
    ...states,
    apply: (commit) => {
      for (const { type, data } of commit.facts) {
        if (type === 'credence.attestation.tpm.removed.v1') {
          release(data.agent)
          removed.set(data.agent, data.ek_digest)
        }
        if (type === 'credence.attestation.tpm.enrolled.v1') {
          release(data.agent)
          removed.delete(data.agent)
          holders.set(data.ak_name, data.agent)
        }
      }
      states.apply(commit)
    },
    load: (entry) => {
      const { enrolled, removed: taken } = states.load(entry)
      if (enrolled) holders.set(enrolled.ak_name, enrolled.agent)
      else if (taken) removed.set((entry as { id: string }).id, taken)
    },
    clear: () => {
      states.clear()
      holders.clear()
      removed.clear()
    },
  }
  return {
    ...model,
    get: states.get,
    subject: states.subject,
    of: (agent: string): Enrolled | undefined => states.get(agent).state.enrolled,
    /** The agent that has enrolled this attestation key. */
    holderOf: (akName: string): string | undefined => holders.get(akName),
    /** Agents whose TPM was taken from them, and has not been enrolled again. */
    removed: removed as ReadonlyMap<string, string>,
  }
}
