/**
 * Law 3: allow needs all parts. Take any of them away from a situation that is allowed, and it is denied. Law 4: no
 * decision allows what the delegation, the ceiling or the task does not.
 */
import { permits } from '@credence/contracts/authority'
import type { Agent } from '@credence/contracts/principals/agent'
import type { Delegation } from '@credence/contracts/principals/delegation'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { act, details } from '../../../../infra/testing/authorities.ts'
import * as facts from '../../../../infra/testing/facts.ts'
import { allowedSituation, decideOn, patched, type Situation } from '../testing/situation.ts'
import { resultOf } from './attestation.ts'
import { beginTask } from './opening.ts'

vi.setConfig({ testTimeout: 600_000 })

const { question, agents = {}, delegations = {}, humans = {}, task, result, now } = allowedSituation()
const long = '2026-11-24T23:59:59.000Z'

/** Times up to the very moment of the decision: what ended then has ended. */
const past = fc
  .date({ min: new Date('2020-01-01T00:00:00Z'), max: new Date(now), noInvalidDate: true })
  .map((date) => date.toISOString())
const future = fc
  .date({ min: new Date(Date.parse(now) + 1), max: new Date('2030-01-01T00:00:00Z'), noInvalidDate: true })
  .map((date) => date.toISOString())
const oneOfAgents = fc.constantFrom(...Object.keys(agents))
const oneOfDelegations = fc.constantFrom(...Object.keys(delegations))
const under = (part: string) => (change: unknown) => ({ [part]: change })
const at = (id: string, change: unknown) => ({ [id]: change })

