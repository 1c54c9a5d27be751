/** Who approved, withdrew, activated or blocked what, and when. */
import type { Fact } from '@credence/contracts/events/catalog'
import { keptMap, type ReadModel } from '@credence/shared/event-store/read-model'

/** `by`: a pseudonym or a SPIFFE ID. `commit`: the event that says so. */
export type Said = { by: string; at: string; commit: string; reason?: string }

export type Approvals = ReturnType<typeof createApprovals>

export function createApprovals() {
  const all = new Map<string, Said>()
  const kept = keptMap(all)
  const model: ReadModel = {
    ...kept,
    name: 'attestation/approval',
    apply: (commit) => {
      for (const fact of commit.facts) {
        const key = keyOf(fact)
        if (!key) continue
        const reason = 'reason' in fact.data ? { reason: fact.data.reason } : {}
        all.set(key, { by: commit.actor.id, at: commit.time, commit: commit.id, ...reason })
      }
    },
    load: (entry) => void kept.load(entry),
  }
  return {
    ...model,
    defined: (blueprint: string, version: number) => all.get(`defined ${blueprint} ${version}`),
    activated: (blueprint: string, version: number) => all.get(`activated ${blueprint} ${version}`),
    approved: (id: string) => all.get(`approved ${id}`),
    withdrawn: (id: string) => all.get(`withdrawn ${id}`),
    blocked: (digest: string) => all.get(`blocked ${digest}`),
  }
}

function keyOf({ type, data }: Fact): string | undefined {
  switch (type) {
    case 'credence.attestation.profile.defined.v1':
      return `defined ${data.blueprint} ${data.version}`
    case 'credence.attestation.profile.activated.v1':
      return `activated ${data.blueprint} ${data.version}`
    case 'credence.attestation.reference.approved.v1':
      return `approved ${data.reference}`
    case 'credence.attestation.reference.withdrawn.v1':
      return `withdrawn ${data.reference}`
    case 'credence.attestation.anchor.approved.v1':
      return `approved ${data.anchor}`
    case 'credence.attestation.anchor.withdrawn.v1':
      return `withdrawn ${data.anchor}`
    case 'credence.attestation.measurement.blocked.v1':
      return `blocked ${data.digest}`
    default:
      return undefined
  }
}
