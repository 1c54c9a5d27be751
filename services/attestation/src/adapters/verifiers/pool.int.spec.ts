/** Real workers whose verifiers do not end, throw, eat memory, or end the worker. */
import { createLog } from '@credence/shared/log'
import { afterAll, describe, expect, it } from 'vitest'
import type { Evidenced, PieceKind } from '../../api/verifier.ts'
import { createPool } from './pool.ts'
import { alone } from './verifiers.ts'
import { createVerify } from './verify.ts'

const script = new URL('../../testing/unruly-worker.ts', import.meta.url)
const pool = createPool({ script, size: 2, withinMs: 1_500 })
afterAll(pool.stop)
const log = createLog('test', 'silent')

const about = {
  agent: { agent: 'agt_1', spiffeId: 'spiffe://a.example/agent/x/agt_1', blueprint: 'x', jwk: {}, keyThumbprint: 'x' },
  nonce: 'x',
  binding: new Uint8Array(32),
  audience: 'x',
  now: new Date(),
  anchors: [],
  requirements: [],
} as unknown as Evidenced
const run = (kind: PieceKind) => pool.run({ kind, content: new Uint8Array([1]), about })
const usual = async () => expect(await run('kubernetes-sat')).toEqual({ verified: { refused: 'anchor_unknown' } })

describe('a verifier', { timeout: 60_000 }, () => {
  it('that does not end is ended, and holds nobody up meanwhile', async () => {
    let turns = 0
    const turning = setInterval(() => turns++, 5)
    const hung = run('tpm2-quote')
    await usual()
    expect(await hung).toEqual({ timedOut: true })
    clearInterval(turning)
    // The event loop of the service went on.
    expect(turns).toBeGreaterThan(100)
    await usual()
  })
  it('that throws, eats memory or ends its worker has failed, and the next one works', async () => {
    expect(await run('model-signing')).toEqual({ failed: 'broken' })
    for (const kind of ['spiffe-svid', 'container-image'] as const)
      expect(Object.keys(await run(kind)), kind).toEqual([expect.stringMatching(/failed|timedOut/)])
    await usual()
  })
  it('waits for its turn, and is turned away when too many wait', async () => {
    const all = await Promise.allSettled(Array.from({ length: 300 }, () => run('kubernetes-sat')))
    const served = all.filter(({ status }) => status === 'fulfilled').length
    expect(served).toBeGreaterThanOrEqual(256)
    expect(served).toBeLessThanOrEqual(258)
    expect(all.at(-1)).toMatchObject({ reason: { status: 'unavailable', reason: 'verifications_busy' } })
  })
})

describe('a piece of evidence', () => {
  const verifiers = {
    ...alone,
    'model-signing': { kind: 'model-signing' as const, maximumBytes: 1_000, verify: async () => ({ refused: 'here' }) },
    'kubernetes-sat': {
      kind: 'kubernetes-sat' as const,
      maximumBytes: 1_000,
      verify: () => Promise.reject(new Error('broken')),
    },
  }
  const verify = createVerify({ verifiers, pool, log })
  const refusals: [name: string, kind: PieceKind, bytes: number, refused: string][] = [
    ['of a kind without a verifier', 'container-image', 1, 'kind_unknown'],
    ['larger than its kind may be', 'model-signing', 1_001, 'evidence_too_large'],
    ['whose verifier throws in the worker', 'model-signing', 1, 'verifier_failed'],
    ['whose verifier throws here', 'kubernetes-sat', 1, 'verifier_failed'],
    ['whose verifier does not end', 'tpm2-quote', 1, 'verification_timed_out'],
  ]
  for (const [name, kind, bytes, refused] of refusals)
    it(`is refused ${name}`, async () => {
      const { 'container-image': _, ...rest } = verifiers as Record<string, unknown>
      const partial = kind === 'container-image' ? createVerify({ verifiers: rest as never, pool, log }) : verify
      expect(await partial(kind, new Uint8Array(bytes), about as never)).toEqual({ refused })
    })
})