/** Each makes a change that takes one needed part away. */
const takings: Record<string, fc.Arbitrary<object>> = {
  'an agent of the line is gone': oneOfAgents.map((id) => at(id, null)).map(under('agents')),
  'an agent of the line is revoked': oneOfAgents.map((id) => at(id, { state: 'revoked' })).map(under('agents')),
  'the life of an agent of the line is over': fc
    .tuple(oneOfAgents, past)
    .map(([id, expires_at]) => at(id, { expires_at }))
    .map(under('agents')),
  'the agent is not active': fc.constant({ agents: at(question.agentId, { state: 'registered' }) }),
  'its newest key never attested': fc.stringMatching(/^[a-z0-9]{6}$/).map((key_thumbprint) => ({
    agents: at(question.agentId, { key_thumbprint }),
  })),
  'the key that attested was withdrawn': fc.constant({ agents: at(question.agentId, { keyWithdrawn: true }) }),
  'the token was revoked': fc.constant({ tokenRevoked: true }),
  'there is no task': fc.constant({ task: null }),
  'the grant is gone': fc.constant({ task: { grant: null } }),
  'the grant is another': fc.stringMatching(/^grt_[a-z0-9]{5}$/).map((grant) => ({ task: { grant: { grant } } })),
  'the grant is of another agent': fc
    .stringMatching(/^agt_[a-z0-9]{5}$/)
    .map((agent) => ({ task: { grant: { agent } } })),
  'the grant has ended': fc
    .constantFrom('task_completed', 'agent_revoked')
    .map((ended) => ({ task: { grant: { ended } } })),
  'the grant has expired': past.map((expires_at) => ({ task: { grant: { expires_at } } })),
  'the grant is limited in what nobody tells': fc
    .constantFrom<object>({ total: { currency: 'EUR', value: '3' } }, { amount: { currency: 'EUR', value: '1' } })
    .map((limits) => ({
      task: {
        grant: {
          authorization_details: task?.grant?.authorization_details.map((one) => ({
            ...one,
            limits: { patterns: [], ...limits },
          })),
        },
      },
    })),
  'the grant is open at another time': fc
    .tuple(fc.boolean(), fc.integer({ min: 0, max: 1_000_000 }))
    .map(([before, apart]) => {
      const edge = Date.parse(now) + (before ? -apart : 1 + apart)
      const at = (time: number) => new Date(time).toISOString()
      const window = before ? { from: at(edge - 1_000), until: at(edge) } : { from: at(edge), until: at(edge + 1_000) }
      const limits = { patterns: [], window }
      const authorization_details = task?.grant?.authorization_details.map((one) => ({ ...one, limits }))
      return { task: { grant: { authorization_details } } }
    }),
  'an agent of the line is held': oneOfAgents
    .chain((id) => fc.constantFrom('suspended', 'quarantined').map((state) => at(id, { state })))
    .map(under('agents')),
  'the blueprint is withdrawn': fc.constant({ withdrawn: ['meeting-scheduler'] }),
  'the human has left': fc.constantFrom<object>({ active: false }, { departures: 1 }).map((left) => ({
    humans: Object.fromEntries(Object.keys(humans).map((id) => [id, left])),
  })),
  'the human is not known': fc.constant({ humans: null }),
  'the grant covers nothing': fc.constant({ task: { grant: { authorization_details: [] } } }),
  'the action is another': fc.stringMatching(/^calendar\.b[a-z]{5,9}$/).map((action) => ({ question: { action } })),
  'the resource is another': fc
    .stringMatching(/^202[0-5]\/[a-z0-9]{1,9}$/)
    .map((id) => ({ question: { resource: { id } } })),
  'the resource server is another': fc.webUrl().map((audience) => ({ question: { audience } })),
  'a delegation is gone': oneOfDelegations.map((id) => at(id, null)).map(under('delegations')),
  'a delegation is revoked': oneOfDelegations.map((id) => at(id, { revoked: true })).map(under('delegations')),
  'a delegation has expired': fc
    .tuple(oneOfDelegations, past)
    .map(([id, expires_at]) => at(id, { expires_at }))
    .map(under('delegations')),
  'a delegation has not begun': fc
    .tuple(oneOfDelegations, future)
    .map(([id, not_before]) => at(id, { not_before, expires_at: long }))
    .map(under('delegations')),
  'there is no attestation result': fc.constant({ result: null }),
  'the newest result was not accepted': fc.constant({ result: { accepted: false } }),
  'the newest result is over': past.map((expires_at) => ({ result: { expires_at } })),
  'the newest result was revoked': fc
    .constantFrom('reference_withdrawn', 'profile_changed')
    .map((revoked) => ({ result: { revoked } })),
  'something that the result rests on was withdrawn': fc
    .subarray(result?.rests_on ?? [], { minLength: 1 })
    .map((withdrawals) => ({ withdrawals })),
  'the result was never enough for this resource': fc
    .constantFrom('confidential', 'restricted')
    .map((sensitivity) => ({ question: { resource: { sensitivity } } })),
  'the result is no longer enough for this resource': past.map((internal) => ({
    result: { sufficient: { internal } },
  })),
  'no policy set is active': fc.constant({ verdict: null }),
  'a policy forbids': fc.array(fc.string(), { minLength: 1 }).map((forbids) => ({ verdict: { forbids } })),
  'no policy permits': fc.constant({ verdict: { permits: [] } }),
  'a forbid fails': fc
    .array(fc.string(), { minLength: 1 })
    .map((errors) => ({ verdict: { errors, erroredForbids: errors } })),
  'a stream is old': fc.subarray(['IDENTITY', 'POLICY', 'ATTESTATION'], { minLength: 1 }).map((stale) => ({ stale })),
}

/** Changes that take nothing away. */
const harmless: fc.Arbitrary<object>[] = [
  fc.constant({}),
  future.map((expires_at) => ({ result: { expires_at } })),
  future.map((internal) => ({ result: { sufficient: { internal } } })),
  fc.constant({ withdrawals: ['ref_of_another', 'e'.repeat(64)] }),
  future.map((expires_at) => ({ task: { grant: { expires_at } } })),
  fc.tuple(oneOfAgents, future).map(([id, expires_at]) => ({ agents: at(id, { expires_at }) })),
  fc.tuple(oneOfDelegations, future).map(([id, expires_at]) => ({ delegations: at(id, { expires_at }) })),
  fc.stringMatching(/^2026\/[a-z0-9]{1,9}$/).map((id) => ({ question: { resource: { id } } })),
  fc.boolean().map((trusted) => ({ location: { trusted } })),
]

