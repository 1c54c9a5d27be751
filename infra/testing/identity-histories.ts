/** Random histories of IDENTITY: a few people, blueprints, agents, mandates and delegations, and what happens to them. */
import type { Fact } from '@credence/contracts/events/catalog'
import type { RecordedCommit } from '@credence/shared/event-store/commit'
import { newId } from '@credence/shared/ids'
import fc from 'fast-check'
import { recordedCommit } from './commits.ts'
import * as facts from './facts.ts'

const many = (prefix: string, count: number) => Array.from({ length: count }, () => newId(prefix))
export const PEOPLE = many('hum', 3)
export const AGENTS = many('agt', 5)
export const DELEGATIONS = many('dlg', 5)
export const MANDATES = many('mnd', 2)
export const BLUEPRINTS = ['scheduler', 'seller']
/** Everything that has a name. */
export const NAMES = [...PEOPLE, ...AGENTS, ...DELEGATIONS, ...MANDATES, ...BLUEPRINTS]

const of = <T>(list: readonly T[], index: number): T => list[index % list.length] as T
const reason = 'because'
/** One above it: only ever an earlier one, since a tree has no circles. */
const above = (member: 'parent', list: readonly string[], index: number, other: number) =>
  other % list.length < index % list.length ? { [member]: of(list, other) } : {}

type Made = { subject: string; fact: Fact }
/** What can happen, to one thing, with another one beside it. Only what is named is ever read, so any order is possible. */
const HAPPENINGS: ((index: number, other: number) => Made)[] = [
  (index) => human(index, { type: 'credence.identity.human.recognised.v1', data: { human: of(PEOPLE, index) } }),
  (index, other) =>
    human(index, {
      type: 'credence.identity.human.placed.v1',
      data: { human: of(PEOPLE, index), groups: ['a'], ...(other % 2 ? { manager: of(PEOPLE, other) } : {}) },
    }),
  (index) =>
    human(index, {
      type: 'credence.identity.human.deactivated.v1',
      data: { human: of(PEOPLE, index), reason, left_at: facts.hours(0) },
    }),
  (index) =>
    human(index, { type: 'credence.identity.human.reactivated.v1', data: { human: of(PEOPLE, index), reason } }),
  (index, other) =>
    blueprint(index, facts.created(facts.blueprint({ blueprint: of(BLUEPRINTS, index), sponsor: of(PEOPLE, other) }))),
  (index, other) =>
    blueprint(index, {
      type: 'credence.identity.blueprint.sponsor_proposed.v1',
      data: { blueprint: of(BLUEPRINTS, index), sponsor: of(PEOPLE, other) },
    }),
  (index, other) =>
    blueprint(index, {
      type: 'credence.identity.blueprint.sponsor_changed.v1',
      data: {
        blueprint: of(BLUEPRINTS, index),
        sponsor: of(PEOPLE, other),
        previous: of(PEOPLE, 0),
        cause: 'accepted',
      },
    }),
  (index) =>
    blueprint(index, {
      type: 'credence.identity.blueprint.withdrawn.v1',
      data: { blueprint: of(BLUEPRINTS, index), reason },
    }),
  (index) =>
    blueprint(index, {
      type: 'credence.identity.blueprint.restored.v1',
      data: { blueprint: of(BLUEPRINTS, index), reason },
    }),
  (index, other) =>
    agent(
      index,
      facts.registered(
        facts.agent({
          agent: of(AGENTS, index),
          blueprint: of(BLUEPRINTS, other),
          sponsor: of(PEOPLE, other),
          owner: of(PEOPLE, other),
          ...above('parent', AGENTS, index, other),
        }),
      ),
    ),
  (index) => agent(index, facts.activated(of(AGENTS, index), facts.hours(1))),
  (index) =>
    agent(index, {
      type: 'credence.identity.agent.suspended.v1',
      data: { agent: of(AGENTS, index), cause: 'operator', reason },
    }),
  (index) => agent(index, { type: 'credence.identity.agent.restored.v1', data: { agent: of(AGENTS, index), reason } }),
  (index) => agent(index, facts.agentRevoked(of(AGENTS, index))),
  (index, other) =>
    agent(index, {
      type: 'credence.identity.agent.key_rotated.v1',
      data: {
        agent: of(AGENTS, index),
        public_jwk: { kty: 'OKP', crv: 'Ed25519', x: `x${other}` },
        key_thumbprint: `thumbprint-${other}`,
        previous: `thumbprint-of-${of(AGENTS, index)}`,
        previous_ends_at: facts.hours(2),
      },
    }),
  (index) =>
    agent(index, {
      type: 'credence.identity.agent.key_withdrawn.v1',
      data: { agent: of(AGENTS, index), key_thumbprint: `thumbprint-of-${of(AGENTS, index)}`, reason },
    }),
  (index, other) => ({
    subject: `mandate/${of(MANDATES, index)}`,
    fact: {
      type: 'credence.identity.mandate.granted.v1',
      data: {
        mandate: of(MANDATES, index),
        blueprint: of(BLUEPRINTS, other),
        human: of(PEOPLE, other),
        authorization_details: [facts.detail()],
        purpose: 'Sweep',
        not_before: facts.hours(-1),
        expires_at: facts.hours(3),
        maximum_depth: 1,
      },
    },
  }),
  (index) => ({
    subject: `mandate/${of(MANDATES, index)}`,
    fact: { type: 'credence.identity.mandate.revoked.v1', data: { mandate: of(MANDATES, index), reason } },
  }),
  (index, other) => ({
    subject: `delegation/${of(DELEGATIONS, index)}`,
    fact: facts.granted(
      facts.delegation({
        delegation: of(DELEGATIONS, index),
        human: of(PEOPLE, other),
        agent: of(AGENTS, other),
        ...above('parent', DELEGATIONS, index, other),
        ...(other % 3 === 2 ? { mandate: of(MANDATES, other) } : {}),
      }),
    ),
  }),
  (index) => ({
    subject: `delegation/${of(DELEGATIONS, index)}`,
    fact: facts.delegationRevoked(of(DELEGATIONS, index)),
  }),
]

const human = (index: number, fact: Fact): Made => ({ subject: `human/${of(PEOPLE, index)}`, fact })
const blueprint = (index: number, fact: Fact): Made => ({ subject: `blueprint/${of(BLUEPRINTS, index)}`, fact })
const agent = (index: number, fact: Fact): Made => ({ subject: `agent/${of(AGENTS, index)}`, fact })

/** Things that exist once only, so that a history stays one that could have been. */
const ONCE = new Set([
  'credence.identity.agent.registered.v1',
  'credence.identity.delegation.granted.v1',
  'credence.identity.mandate.granted.v1',
  'credence.identity.blueprint.created.v1',
])

export const identityHistory: fc.Arbitrary<RecordedCommit[]> = fc
  .array(fc.tuple(fc.nat(HAPPENINGS.length - 1), fc.nat(29), fc.nat(29)), { minLength: 1, maxLength: 60 })
  .map((steps) => {
    const there = new Set<string>()
    const commits: RecordedCommit[] = []
    for (const [what, index, other] of steps) {
      const { subject, fact } = of(HAPPENINGS, what)(index, other)
      if (ONCE.has(fact.type)) {
        if (there.has(subject)) continue
        there.add(subject)
      }
      commits.push(recordedCommit('IDENTITY', commits.length + 1, subject, [fact]))
    }
    return commits
  })
