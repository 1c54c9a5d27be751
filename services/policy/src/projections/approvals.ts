/**
 * Approvals: by id, by act, by the decision that asked, and those that wait for people. What is over is forgotten after 30
 * days, counted by the times of the events, so that every replica holds the same.
 */
import { createChanges } from '@credence/shared/changes'
import type { Aggregates } from '@credence/shared/event-store/aggregates'
import type { RecordedCommit } from '@credence/shared/event-store/commit'
import {
  type Approval,
  type ApprovalStanding,
  type ApprovalState,
  approvalEvolution,
  standingOf,
} from '../domain/approval.ts'

const KIND = 'approval'
const KEPT_MS = 30 * 86_400_000

type Entry = {
  approval: Approval
  /** Sequence of the request: approvals are listed in this order. */
  order: number
  /** Sequence of its newest event. */
  sequence: number
}

export type Approvals = ReturnType<typeof createApprovals>

export function createApprovals() {
  /** By approval, in the order in which they were asked for. */
  const entries = new Map<string, Entry>()
  const newest = new Map<string, string>()
  const byDecision = new Map<string, string>()
  /** Of each agent, those that are open or were refused; what is over falls out as others come. */
  const weighing = new Map<string, Set<string>>()
  /** Those that nobody has refused or used; what is over falls out as it is read. */
  const open = new Set<string>()
  const changes = createChanges()

  const ofAct = (act: string): Entry | undefined => entries.get(newest.get(act) ?? '')
  const isSettled = ({ approval }: Entry): boolean => approval.usedBy !== undefined || approval.refusedBy !== undefined

  function add(entry: Entry): void {
    const { approval: id, agent, act, decision } = entry.approval
    entries.set(id, entry)
    newest.set(act, id)
    byDecision.set(decision, id)
    if (!isSettled(entry)) open.add(id)
    if (entry.approval.usedBy === undefined) weighing.set(agent, (weighing.get(agent) ?? new Set()).add(id))
  }
  function drop({ approval: { approval: id, act, decision, agent } }: Entry): void {
    entries.delete(id)
    if (newest.get(act) === id) newest.delete(act)
    if (byDecision.get(decision) === id) byDecision.delete(decision)
    open.delete(id)
    rest(agent, id)
  }
  function rest(agent: string, id: string): void {
    const ids = weighing.get(agent)
    ids?.delete(id)
    if (ids?.size === 0) weighing.delete(agent)
  }
  function forget(now: number): void {
    for (const entry of entries.values()) {
      if (!(Date.parse(entry.approval.expires_at) + KEPT_MS < now)) return
      drop(entry)
    }
  }
  function change(entry: Entry, commit: RecordedCommit): void {
    const approval = commit.facts.reduce<ApprovalState>(approvalEvolution.evolve, entry.approval)
    if (!approval) return
    const { approval: id, agent } = approval
    const changed = { ...entry, approval, sequence: commit.sequence }
    entries.set(id, changed)
    if (isSettled(changed)) open.delete(id)
    if (approval.usedBy !== undefined) rest(agent, id)
    changes.happened(id)
  }

  const byAct: Aggregates<ApprovalState> = {
    name: 'policy/approval',
    subject: (act) => `credence.policy.${KIND}.${act}`,
    get: (act) => {
      const found = ofAct(act)
      return { state: found?.approval, sequence: found?.sequence ?? 0 }
    },
    all: function* () {
      for (const act of newest.keys()) yield [act, ofAct(act)?.approval]
    },
    apply: (commit) => {
      if (!commit.subject.startsWith(`${KIND}/`)) return
      if (commit.facts[0]?.type === 'credence.policy.approval.requested.v1') {
        forget(Date.parse(commit.time))
        const approval = commit.facts.reduce<ApprovalState>(approvalEvolution.evolve, undefined)
        if (approval) add({ approval, order: commit.sequence, sequence: commit.sequence })
        return
      }
      const found = ofAct(commit.subject.slice(KIND.length + 1))
      if (found) change(found, commit)
    },
    dump: () => [...entries.values()],
    load: (entry) => {
      add(entry as Entry)
      return (entry as Entry).approval
    },
    clear: () => {
      for (const index of [entries, newest, byDecision, weighing, open]) index.clear()
    },
  }

  const get = (id: string): Approval | undefined => entries.get(id)?.approval
  /** Over as well, once the same act was asked for anew. */
  const standing = (approval: Approval, now: Date): ApprovalStanding => {
    const own = standingOf(approval, now)
    const live = own === 'pending' || own === 'approved'
    return live && newest.get(approval.act) !== approval.approval ? 'expired' : own
  }

  return {
    models: [byAct],
    /** For commands: the key of an approval is its act, and the state is the newest approval of that act. */
    byAct,
    get,
    standing,
    /** The newest approval of exactly this act under this grant. */
    forAct: (grant: string, act: string): Approval | undefined => {
      const found = ofAct(act)?.approval
      return found?.grant === grant ? found : undefined
    },
    /** What a decision has asked for. */
    ofDecision: (decision: string): Approval | undefined => get(byDecision.get(decision) ?? ''),
    /** How many approvals of an agent weigh on people now: open ones, and refused ones whose deadline is not over. */
    weighing: (agent: string, now: Date): number => {
      let count = 0
      for (const id of weighing.get(agent) ?? []) {
        const found = get(id)
        if (!found || !(new Date(found.expires_at) > now)) rest(agent, id)
        else if (['pending', 'refused'].includes(standing(found, now))) count += 1
      }
      return count
    },
    /** Those that wait for people, the oldest first. `order` continues a listing. */
    *pending(now: Date, after = 0): IterableIterator<{ approval: Approval; order: number }> {
      for (const id of open) {
        const found = entries.get(id)
        if (!found || !(new Date(found.approval.expires_at) > now)) open.delete(id)
        else if (found.order > after && standing(found.approval, now) === 'pending') yield found
      }
    },
    /** All that are remembered, the newest first. */
    *all(before = Number.POSITIVE_INFINITY): IterableIterator<{ approval: Approval; order: number }> {
      for (const entry of [...entries.values()].reverse()) if (entry.order < before) yield entry
    },
    /** Resolves when something happens to it, and at the latest after `ms`. */
    changed: changes.next,
  }
}
