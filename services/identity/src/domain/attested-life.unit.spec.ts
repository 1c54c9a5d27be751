/** What results do to an agent’s life, in the order in which they were recorded and in others. */
import type { Fact } from '@credence/contracts/events/catalog'
import { agentEvolution } from '@credence/contracts/principals/agent'
import { describe, expect, it } from 'vitest'
import * as facts from '../../../../infra/testing/facts.ts'
import { hours, NOW } from '../../../../infra/testing/facts.ts'
import { given } from '../../../../infra/testing/given.ts'
import { restoreAgent, suspendAgent } from './agent-life.ts'
import { activateAgent, expireAttestation, loseAttestation } from './attested-life.ts'

const agent = facts.agent({ expires_at: hours(8) })
const id = agent.agent
const registered = facts.registered(agent)
const at = (sequence: number) => `ATTESTATION:${sequence}`
const accepted = (result: string, sequence: number, until = hours(2)) => ({
  id: result,
  expiresAt: until,
  keyThumbprint: agent.key_thumbprint,
  position: at(sequence),
})
const activated = (result: string, sequence: number): Fact => ({
  type: 'credence.identity.agent.activated.v1',
  data: { agent: id, result, result_expires_at: hours(2), position: at(sequence) },
})
const held = (state: 'suspended' | 'quarantined', cause: string): Fact =>
  ({ type: `credence.identity.agent.${state}.v1`, data: { agent: id, cause, reason: 'test' } }) as Fact
const lost = (sequence: number): Fact => ({
  type: 'credence.identity.agent.attestation_lost.v1',
  data: { agent: id, cause: 'reference_withdrawn', position: at(sequence) },
})
const restored: Fact = { type: 'credence.identity.agent.restored.v1', data: { agent: id, reason: 'test' } }
const withdrawn = { cause: 'reference_withdrawn', consequence: 'quarantine', reason: 'A poisoned model.' } as const
const changed = { cause: 'composition_changed', consequence: 'quarantine', reason: 'Another model.' } as const
const stricter = { cause: 'profile_changed', consequence: 'suspend', reason: 'The profile asks for more.' } as const

const agents = (...history: Fact[]) => given(agentEvolution, [registered, ...history])
const after = (...history: Fact[]) => [registered, ...history].reduce(agentEvolution.evolve, undefined)

describe('a revoked result', () => {
  it('puts its agent into quarantine, which has no result any more', () => {
    agents(activated('att_1', 5))
      .when((state) => loseAttestation(state, { ...withdrawn, result: 'att_1', position: at(9) }, NOW))
      .thenFacts(
        {
          type: 'credence.identity.agent.attestation_lost.v1',
          data: { result: 'att_1', cause: 'reference_withdrawn', position: at(9) },
        },
        {
          type: 'credence.identity.agent.quarantined.v1',
          data: { cause: 'reference_withdrawn', reason: 'A poisoned model.' },
        },
      )
    expect(after(activated('att_1', 5), lost(9))?.result).toBeUndefined()
  })
  it('suspends where a quarantine is not asked for', () =>
    agents(activated('att_1', 5))
      .when((state) => loseAttestation(state, { ...stricter, result: 'att_1', position: at(9) }, NOW))
      .thenFacts(
        { type: 'credence.identity.agent.attestation_lost.v1', data: { cause: 'profile_changed' } },
        { type: 'credence.identity.agent.suspended.v1', data: { cause: 'attestation_revoked' } },
      ))
  it('says nothing of a newer accepted one', () =>
    agents(activated('att_1', 5), activated('att_2', 7))
      .when((state) => loseAttestation(state, { ...withdrawn, result: 'att_1', position: at(9) }, NOW))
      .thenNothing())
  it('is heard once', () =>
    agents(activated('att_1', 5), lost(9), held('quarantined', 'reference_withdrawn'))
      .when((state) => loseAttestation(state, { ...withdrawn, result: 'att_1', position: at(9) }, NOW))
      .thenNothing())
  it('is not heard again after security has restored the agent', () =>
    agents(activated('att_1', 5), lost(9), held('quarantined', 'reference_withdrawn'), restored)
      .when((state) => loseAttestation(state, { ...withdrawn, result: 'att_1', position: at(9) }, NOW))
      .thenNothing())
  it('is lost as well by an agent that a person holds', () =>
    agents(activated('att_1', 5), held('suspended', 'operator'))
      .when((state) => loseAttestation(state, { ...stricter, result: 'att_1', position: at(9) }, NOW))
      .thenFacts({ type: 'credence.identity.agent.attestation_lost.v1' }))
  it('leaves an agent that must attest before it is active again, whoever restores it', () => {
    const state = after(activated('att_1', 5), lost(9), held('quarantined', 'reference_withdrawn'), restored)
    expect(state).toMatchObject({ state: 'registered' })
    expect(state).not.toHaveProperty('result')
  })
})

