/** Law 3: allow needs all parts. Take any of them away from a situation that is allowed, and it is denied. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { allowedSituation, decideOn, patched, type Situation } from '../testing/situation.ts'

const { question, agents = {}, delegations = {}, now } = allowedSituation()
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
  'no policy set is active': fc.constant({ verdict: null }),
  'a policy forbids, or none permits': fc
    .array(fc.string())
    .map((policyIds) => ({ verdict: { permit: false, policyIds } })),
  'a policy fails': fc.array(fc.string(), { minLength: 1 }).map((errors) => ({ verdict: { errors } })),
  'a stream is old': fc.subarray(['IDENTITY', 'POLICY', 'ATTESTATION'], { minLength: 1 }).map((stale) => ({ stale })),
}

/** Changes that take nothing away. */
const harmless: fc.Arbitrary<object>[] = [
  fc.constant({}),
  future.map((expires_at) => ({ result: { expires_at } })),
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
