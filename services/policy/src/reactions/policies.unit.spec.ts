import type { Fact } from '@credence/contracts/events/catalog'
import { createLog } from '@credence/shared/log'
import { describe, expect, it } from 'vitest'
import { recordedCommit } from '../../../../infra/testing/commits.ts'
import { hours } from '../../../../infra/testing/facts.ts'
import { createPolicySets } from '../projections/policysets.ts'
import { createPolicyLoader, type Loaded, type PolicyEngine } from './policies.ts'

const log = createLog('test', 'silent')
const named = (letter: string) => letter.repeat(64)

/** Stands for the engine's part; the real one has its own spec beside it. */
const loaded = (version: string): Loaded => ({
  version,
  engine: 'test',
  actions: [],
  mayPermit: () => true,
  schemaText: '',
  evaluate: () => ({ permits: [], forbids: [], errors: [], erroredForbids: [] }),
  meaningOf: () => ({ obligations: [], reliedSeconds: 0 }),
})

function open(prepare: PolicyEngine['prepare'] = async (version) => loaded(version)) {
  const policySets = createPolicySets()
  const prepared: string[] = []
  const engine = {
    prepare: (...parts: Parameters<typeof prepare>) => {
      prepared.push(parts[0])
      return prepare(...parts)
    },
  } as PolicyEngine
  const loader = createPolicyLoader({ policySets, readText: async () => ({ policies: '', schema: '' }), engine, log })
  let sequence = 0
  const happens = (subject: string, ...facts: Fact[]) => {
    sequence++
    for (const model of policySets.models) model.apply(recordedCommit('POLICY', sequence, subject, facts))
    return loader.refresh()
  }
  const draft = (letter: string) => {
    const version = named(letter)
    const drafted = { version, policy_parts: 1, schema_parts: 0, comment: '', author: 'a', drafted_at: hours(sequence) }
    const text = { version, of: 'policies' as const, part: 0, text: '' }
    const validated = { version, policy_count: 1, schema_digest: version, engine: 'test', findings: [] }
    return happens(
      `policyset/${version}`,
      { type: 'credence.policy.policyset.drafted.v1', data: drafted },
      { type: 'credence.policy.policyset.text_added.v1', data: text },
      { type: 'credence.policy.policyset.validated.v1', data: validated },
    )
  }
  const sign = (letter: string) => {
    const data = { version: named(letter), by: 'b', comment: '' }
    return happens(`policyset/${named(letter)}`, { type: 'credence.policy.policyset.signed_off.v1', data })
  }
  const live = (type: 'activated' | 'report_started' | 'report_stopped', letter: string) =>
    happens('live/policies', { type: `credence.policy.live.${type}.v1`, data: { version: named(letter) } })
  return { loader, draft, sign, live, prepared }
}

describe('loading policies', () => {
  it('has none before any is active', async () => {
    const { loader, draft } = open()
    await draft('a')
    expect([loader.live(), loader.reporting()]).toEqual([undefined, []])
  })

  it('has what was signed off ready: it is live from the moment of its activation on', async () => {
    const { loader, draft, sign, live } = open()
    await draft('a')
    await sign('a')
    void live('activated', 'a')
    expect(loader.live()?.version).toBe(named('a'))
  })

  it('has none while the active one is being loaded, not the one before', async () => {
    let finish = () => {}
    const waiting = new Promise<void>((resolve) => {
      finish = resolve
    })
    const { loader, draft, live } = open(async (version) => {
      if (version === named('b')) await waiting
      return loaded(version)
    })
    await draft('a')
    await draft('b')
    await live('activated', 'a')
    expect(loader.live()?.version).toBe(named('a'))
    const activating = live('activated', 'b')
    expect(loader.live()).toBeUndefined()
    finish()
    await activating
    expect(loader.live()?.version).toBe(named('b'))
  })

  it('has none when the active one cannot be loaded, and tries again', async () => {
    let broken = true
    const { loader, draft, live } = open(async (version) => {
      if (broken) throw new Error('no')
      return loaded(version)
    })
    await draft('a')
    await live('activated', 'a')
    expect(loader.live()).toBeUndefined()
    broken = false
    await expect.poll(() => loader.live()?.version, { timeout: 5_000 }).toBe(named('a'))
    loader.stop()
  })

  it('goes back to the version before without loading it again', async () => {
    const { loader, draft, live, prepared } = open()
    await draft('a')
    await draft('b')
    await live('activated', 'a')
    await live('activated', 'b')
    void live('activated', 'a')
    expect(loader.live()?.version).toBe(named('a'))
    expect(prepared).toEqual([named('a'), named('b')])
  })

  it('has those in report-only beside it, until they stop', async () => {
    const { loader, draft, live } = open()
    for (const letter of ['a', 'b', 'c']) await draft(letter)
    await live('activated', 'a')
    await live('report_started', 'b')
    await live('report_started', 'c')
    expect(loader.reporting().map(({ version }) => version)).toEqual([named('b'), named('c')])
    await live('report_stopped', 'b')
    expect(loader.reporting().map(({ version }) => version)).toEqual([named('c')])
  })

  it('finds any version by name, keeps a few, and never lets go of what counts', async () => {
    const { loader, draft, live, prepared } = open()
    await draft('a')
    await live('activated', 'a')
    for (const letter of ['b', 'c', 'd', 'e', 'f']) {
      await draft(letter)
      expect((await loader.byVersion(named(letter))).version).toBe(named(letter))
    }
    expect(loader.live()?.version).toBe(named('a'))
    const before = prepared.length
    await loader.byVersion(named('f'))
    expect(prepared.length).toBe(before)
    await loader.byVersion(named('b'))
    expect(prepared.length).toBe(before + 1)
    await expect(loader.byVersion(named('9'))).rejects.toMatchObject({ reason: 'policies_not_found' })
  })

  it('loads a version once, however many ask', async () => {
    const { loader, draft, prepared } = open()
    await draft('a')
    await Promise.all([loader.byVersion(named('a')), loader.byVersion(named('a')), loader.byVersion(named('a'))])
    expect(prepared).toEqual([named('a')])
  })
})
