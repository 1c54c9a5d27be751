/**
 * 100,000 random delegation trees, made by the real commands: no leaf is wider than its root; and whatever ends or holds
 * a node ends everything below it, and only that. A tree is read from a tape of bytes, which is cheap to make and shrinks.
 */
import { type AuthorizationDetail, isNarrower, permits } from '@credence/contracts/authority'
import { CredenceError } from '@credence/contracts/errors'
import type { Limits } from '@credence/contracts/limits'
import { type Agent, agentEnd } from '@credence/contracts/principals/agent'
import { type Around, type Delegation, delegationChain, delegationEnd } from '@credence/contracts/principals/delegation'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import * as facts from '../../../../infra/testing/facts.ts'
import { hours, NOW } from '../../../../infra/testing/facts.ts'
import { grantDelegation, passOnDelegation, type Wanted } from './delegation.ts'

const TREES = 100_000
/** Bytes that one node is read from, and most nodes of a tree. */
const [BYTES, NODES] = [8, 7]

type Tape = Uint8Array
/** Undefined when there is nothing to pick from. */
const pick = <T>(from: readonly T[], byte = 0): T => from[byte % from.length] as T

const LOCATIONS = [['https://a.example'], ['https://a.example', 'https://b.example']]
const ACTIONS = [['crm.*', 'mail.*'], ['crm.*'], ['crm.*'], ['crm.read', 'mail.send'], ['crm.read'], ['crm.deep.*']]
const RESOURCES = [
  ['Customer::*', 'Mail::*'],
  ['Customer::*'],
  ['Customer::1*'],
  ['Customer::1', 'Mail::7'],
  ['Mail::*'],
]
const eur = (value: string) => ({ amount: { currency: 'EUR', value } })
const LIMITS: (Partial<Limits> | undefined)[] = [
  undefined,
  undefined,
  undefined,
  { count: 5 },
  { count: 2 },
  eur('100'),
  { ...eur('20.00'), count: 3 },
  { patterns: [{ argument: 'recipient', pattern: '*@acme.example' }] },
  { patterns: [{ argument: 'recipient', pattern: 'anna*' }] },
  { window: { from: hours(0), until: hours(6) } },
  { window: { from: hours(1), until: hours(2) } },
]
const WHOLE = [facts.detail({ locations: LOCATIONS[1], actions: ACTIONS[0], resources: RESOURCES[0] })]
const blueprint = facts.folded({ ceiling: WHOLE, maximum_spawn_depth: NODES })
const human = facts.person()
const SEEN = { agent: facts.agent(), delegation: facts.delegation() }

const detailFrom = (one = 0, two = 0): AuthorizationDetail => {
  const limits = pick(LIMITS, two)
  return {
    type: 'agent_permission',
    locations: pick(LOCATIONS, one >> 6),
    actions: pick(ACTIONS, one),
    resources: pick(RESOURCES, one >> 3),
    ...(limits ? { limits: { patterns: [], ...limits } } : {}),
  }
}

/** Acts near the edges of what the details above allow. */
const ACTS = ['crm.read', 'crm.deep.read', 'mail.send'].flatMap((action) =>
  ['Customer::1', 'Customer::2', 'Mail::7'].flatMap((resource) =>
    [0, 1.5, 5].flatMap((hour) =>
      ['anna@acme.example', 'bob@acme.example', 'anna@x.example'].map((recipient, at) => ({
        location: 'https://a.example',
        action,
        resource,
        now: new Date(hours(hour)),
        arguments: { recipient },
        count: [0, 2, 4][at] as number,
        ...eur(['20', '20.01', '100'][(at + hour * 2) % 3] as string),
      })),
    ),
  ),
)

type Node = { delegation: Delegation; agent: Agent; parent: Node | undefined; depth: number }
type Grown = { nodes: Node[]; refused: number; cut: number }

/** A root, and nodes that hang from any node before them; the details asked for are mostly cut, sometimes refused. */
function grow(tape: Tape): Grown {
  const tree: Grown = { nodes: [], refused: 0, cut: 0 }
  for (let at = 0; at + BYTES <= tape.length; at += BYTES) {
    const [whose = 0, kind = 0, depth = 0, life = 0, ...names] = tape.subarray(at, at + BYTES)
    const parent = whose & 1 ? tree.nodes.at(-1) : pick(tree.nodes, whose >> 1)
    const details = [detailFrom(names[0], names[1]), detailFrom(names[2], names[3])].slice(kind & 1)
    // Every fourth asks for what its parent holds, word by word; every fourth of the rest does not want to be cut.
    const held = parent?.delegation.authorization_details ?? WHOLE
    const most = parent ? parent.delegation.maximum_depth - 1 : NODES
    const wanted: Wanted = {
      delegation: `dlg_${at}`,
      authorizationDetails: kind & 6 ? details : held,
      purpose: 'x',
      lifetimeSeconds: life & 3 ? 3_600 - tree.nodes.length * 60 : life * 60,
      maximumDepth: depth & 7 ? most : depth >> 3,
      narrow: (kind & 24) > 0,
    }
    const agent: Agent = { ...SEEN.agent, agent: `agt_${at}`, parent: parent?.agent.agent, state: 'active' }
    const made = attempt(wanted, parent, agent)
    if (!made) tree.refused++
    else {
      if (made.dropped) tree.cut++
      tree.nodes.push({ delegation: made, agent, parent, depth: parent ? parent.depth + 1 : 0 })
    }
  }
  return tree
}

