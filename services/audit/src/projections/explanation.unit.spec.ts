import type { Fact } from '@credence/contracts/events/catalog'
import { newId } from '@credence/shared/ids'
import { describe, expect, it } from 'vitest'
import * as facts from '../../../../infra/testing/facts.ts'
import { DIGEST, NOW, TRIGGER } from '../../../../infra/testing/facts.ts'
import { agreementOf, explain, lifeOf, type Seen } from './explanation.ts'

const agent = facts.agent()
const delegation = facts.delegation({ agent: agent.agent })
const task = newId('tsk')
const decision = newId('dec')

const seen = (list: Fact[]): Seen[] =>
  list.map((fact, logIndex) => ({
    logIndex,
    entry: {
      origin: 'IDENTITY',
      sequence: logIndex + 1,
      subject: 'x',
      event: {
        id: `evt_${logIndex}`,
        type: fact.type,
        source: 's',
        subject: 'x/y',
        time: NOW.toISOString(),
        data: { facts: [fact as never], actor: { kind: 'agent', id: agent.spiffe_id }, correlation: {} },
      },
    },
  }))

const opened: Fact = {
  type: 'credence.policy.task.opened.v1',
  data: {
    task,
    agent: agent.agent,
    delegation: delegation.delegation,
    human: delegation.human,
    trigger: TRIGGER,
    purpose: 'Book',
  },
}
const decided: Fact = {
  type: 'credence.policy.decision.made.v1',
  data: {
    decision,
    outcome: 'allow',
    reasons: [],
    agent: agent.agent,
    action: 'calendar.book',
    resource: 'CalendarEvent::new',
    sensitivity: 'internal',
    audience: 'https://calendar.example',
    protocol: 'grpc',
    location: { name: 'office', trusted: true },
    enforcement_point_location: { name: 'unknown', trusted: false },
    enforcement_point: 'spiffe://a.example/enforcement-point/calendar',
    token: 't',
    grant: newId('grt'),
    task,
    delegations: [delegation.delegation],
    human: delegation.human,
    attestation: { result: newId('att'), status: 'warning', expires_at: NOW.toISOString() },
    policy_version: DIGEST,
    engine: 'cedar',
    verdict: { permits: ['all'], forbids: [], errors: [], errored_forbids: [] },
    snapshot: DIGEST,
    token_revoked: false,
    stale: [],
    positions: {},
  },
}
const effect: Fact = {
  type: 'credence.audit.effect.observed.v1',
  data: {
    effect: newId('eff'),
    decision,
    agent: agent.agent,
    outcome: 'succeeded',
    status_code: 201,
    duration_microseconds: 1,
    enforcement_point: 'x',
  },
}
const story = [facts.registered(agent), facts.granted(delegation), opened, decided, effect]

describe('an explanation', () => {
  it('leads from the effect to the human, with model, attestation and policy', () => {
    const [line] = explain(seen(story), () => true)
    expect(line).toMatchObject({
      effect: 'succeeded',
      agreement: 'agree',
      effectLogIndex: 4n,
      decisionId: decision,
      decisionLogIndex: 3n,
      taskId: task,
      taskPurpose: 'Book',
      triggerId: TRIGGER.id,
      delegationIds: [delegation.delegation],
      delegationPurpose: delegation.purpose,
      human: delegation.human,
      sponsor: agent.sponsor,
      model: 'acme/small@1',
      attestationStatus: 'warning',
      policyVersion: DIGEST,
    })
  })
  it('says what is missing by leaving it empty, and does not guess the effect', () => {
    const [line] = explain(seen([decided]), () => true)
    expect(line).toMatchObject({
      effect: '',
      agreement: 'indeterminate',
      effectLogIndex: -1n,
      blueprint: '',
      model: '',
      taskPurpose: '',
    })
  })
  it('holds only the decisions that were asked for', () =>
    expect(explain(seen(story), ({ agent: id }) => id === 'agt_x')).toEqual([]))
  it('tells the life of the agent in sentences', () => {
    const life = lifeOf(seen([...story, facts.agentRevoked(agent.agent)]), agent.agent)
    expect(life.map(({ summary }) => summary)).toEqual([
      expect.stringContaining('was registered under meeting-scheduler'),
      expect.stringContaining('was granted until'),
      expect.stringContaining('was opened: Book'),
      expect.stringContaining('was revoked: test'),
    ])
  })
  it('tells what attestation found, by which kinds, and what became of the agent', () => {
    const result = facts.result({ agent: agent.agent, kinds: ['software', 'model-signing'] })
    const other = facts.result({
      agent: agent.agent,
      status: 'contraindicated',
      accepted: false,
      changed: true,
      kinds: [],
      reasons: ['model-signing/file_changed'],
    })
    const about = { agent: agent.agent, reason: 'A poisoned model.' }
    const life = lifeOf(
      seen([
        facts.recorded(result),
        facts.recorded(other),
        facts.resultRevoked(result, { reason: 'A poisoned model.' }),
        facts.resultRevoked(facts.result()),
        facts.fact('credence.identity.agent.attestation_lost.v1', {
          agent: agent.agent,
          result: result.result,
          cause: 'reference_withdrawn',
          position: 'ATTESTATION:3',
        }),
        facts.fact('credence.identity.agent.quarantined.v1', { ...about, cause: 'reference_withdrawn' }),
        facts.fact('credence.identity.agent.suspended.v1', { ...about, cause: 'attestation_expired', reason: 'Over.' }),
      ]),
      agent.agent,
    )
    expect(life.map(({ summary }) => summary)).toEqual([
      `attestation ${result.result} by software, model-signing: affirming, accepted`,
      `attestation ${other.result} by nothing that holds: contraindicated, not accepted, what the agent is made of has changed (model-signing/file_changed)`,
      `attestation ${result.result} was revoked, because a reference value that it rests on was withdrawn (ref_1): A poisoned model.`,
      `${agent.agent} lost its attestation ${result.result}: because a reference value that it rests on was withdrawn`,
      `${agent.agent} was put into quarantine, because a reference value that it rests on was withdrawn: A poisoned model.`,
      `${agent.agent} was suspended, because it did not attest again in time: Over.`,
    ])
  })
})

describe('agreement', () => {
  const cases: [decided: 'allow' | 'deny', seen: Parameters<typeof agreementOf>[1], agreement: string][] = [
    ['allow', 'succeeded', 'agree'],
    ['allow', 'failed', 'agree'],
    ['allow', 'prevented', 'not-exercised'],
    ['allow', undefined, 'indeterminate'],
    ['deny', 'prevented', 'agree'],
    ['deny', 'succeeded', 'disagree'],
    ['deny', 'failed', 'disagree'],
    ['deny', undefined, 'indeterminate'],
  ]
  for (const [outcome, observed, agreement] of cases)
    it(`${outcome} and ${observed ?? 'nothing seen'}: ${agreement}`, () =>
      expect(agreementOf(outcome, observed)).toBe(agreement))
})
