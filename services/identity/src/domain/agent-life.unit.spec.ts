/** What each command does in each state of an agent's life, as one table; then what the table cannot say. */
import type { Fact, IdentityFact } from '@credence/contracts/events/catalog'
import { type AgentState, agentEvolution } from '@credence/contracts/principals/agent'
import { describe, expect, it } from 'vitest'
import * as facts from '../../../../infra/testing/facts.ts'
import { hours, NOW } from '../../../../infra/testing/facts.ts'
import { given } from '../../../../infra/testing/given.ts'
import { rotateKey, withdrawKey } from './agent-key.ts'
import * as life from './agent-life.ts'
import { activateAgent, expireAttestation, loseAttestation } from './attested-life.ts'

const agent = facts.agent({ kind: 'continuous', expires_at: hours(8) })
const id = agent.agent
const blueprint = facts.folded()
const why = { cause: 'operator', reason: 'test' } as const
const about = { agent: id, reason: 'test' }
const registered = facts.registered(agent)
const active = [registered, facts.activated(id, hours(2))]
const then = (type: Fact['type'], data: object) => [...active, { type, data } as Fact]
const suspended = then('credence.identity.agent.suspended.v1', { agent: id, ...why })
const quarantined = then('credence.identity.agent.quarantined.v1', { agent: id, ...why })

const STATES: Record<string, Fact[]> = {
  none: [],
  registered: [registered],
  active,
  suspended,
  quarantined,
  revoked: then('credence.identity.agent.revoked.v1', about),
  retired: then('credence.identity.agent.retired.v1', about),
  expired: then('credence.identity.agent.expired.v1', { agent: id }),
  /** Nobody has said so yet; it is the very end of its life. */
  over: [facts.registered({ ...agent, expires_at: NOW.toISOString() }), facts.activated(id, hours(2))],
  /** Suspended, because it did not attest in time. */
  lapsed: then('credence.identity.agent.suspended.v1', { agent: id, cause: 'attestation_expired', reason: 'test' }),
  /** In quarantine, because its result was lost. */
  lost: [
    ...then('credence.identity.agent.attestation_lost.v1', {
      agent: id,
      cause: 'composition_changed',
      position: 'ATTESTATION:6',
    }),
    { type: 'credence.identity.agent.quarantined.v1', data: { ...about, cause: 'composition_changed' } },
  ],
}

const restoring = { id, reason: 'test', mayLiftQuarantine: true, sponsorIsActive: true }
const LOSS = {
  cause: 'reference_withdrawn',
  consequence: 'quarantine',
  reason: 'test',
  position: 'ATTESTATION:8',
} as const
const next = { id, publicJwk: agent.public_jwk, keyThumbprint: 'next', overlapSeconds: 60 }
const COMMANDS: Record<string, (state: AgentState) => IdentityFact[]> = {
  activate: (state) =>
    activateAgent(
      state,
      { id: 'att_2', expiresAt: hours(3), keyThumbprint: agent.key_thumbprint, position: 'ATTESTATION:7' },
      NOW,
    ),
  suspend: (state) => life.suspendAgent(state, id, why, NOW),
  quarantine: (state) => life.quarantineAgent(state, id, why, NOW),
  restore: (state) => life.restoreAgent(state, restoring, NOW),
  renew: (state) => life.renewAgent(state, { id, lifetimeSeconds: 9 * 3_600 }, blueprint, NOW),
  changeOwner: (state) => life.changeAgentOwner(state, { id, owner: 'hum_2', reason: 'test' }, NOW),
  rotateKey: (state) => rotateKey(state, next, NOW),
  withdrawKey: (state) => withdrawKey(state, { id, thumbprint: agent.key_thumbprint, reason: 'test' }, NOW),
  revoke: (state) => life.revokeAgent(state, id, 'test'),
  retire: (state) => life.retireAgent(state, id, 'test'),
  expire: (state) => life.expireAgent(state, NOW),
  lose: (state) => loseAttestation(state, LOSS, NOW),
  losePart: (state) => loseAttestation(state, { ...LOSS, consequence: 'suspend' }, NOW),
  /** Three hours later, when its attestation result is over. */
  lapse: (state) => expireAttestation(state, new Date(hours(3))),
}

/** `+ fact` is appended; `-` nothing changes; anything else is the reason of the refusal. Columns as in STATES. */
const TABLE = `
  activate    | -               | + activated      | + activated      | + activated      | + activated      | -             | -             | -             | - | + activated | + activated
  suspend     | agent_not_found | + suspended      | + suspended      | -                | -                | agent_revoked | agent_retired | agent_expired | agent_expired | + suspended | -
  quarantine  | agent_not_found | + quarantined    | + quarantined    | + quarantined    | -                | agent_revoked | agent_retired | agent_expired | agent_expired | + quarantined | -
  restore     | agent_not_found | -                | -                | + restored       | + restored       | agent_revoked | agent_retired | agent_expired | agent_expired | attest_first | + restored
  renew       | agent_not_found | agent_not_active | + renewed        | agent_suspended  | agent_quarantined| agent_revoked | agent_retired | agent_expired | agent_expired | attestation_expired | agent_quarantined
  changeOwner | agent_not_found | + owner_changed  | + owner_changed  | + owner_changed  | + owner_changed  | agent_revoked | agent_retired | agent_expired | agent_expired | + owner_changed | + owner_changed
  rotateKey   | agent_not_found | + key_rotated    | + key_rotated    | agent_suspended  | agent_quarantined| agent_revoked | agent_retired | agent_expired | agent_expired | attestation_expired | agent_quarantined
  withdrawKey | agent_not_found | + key_withdrawn + quarantined | + key_withdrawn + quarantined | + key_withdrawn + quarantined | + key_withdrawn | agent_revoked | agent_retired | agent_expired | agent_expired | + key_withdrawn + quarantined | + key_withdrawn
  revoke      | agent_not_found | + revoked        | + revoked        | + revoked        | + revoked        | -             | -             | -             | + revoked | + revoked | + revoked
  retire      | agent_not_found | + retired        | + retired        | + retired        | + retired        | -             | -             | -             | + retired | + retired | + retired
  expire      | -               | -                | -                | -                | -                | -             | -             | -             | + expired | - | -
  lose        | -               | -                | + attestation_lost + quarantined | + attestation_lost + quarantined | + attestation_lost | - | - | - | - | + attestation_lost + quarantined | + attestation_lost
  losePart    | -               | -                | + attestation_lost + suspended | + attestation_lost | + attestation_lost | - | - | - | - | + attestation_lost | + attestation_lost
  lapse       | -               | -                | + suspended | - | - | - | - | - | - | - | -
`