/** A part that is taken away whole cannot be changed any more. */
const removes = (taken: object) => JSON.stringify(taken).includes(':null')

const change = (situation: Situation, changes: object[]) => changes.reduce<Situation>(patched, situation)

describe('taking a needed part away denies:', () => {
  for (const [part, taking] of Object.entries(takings))
    it(part, () => {
      fc.assert(
        fc.property(fc.array(fc.oneof(...harmless), { maxLength: 3 }), taking, (before, taken) => {
          const allowed = change(allowedSituation(), before)
          expect(decideOn(allowed)).toMatchObject({ outcome: 'allow', reasons: [] })
          const { outcome, reasons } = decideOn(patched(allowed, taken))
          expect(outcome).toBe('deny')
          expect(reasons.length).toBeGreaterThan(0)
        }),
        { numRuns: 40 },
      )
    })

  it('several of them, in any order', () => {
    const all = fc.array(fc.oneof(...Object.values(takings)), { minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(all, (taken) => {
        const removalsLast = taken.toSorted((a, b) => Number(removes(a)) - Number(removes(b)))
        expect(decideOn(change(allowedSituation(), removalsLast)).outcome).toBe('deny')
      }),
    )
  })
})

it('no decision allows an act outside delegation ∩ ceiling ∩ task, whatever they hold; and acts that all of them hold are allowed', () => {
  const situation = allowedSituation()
  const agent = {
    ...facts.agent({ agent: question.agentId }),
    ...agents[question.agentId],
    key_thumbprint: `thumbprint-of-${question.agentId}`,
    parent: undefined,
    state: 'active',
  } as Agent
  const seen = { opened: 0, refused: 0, allowed: 0, denied: 0 }
  fc.assert(
    fc.property(details, details, details, act, (delegated, ceiling, asked, one) => {
      const at = one.now ?? facts.NOW
      const ends = { expires_at: facts.hours(9), not_before: facts.hours(0) }
      const root: Delegation = { ...facts.delegation({ ...ends, agent: agent.agent }), revoked: false }
      const chain = [{ ...root, authorization_details: delegated }]
      const result = resultOf(facts.result({ agent: agent.agent, expires_at: facts.hours(9) }), facts.hours(0))
      const standing = {
        agent,
        agentEnd: undefined,
        blueprint: facts.folded({ ceiling }),
        chain,
        delegationEnd: undefined,
        withdrawal: () => undefined,
      }
      const about = { task: 'tsk_1', grant: question.grantId, delegation: root.delegation, trigger: facts.TRIGGER }
      const wanted = { ...about, purpose: 'x', authorizationDetails: asked, lifetimeSeconds: 9 * 3_600 }
      const [opened, issued] = beginTask(undefined, wanted, { ...standing, result }, facts.NOW)
      if (issued?.type !== 'credence.policy.grant.issued.v1') {
        seen.refused++
        expect(opened?.type).toBe('credence.policy.task.refused.v1')
        return
      }
      seen.opened++
      const [type = '', id = ''] = one.resource.split('::')
      const { outcome } = decideOn({
        ...situation,
        now: at.toISOString(),
        question: {
          ...question,
          agentId: agent.agent,
          action: one.action,
          audience: one.location,
          resource: { ...question.resource, type, id },
          ...(one.amount ? { amount: one.amount } : {}),
          ...(one.arguments ? { arguments: JSON.stringify(one.arguments) } : {}),
        },
        agents: { [agent.agent]: agent },
        humans: { [root.human]: facts.person({ human: root.human }) },
        delegations: { [root.delegation]: chain[0] as Delegation },
        task: { ...(opened?.data as NonNullable<Situation['task']>), state: 'open', grant: issued.data },
        result,
      })
      // Nothing was used before.
      const told = { ...one, now: at, used: { count: 0 } }
      const all = [delegated, ceiling, asked].every((above) => permits(above, told))
      seen[outcome === 'allow' ? 'allowed' : 'denied']++
      expect(outcome === 'allow').toBe(all)
    }),
    { numRuns: 6_000 },
  )
  for (const [what, count] of Object.entries(seen)) expect(count, what).toBeGreaterThan(40)
})
