import type { RecordedCommit } from '@credence/shared/event-store/commit'
import { createLog } from '@credence/shared/log'
import { describe, expect, it } from 'vitest'
import type { PolicySet } from '../domain/policyset.ts'
import { createWorld } from '../projections/world.ts'
import { createPolicyLoader, type PolicyEngine } from './policies.ts'

const log = createLog('test', 'silent')
const set = (letter: string, engine = 'cedar 1'): PolicySet => ({
  version: letter.repeat(64),
  cedar: letter,
  schema: '',
  policy_ids: [letter],
  engine,
})
/** Stands for the engine's three functions; the real one has its own spec beside it. */
const engine = (part: Partial<PolicyEngine> = {}): PolicyEngine => ({
  engine: 'cedar 1',
  recheck: async () => undefined,
  load:
    ({ policy_ids }) =>
    () => ({ permit: true, policyIds: policy_ids, errors: [] }),
  ...part,
})

function open(parts: PolicyEngine) {
  const world = createWorld()
  const loader = createPolicyLoader(world, parts, log)
  let sequence = 0
  const activate = (data: PolicySet) => {
    sequence += 1
    const facts = [{ type: 'credence.policy.policyset.activated.v1' as const, data }]
    world.applyPolicy({ subject: 'policyset/active', sequence, facts } as unknown as RecordedCommit)
    return loader.refresh()
  }
  return { loader, activate }
}
const refuse = () => {
  throw new Error('no')
}

describe('loading the active policy set', () => {
  it('has none before one is activated', () => {
    const { loader } = open(engine())
    expect([loader.evaluator(), loader.version()]).toEqual([undefined, ''])
  })

  it('uses a new set from the moment that its event is applied: there is no time without policies', () => {
    const { loader, activate } = open(engine())
    for (const letter of ['a', 'b']) {
      void activate(set(letter))
      expect(loader.version()).toBe(letter.repeat(64))
      expect(loader.evaluator()).toBeDefined()
    }
  })

  it('has none when the set cannot be loaded, not the one before', async () => {
    const { loader, activate } = open(engine({ load: (one) => (one.cedar === 'b' ? refuse() : engine().load(one)) }))
    await activate(set('a'))
    await activate(set('b'))
    expect([loader.evaluator(), loader.version()]).toEqual([undefined, ''])
    await activate(set('c'))
    expect(loader.version()).toBe('c'.repeat(64))
  })

  it('checks again what another engine has checked, and has none until then', async () => {
    const { loader, activate } = open(engine())
    await activate(set('a'))
    const loading = activate(set('b', 'cedar 0'))
    expect(loader.evaluator()).toBeUndefined()
    await loading
    expect(loader.version()).toBe('b'.repeat(64))
  })

  it('has none when this engine does not take what another one took', async () => {
    const { loader, activate } = open(engine({ recheck: async () => refuse() }))
    await activate(set('a', 'cedar 0'))
    expect([loader.evaluator(), loader.version()]).toEqual([undefined, ''])
  })

  it('does not fall back to a set that was still being checked when the next came', async () => {
    let checked = () => {}
    const waiting = new Promise<void>((resolve) => {
      checked = resolve
    })
    const { loader, activate } = open(engine({ recheck: () => waiting }))
    const first = activate(set('a', 'cedar 0'))
    await activate(set('b'))
    checked()
    await first
    expect(loader.version()).toBe('b'.repeat(64))
  })
})
