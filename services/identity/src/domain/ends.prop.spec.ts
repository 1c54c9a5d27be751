/**
 * Whether agents live and delegations count, against a second opinion: a naive model that follows every line to its end by
 * recursion and knows nothing of the code. Worlds are arbitrary: cycles, missing links, odd times.
 */
import { type Agent, agentEnd, MAX_DEPTH } from '@credence/contracts/principals/agent'
import { type Delegation, delegationChain, delegationEnd } from '@credence/contracts/principals/delegation'
import type { Human } from '@credence/contracts/principals/human'
import type { Mandate } from '@credence/contracts/principals/mandate'
import type { RecordedCommit } from '@credence/shared/event-store/commit'
import { createPrincipals } from '@credence/shared/principals'
import fc from 'fast-check'
import { expect, it, vi } from 'vitest'
import * as facts from '../../../../infra/testing/facts.ts'
import { hours, NOW } from '../../../../infra/testing/facts.ts'

vi.setConfig({ testTimeout: 600_000 })

const SEEN = { agent: facts.agent(), delegation: facts.delegation(), mandate: facts.mandate() }
const STATES = ['registered', 'active', 'suspended', 'quarantined', 'revoked', 'retired', 'expired'] as const
const mostly = <T>(usual: T, ...odd: T[]) =>
  fc.oneof({ weight: 14, arbitrary: fc.constant(usual) }, fc.constantFrom(...odd))
const id = (prefix: string, most: number) => fc.integer({ min: 0, max: most }).map((at) => `${prefix}${at}`)
const maybe = <T>(one: fc.Arbitrary<T>) => fc.option(one, { nil: undefined })
const end = mostly(hours(2), hours(0), hours(-1), 'never')

const agents = fc.array(
  fc.record({
    state: mostly<Agent['state']>('active', ...STATES),
    expires_at: end,
    parent: maybe(id('a', 6)),
    survives_parent: mostly<boolean | undefined>(undefined, true),
    blueprint: mostly('kept', 'withdrawn'),
  }),
  { minLength: 1, maxLength: 6 },
)
const delegations = fc.array(
  fc.record({
    agent: id('a', 6),
    parent: maybe(id('d', 6)),
    human: id('h', 2),
    mandate: mostly<string | undefined>(undefined, 'm0', 'm1', 'm2'),
    revoked: mostly(false, true),
    expires_at: end,
    not_before: mostly(hours(-1), hours(0), hours(1), 'never'),
    stay: mostly<number | undefined>(undefined, 1, 2),
  }),
  { minLength: 1, maxLength: 6 },
)
const humans = fc.array(fc.record({ active: mostly(true, false), departures: mostly(0, 1, 2) }), {
  maxLength: 3,
})
const mandates = fc.array(fc.record({ revoked: mostly(false, true), expires_at: end }), { minLength: 2, maxLength: 3 })

type World = { agents: Agent[]; delegations: Delegation[]; humans: Human[]; mandates: Mandate[] }
const worlds: fc.Arbitrary<World> = fc.record({ agents, delegations, humans, mandates }).map((some) => ({
  agents: some.agents.map((one, at) => ({ ...SEEN.agent, ...one, agent: `a${at}` })),
  delegations: some.delegations.map((one, at) => ({ ...SEEN.delegation, ...one, delegation: `d${at}` })),
  humans: some.humans.map((one, at) => ({ groups: [], ...one, human: `h${at}` })),
  mandates: some.mandates.map((one, at) => ({ ...SEEN.mandate, ...one, mandate: `m${at}` })),
}))

const isAhead = (time: string) => Date.parse(time) > NOW.getTime()
const isBehind = (time: string) => Date.parse(time) <= NOW.getTime()

/** An agent lives when it does by itself, and so does everyone that it hangs from; who meets themselves does not. */
function lives({ agents: all }: World, name: string, met: string[] = []): boolean {
  const one = all.find(({ agent }) => agent === name)
  if (!one || met.includes(name) || one.blueprint === 'withdrawn') return false
  if (!['registered', 'active', 'suspended', 'quarantined'].includes(one.state) || !isAhead(one.expires_at))
    return false
  return one.survives_parent || !one.parent || lives({ agents: all } as World, one.parent, [...met, name])
}

