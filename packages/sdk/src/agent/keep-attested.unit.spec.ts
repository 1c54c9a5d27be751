import { CredenceError, unavailable } from '@credence/contracts/errors'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Shown } from './attestation.ts'
import { keepAttested } from './keep-attested.ts'

const LIFE_MS = 300_000
const shown = (accepted: boolean): Shown => ({
  accepted,
  status: accepted ? 'affirming' : 'contraindicated',
  reasons: accepted ? [] : ['software/model_unknown'],
  result: '',
  resultId: 'att_1',
  expiresAt: new Date(Date.now() + LIFE_MS),
  freshUntil: new Date(Date.now() + LIFE_MS),
  position: 'ATTESTATION:1',
})
const middle = () => 0.5
/** What `show` answers, attempt by attempt; the last one again and again. */
function attempts(...answers: (() => Promise<Shown>)[]) {
  const at: number[] = []
  const began = Date.now()
  const show = () => {
    at.push(Date.now() - began)
    return (answers[Math.min(at.length, answers.length) - 1] as () => Promise<Shown>)()
  }
  return { at, show }
}
const accept = async () => shown(true)
const refuse = async () => shown(false)
const fail = async () => {
  throw unavailable('unreachable', 'Nobody is there.')
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

describe('an agent that keeps attested', () => {
  it('attests at once, and again at two thirds of each result’s life', async () => {
    const { at, show } = attempts(accept)
    const kept = keepAttested(show, {}, middle)
    await vi.advanceTimersByTimeAsync(LIFE_MS * 2)
    expect(at).toEqual([0, 200_000, 400_000, 600_000])
    await kept.stop()
  })

  it('tries again sooner when nobody answers, and says when', async () => {
    const { at, show } = attempts(accept, fail, fail, fail, accept)
    const next: (number | undefined)[] = []
    const kept = keepAttested(show, { onFailure: (_, date) => next.push(date?.getTime()) }, middle)
    const began = Date.now()
    await vi.advanceTimersByTimeAsync(203_000)
    expect(at).toEqual([0, 200_000, 200_375, 201_125, 202_625])
    expect(next.map((time) => (time ?? 0) - began)).toEqual([200_375, 201_125, 202_625])
    await kept.stop()
  })

  it('asks again after a refusal, in minutes: somebody may approve it meanwhile', async () => {
    const { at, show } = attempts(refuse)
    const kept = keepAttested(show, {}, middle)
    await vi.advanceTimersByTimeAsync(30 * 60_000)
    expect(at.slice(0, 3)).toEqual([0, 3_750, 11_250])
    expect(at.length).toBeLessThan(18)
    await kept.stop()
  })

  it('attests at once when something changed; many changes during one attempt make one more', async () => {
    let done: (() => void) | undefined
    const { at, show } = attempts(
      accept,
      () =>
        new Promise((resolve) => {
          done = () => resolve(shown(true))
        }),
      accept,
    )
    const kept = keepAttested(show, {}, middle)
    await vi.advanceTimersByTimeAsync(10)
    kept.now()
    await vi.advanceTimersByTimeAsync(0)
    expect(at).toEqual([0, 10])
    kept.now()
    kept.now()
    done?.()
    await vi.advanceTimersByTimeAsync(1_000)
    expect(at).toEqual([0, 10, 10])
    await kept.stop()
  })

  it('ends by itself when the agent has ended: no result helps it', async () => {
    const { at, show } = attempts(accept, async () => {
      throw new CredenceError('failed_precondition', 'agent_revoked', 'An agent that has ended cannot attest.')
    })
    const failures: unknown[] = []
    const kept = keepAttested(show, {
      onFailure: (error, next) => failures.push([(error as CredenceError).reason, next]),
    })
    await vi.advanceTimersByTimeAsync(LIFE_MS * 3)
    await kept.ended
    expect(at.length).toBe(2)
    expect(failures).toEqual([['agent_revoked', undefined]])
  })

  it('stops after the attempt under way', async () => {
    const { at, show } = attempts(accept)
    const kept = keepAttested(show, {}, middle)
    await kept.stop()
    await vi.advanceTimersByTimeAsync(LIFE_MS)
    kept.now()
    await vi.advanceTimersByTimeAsync(LIFE_MS)
    expect(at).toEqual([0])
  })
})
