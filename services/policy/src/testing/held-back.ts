/** Decisions that hold an act back, written as the decision point writes them: record and what was told. */
import type { EventData, Fact } from '@credence/contracts/events/catalog'
import { append } from '@credence/shared/event-store/append'
import { newCommit } from '@credence/shared/event-store/commit'
import { newId } from '@credence/shared/ids'
import * as facts from '../../../../infra/testing/facts.ts'
import { openActs } from '../adapters/acts/acts.ts'
import type { Told } from '../api/acts.ts'
import { partsOf } from '../api/approvals.ts'
import type { House, Worker } from './house.ts'

type Made = EventData<'credence.policy.decision.made.v1'>
export type HeldBack = Partial<Made> & {
  needed?: Partial<NonNullable<Made['approval_needed']>>
  told?: Told
  time?: Date
}
export type AtWork = Worker & { grantId: string; taskId: string }

export const TOLD: Told = { amount: { currency: 'EUR', value: '420.00' }, arguments: '{"room":"Zephyr","seats":7}' }

export async function holdBack(house: Pick<House, 'agent' | 'bus' | 'stack'>) {
  const bus = await house.bus('policy')
  const acts = await openActs(bus)
  const { trustDomain } = house.stack
  return {
    acts,
    /** An agent of this person's with an open task. */
    atWork: async (human: string): Promise<AtWork> => {
      const worker = await house.agent({}, { human })
      const { grant, taskId } = await worker.openTask()
      return { ...worker, grantId: grant?.id ?? '', taskId }
    },
    /** @returns what an agent is told of a decision that asks */
    decided: async (worker: AtWork, { needed, told = TOLD, time = new Date(), ...part }: HeldBack = {}) => {
      const decision = newId('dec')
      const { agent, grantId: grant } = worker
      const about = { agent, grant, action: 'calendar.book', audience: facts.CALENDAR }
      const resource = part.resource ?? 'CalendarEvent::2026/11'
      const { amount, arguments: text } = told
      const place = { name: 'unknown', trusted: false }
      const asked = { policy: 'rooms-are-approved', approver: 'approver', persons: 1, within_seconds: 300 }
      const data: Made = {
        ...about,
        decision,
        outcome: 'ask',
        reasons: ['approval_required'],
        protocol: 'grpc',
        token: 'token-1',
        task: worker.taskId,
        delegations: [worker.delegation.delegation],
        human: worker.delegation.human,
        resource,
        sensitivity: 'confidential',
        location: place,
        enforcement_point: `spiffe://${trustDomain}/enforcement-point/calendar`,
        enforcement_point_location: place,
        act: acts.digest({ ...about, resource: partsOf(resource), amount, arguments: text }),
        policy_version: facts.DIGEST,
        engine: 'test',
        snapshot: facts.DIGEST,
        token_revoked: false,
        stale: [],
        approval_needed: { ...asked, ...needed },
        positions: {},
        ...part,
      }
      await acts.keep(decision, told)
      const source = `spiffe://${trustDomain}/service/policy`
      const made: Fact = { type: 'credence.policy.decision.made.v1', data }
      const actor = { kind: 'agent' as const, id: worker.spiffeId }
      const commit = newCommit([made], { actor, source, subject: `decision/${agent}`, now: time })
      const appended = await append(bus, 'DECISIONS', `credence.decision.${agent}`, commit)
      if (appended.kind === 'conflict') throw new Error('conflict')
      return { decisionId: decision, position: `DECISIONS:${appended.sequence}` }
    },
  }
}