describe('another composition', () => {
  const change = (...history: Fact[]) =>
    agents(...history).when((state) => loseAttestation(state, { ...changed, position: at(9) }, NOW))
  it('puts an active agent into quarantine', () =>
    change(activated('att_1', 5)).thenFacts(
      { type: 'credence.identity.agent.attestation_lost.v1', data: { result: 'att_1' } },
      { type: 'credence.identity.agent.quarantined.v1', data: { cause: 'composition_changed' } },
    ))
  it('puts one that was active into quarantine: suspended, or restored', () => {
    const quarantined = [
      { type: 'credence.identity.agent.attestation_lost.v1' },
      { type: 'credence.identity.agent.quarantined.v1' },
    ] as const
    change(activated('att_1', 5), held('suspended', 'attestation_expired')).thenFacts(...quarantined)
    change(activated('att_1', 5), lost(7), held('quarantined', 'operator'), restored).thenFacts(...quarantined)
  })
  it('is nothing for one that never was', () => change().thenNothing())
  it('is nothing when a newer result was accepted', () => change(activated('att_2', 10)).thenNothing())
})

describe('an accepted result', () => {
  const activate = (sequence: number, ...history: Fact[]) =>
    agents(...history).when((state) => activateAgent(state, accepted('att_9', sequence), NOW))
  const lapsed = [activated('att_1', 5), held('suspended', 'attestation_expired')]

  it('lifts a suspension by attestation', () => {
    activate(9, ...lapsed).thenFacts({ type: 'credence.identity.agent.activated.v1', data: { position: at(9) } })
    const lifted = after(...lapsed, activated('att_9', 9))
    expect(lifted).toMatchObject({ state: 'active', result: { id: 'att_9' } })
    expect(lifted).not.toHaveProperty('heldFor')
    expect(
      after(activated('att_1', 5), lost(7), held('suspended', 'attestation_revoked'), activated('att_9', 9)),
    ).toMatchObject({
      state: 'active',
    })
  })
  it('lifts none by a person, none for a missing sponsor, and no quarantine', () => {
    for (const cause of ['operator', 'no_sponsor'])
      expect(after(activated('att_1', 5), held('suspended', cause), activated('att_9', 9))?.state).toBe('suspended')
    for (const cause of ['operator', 'composition_changed', 'reference_withdrawn', 'measurement_blocked'])
      expect(after(activated('att_1', 5), held('quarantined', cause), activated('att_9', 9))?.state).toBe('quarantined')
  })
  it('that is older than a revocation does not bring back what it took', () =>
    activate(8, activated('att_1', 5), lost(9), held('suspended', 'attestation_revoked')).thenNothing())
  it('by a key that is followed by another, or withdrawn, is nothing: it says nothing of who has the newest key', () => {
    const rotated = (ends: string): Fact =>
      facts.fact('credence.identity.agent.key_rotated.v1', {
        agent: id,
        public_jwk: agent.public_jwk,
        key_thumbprint: 'second',
        previous: agent.key_thumbprint,
        previous_ends_at: ends,
      })
    const withdrawal = facts.fact('credence.identity.agent.key_withdrawn.v1', {
      agent: id,
      key_thumbprint: agent.key_thumbprint,
      reason: 'test',
    })
    activate(9, rotated(hours(0))).thenNothing()
    activate(9, ...lapsed, rotated(hours(0))).thenNothing()
    activate(9, withdrawal).thenNothing()
    activate(9, rotated(hours(1)), withdrawal).thenNothing()
    activate(9, rotated(hours(1))).thenFacts({
      type: 'credence.identity.agent.activated.v1',
      data: { key_thumbprint: agent.key_thumbprint },
    })
  })
  it('that was revoked does not come back when it is told again', () =>
    agents(activated('att_1', 5), lost(9), held('quarantined', 'reference_withdrawn'), restored)
      .when((state) => activateAgent(state, accepted('att_1', 5), NOW))
      .thenNothing())
})

describe('a missed deadline', () => {
  it('suspends, at the very moment and not before', () => {
    const when = (now: Date) => agents(activated('att_1', 5)).when((state) => expireAttestation(state, now))
    when(new Date(Date.parse(hours(2)) - 1)).thenNothing()
    when(new Date(hours(2))).thenFacts({
      type: 'credence.identity.agent.suspended.v1',
      data: { cause: 'attestation_expired' },
    })
  })
  it('is nobody’s to lift, but an operator’s own word takes its place', () => {
    const lapsed = [activated('att_1', 5), held('suspended', 'attestation_expired')]
    const restoring = { id, reason: 'test', mayLiftQuarantine: true, sponsorIsActive: true }
    agents(...lapsed)
      .when((state) => restoreAgent(state, restoring, NOW))
      .thenRefused('attest_first')
    agents(...lapsed)
      .when((state) => suspendAgent(state, id, { cause: 'operator', reason: 'test' }, NOW))
      .thenFacts({ type: 'credence.identity.agent.suspended.v1' })
    expect(after(...lapsed, held('suspended', 'operator'), activated('att_9', 9))?.state).toBe('suspended')
  })
})