const shortly = ({ type }: Fact) => `+ ${type.split('.').at(-2)}`

describe('every command in every state', () => {
  for (const [command = '', ...cells] of TABLE.trim()
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim())))
    for (const [at, state] of Object.keys(STATES).entries()) {
      const wanted = cells[at] ?? ''
      it(`${command}, ${state}: ${wanted}`, () => {
        const when = given(agentEvolution, STATES[state]).when(COMMANDS[command] as () => Fact[])
        if (/^[a-z]/.test(wanted)) return when.thenRefused(wanted)
        const decided = COMMANDS[command]?.((STATES[state] ?? []).reduce(agentEvolution.evolve, undefined))
        expect(decided?.map(shortly).join(' ')).toBe(wanted === '-' ? '' : wanted)
      })
    }
})

describe('restoring', () => {
  const restore = (part: object, ...history: Fact[]) =>
    given(agentEvolution, history).when((state) => life.restoreAgent(state, { ...restoring, ...part }, NOW))

  it('lifts a suspension for a sponsor, a quarantine for security only', () => {
    restore({ mayLiftQuarantine: false }, ...suspended).thenFacts({ type: 'credence.identity.agent.restored.v1' })
    restore({ mayLiftQuarantine: false }, ...quarantined).thenRefused('agent_quarantined')
  })
  it('agent-activate-needs-sponsor-and-key: not without a sponsor, and not without a key', () => {
    restore({ sponsorIsActive: false }, ...suspended).thenRefused('no_sponsor')
    const data = { ...about, key_thumbprint: agent.key_thumbprint }
    const withdrawn = facts.fact('credence.identity.agent.key_withdrawn.v1', data)
    restore({}, ...quarantined, withdrawn).thenRefused('no_key')
  })
  it('brings back what it was: active, or registered when it never attested, or attested meanwhile', () => {
    const after = (...history: Fact[]) => history.reduce(agentEvolution.evolve, agentEvolution.initialState)?.state
    const held = facts.fact('credence.identity.agent.suspended.v1', { agent: id, ...why })
    const restored = facts.fact('credence.identity.agent.restored.v1', about)
    expect(after(...suspended, restored)).toBe('active')
    expect(after(registered, held, restored)).toBe('registered')
    expect(after(registered, held, facts.activated(id, hours(2)))).toBe('suspended')
    expect(after(registered, held, facts.activated(id, hours(2)), restored)).toBe('active')
  })
})

describe('renewing', () => {
  const renew = (lifetimeSeconds: number, of: typeof blueprint | undefined = blueprint, kind = 'continuous') =>
    given(agentEvolution, [facts.registered({ ...agent, kind: kind as 'continuous' }), ...active.slice(1)]).when(
      (state) => life.renewAgent(state, { id, lifetimeSeconds }, of, NOW),
    )
  it('gives life from now', () =>
    renew(9 * 3_600).thenFacts({ type: 'credence.identity.agent.renewed.v1', data: { expires_at: hours(9) } }))
  it('never shortens one', () => renew(8 * 3_600).thenNothing())
  it('is not for ephemeral agents', () => renew(9 * 3_600, blueprint, 'ephemeral').thenRefused('agent_ephemeral'))
  it('goes no further than the blueprint', () => renew(86_401).thenRefused('invalid_field', 'lifetime_seconds'))
  it('needs a blueprint that was not withdrawn', () => {
    renew(9 * 3_600, facts.folded({ withdrawn: true })).thenRefused('blueprint_withdrawn')
    given(agentEvolution, active)
      .when((state) => life.renewAgent(state, { id, lifetimeSeconds: 60 }, undefined, NOW))
      .thenRefused('blueprint_not_found')
  })
})

it('handing an agent to its owner changes nothing', () =>
  given(agentEvolution, active)
    .when((state) => life.changeAgentOwner(state, { id, owner: agent.owner, reason: 'test' }, NOW))
    .thenNothing())

it('every-transition-audited: whoever suspends, quarantines, restores, revokes or retires says why', () => {
  for (const command of ['suspend', 'quarantine', 'restore', 'revoke', 'retire'])
    for (const history of Object.values(STATES))
      try {
        for (const { data } of COMMANDS[command]?.(history.reduce(agentEvolution.evolve, undefined)) ?? [])
          expect(data).toMatchObject({ agent: id, reason: 'test' })
      } catch (error) {
        expect(error).toHaveProperty('reason')
      }
})