/** A delegation counts when it does by itself, who passed it on lives and is not held, and so on up to a root that counts. */
function counts(world: World, name: string, met: string[] = []): boolean {
  const one = world.delegations.find(({ delegation }) => delegation === name)
  if (!one || met.includes(name)) return false
  if (one.revoked || !isAhead(one.expires_at) || !isBehind(one.not_before)) return false
  if (!one.parent) return rootCounts(world, one)
  const from = world.delegations.find(({ delegation }) => delegation === one.parent)
  const passer = world.agents.find(({ agent }) => agent === from?.agent)
  if (!from || !passer || ['suspended', 'quarantined'].includes(passer.state) || !lives(world, passer.agent))
    return false
  return counts(world, one.parent, [...met, name])
}

function rootCounts({ humans: people, mandates: signed }: World, root: Delegation): boolean {
  if (root.mandate) {
    const found = signed.find(({ mandate }) => mandate === root.mandate)
    return found !== undefined && !found.revoked && isAhead(found.expires_at)
  }
  const person = people.find(({ human }) => human === root.human)
  if (!person?.active) return false
  return person.departures === (root.stay ?? 0)
}

const byId = <T, K extends keyof T>(all: T[], key: K) => {
  const known = new Map(all.map((one) => [one[key], one]))
  return (name: string) => known.get(name as T[K])
}

it('agents live and delegations count exactly when the naive model says so', () => {
  const seen = { alive: 0, dead: 0, counting: 0, ended: 0 }
  fc.assert(
    fc.property(worlds, (world) => {
      const agent = byId(world.agents, 'agent')
      const endOf = (name: string) => agentEnd(name, agent, NOW, (blueprint) => blueprint === 'withdrawn')
      const around = {
        agent,
        agentEnd: endOf,
        human: byId(world.humans, 'human'),
        mandate: byId(world.mandates, 'mandate'),
      }
      for (const name of ['a0', 'a1', 'a2', 'a3', 'a4', 'a5', 'a6']) {
        seen[lives(world, name) ? 'alive' : 'dead']++
        if ((endOf(name) === undefined) !== lives(world, name)) throw new Error(`${name}: ${endOf(name)}`)
      }
      for (const name of ['d0', 'd1', 'd2', 'd3', 'd4', 'd5', 'd6']) {
        const chain = delegationChain(name, byId(world.delegations, 'delegation'))
        seen[counts(world, name) ? 'counting' : 'ended']++
        const why = delegationEnd(chain, around, NOW)
        if ((why === undefined) !== counts(world, name)) throw new Error(`${name}: ${why}`)
      }
    }),
    { numRuns: 10_000 },
  )
  for (const [what, count] of Object.entries(seen)) expect(count, what).toBeGreaterThan(1_500)
})

it('a line as long as any that is walked counts; one link more does not; and a circle ends', () => {
  const line = (length: number) => (name: string) => {
    const at = Number(name)
    const parent = at + 1 < length ? String(at + 1) : undefined
    return { ...SEEN.agent, agent: name, state: 'active' as const, parent }
  }
  const kept = () => false
  expect(agentEnd('0', line(MAX_DEPTH), NOW, kept)).toBeUndefined()
  expect(agentEnd('0', line(MAX_DEPTH + 1), NOW, kept)).toBe('parent_ended')
  const chain = (length: number) =>
    delegationChain('0', (name) => ({ ...SEEN.delegation, revoked: false, parent: line(length)(name).parent }))
  expect(chain(MAX_DEPTH)).toHaveLength(MAX_DEPTH)
  expect(chain(MAX_DEPTH + 1)).toBeUndefined()
  expect(delegationChain('0', () => ({ ...SEEN.delegation, revoked: false, parent: '0' }))).toBeUndefined()
})

it('what hangs below is listed once, from the top down, and the list ends where facts go round in a circle', () => {
  const principals = createPrincipals()
  const say = (...made: Parameters<typeof facts.agent>[0][]) =>
    made.forEach((part, sequence) => {
      const data = facts.agent(part)
      const commit = { subject: `agent/${data.agent}`, sequence, facts: [facts.registered(data)] }
      principals.apply(commit as unknown as RecordedCommit)
    })
  say(
    { agent: 'a', parent: 'c' },
    { agent: 'b', parent: 'a' },
    { agent: 'c', parent: 'b' },
    { agent: 'd', parent: 'b' },
  )
  expect(principals.withDescendants('b')).toEqual(['b', 'c', 'd', 'a'])
  expect(principals.agentEnd('b', NOW)).toBe('parent_ended')
})