function attempt(wanted: Wanted, parent: Node | undefined, agent: Agent): Delegation | undefined {
  const to = { agent, agentEnd: undefined, blueprint }
  const from = parent && { agent: parent.agent, agentEnd: undefined }
  try {
    const [fact] = from
      ? passOnDelegation(undefined, wanted, { parent: parent.delegation, parentEnd: undefined, from, to, now: NOW })
      : grantDelegation(undefined, wanted, human, to, NOW)
    return { ...(fact?.data as Delegation), revoked: false }
  } catch (error) {
    if (error instanceof CredenceError) return undefined
    throw error
  }
}

const above = (node: Node): Node[] => (node.parent ? [node.parent, ...above(node.parent)] : [])

/** How a node, or what it rests on, can go; each says which nodes stop to count with it. */
const BLOWS = [
  'revoked',
  'expired',
  'suspended',
  'quarantined',
  'agent revoked',
  'life over',
  'left',
  'withdrawn',
] as const
type Blow = (typeof BLOWS)[number]

function fallen({ nodes }: Grown, struck: Node, blow: Blow): Set<string> {
  const end = (one: Agent): Agent => {
    if (one !== struck.agent) return one
    if (blow === 'suspended' || blow === 'quarantined') return { ...one, state: blow }
    if (blow === 'agent revoked') return { ...one, state: 'revoked' }
    return blow === 'life over' ? { ...one, expires_at: NOW.toISOString() } : one
  }
  const agents = new Map(nodes.map(({ agent }) => [agent.agent, end(agent)]))
  const delegations = new Map(nodes.map(({ delegation }) => [delegation.delegation, delegation]))
  const { delegation } = struck
  if (blow === 'revoked') delegations.set(delegation.delegation, { ...delegation, revoked: true })
  if (blow === 'expired') delegations.set(delegation.delegation, { ...delegation, expires_at: NOW.toISOString() })
  const agent = (id: string) => agents.get(id)
  const ended = (id: string) => agentEnd(id, agent, NOW, () => blow === 'withdrawn')
  const there = blow === 'left' ? { ...human, active: false } : human
  const around: Around = { agent, agentEnd: ended, human: () => there, mandate: () => undefined }
  const ends = (id: string) =>
    delegationEnd(
      delegationChain(id, (one) => delegations.get(one)),
      around,
      NOW,
    )
  // What an agent may use: its delegation counts, and it lives and is not held itself.
  const held = (one: Node) => ['suspended', 'quarantined'].includes(agent(one.agent.agent)?.state ?? '')
  return new Set(
    nodes
      .filter((one) => ends(one.delegation.delegation) || ended(one.agent.agent) || held(one))
      .map((one) => one.delegation.delegation),
  )
}

it(`no leaf is wider than its root in ${TREES.toLocaleString('en')} random trees; chain-revoked-middle-kills-below, and only below`, () => {
  const seen = { trees: 0, nodes: 0, refused: 0, cut: 0, limited: 0, deep: 0, permitted: 0, fallen: 0, standing: 0 }
  const check = (tape: Tape) => {
    const tree = grow(tape)
    seen.trees++
    seen.nodes += tree.nodes.length
    seen.refused += tree.refused
    seen.cut += tree.cut
    for (const node of tree.nodes) {
      const { delegation, depth } = node
      const { authorization_details: details } = delegation
      if (details.some(({ limits }) => limits)) seen.limited++
      if (depth >= 3) seen.deep++
      if (!isNarrower(details, WHOLE)) throw new Error('wider than the ceiling')
      const act = pick(ACTS, (tape[0] ?? 0) * 7 + (tape[1] ?? 0))
      const permitted = permits(details, act)
      if (permitted) seen.permitted++
      for (const { delegation: upper } of above(node)) {
        if (!isNarrower(details, upper.authorization_details)) throw new Error('wider than one above')
        if (permitted && !permits(upper.authorization_details, act)) throw new Error('permits more than one above')
        if (delegation.expires_at > upper.expires_at) throw new Error('longer than one above')
        if (delegation.maximum_depth >= upper.maximum_depth) throw new Error('as deep as one above')
        if (delegation.human !== upper.human) throw new Error('of another human')
      }
    }
    if (tree.nodes.length === 0) return
    const struck = pick(tree.nodes, tape[2])
    const blow = pick(BLOWS, tape[3])
    const gone = fallen(tree, struck, blow)
    const all = blow === 'left' || blow === 'withdrawn'
    for (const node of tree.nodes) {
      const below = all || node === struck || above(node).includes(struck)
      if (below) seen.fallen++
      else seen.standing++
      if (gone.has(node.delegation.delegation) !== below) throw new Error(`${blow}: ${below ? 'stands' : 'fell'}`)
    }
  }
  const tapes = fc.uint8Array({ minLength: 2 * BYTES, maxLength: BYTES * NODES, size: 'max' })
  fc.assert(fc.property(tapes, check), { numRuns: TREES })
  expect(seen.trees).toBe(TREES)
  // It says something only when trees are deep, cut, limited and used, and when something falls and something stands.
  const least = { nodes: TREES, refused: 10_000, cut: 10_000, limited: 10_000, deep: 5_000, permitted: 10_000 }
  for (const [what, count] of Object.entries({ ...least, fallen: TREES, standing: 50_000 }))
    expect(seen[what as keyof typeof seen], what).toBeGreaterThan(count)
}, 900_000)
