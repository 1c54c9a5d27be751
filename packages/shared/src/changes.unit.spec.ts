import { describe, expect, it } from 'vitest'
import { createChanges } from './changes.ts'

describe('who waits for a change', () => {
  it('is not woken before the time has passed, at whichever part of a millisecond it began to wait', async () => {
    const { next } = createChanges()
    const waited: number[] = []
    for (let part = 0; part < 1; part += 0.02) {
      while (performance.now() % 1 < part);
      const began = performance.now()
      await next('thing', 3)
      waited.push(performance.now() - began)
    }
    expect(Math.min(...waited)).toBeGreaterThanOrEqual(3)
  })

  it('is woken when it happens, and only by its own', async () => {
    const { next, happened } = createChanges()
    let woken = false
    const waiting = next('one', 60_000).then(() => {
      woken = true
    })
    happened('another')
    await new Promise((resolve) => setImmediate(resolve))
    expect(woken).toBe(false)
    happened('one')
    await waiting
  })
})
