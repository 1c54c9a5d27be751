import { describe, expect, it } from 'vitest'
import { createLimits } from './limits.ts'

/** Work that ends when it is told to. */
function work() {
  let done = (_: string) => {}
  const ended = new Promise<string>((resolve) => {
    done = resolve
  })
  const seen = { begun: false }
  return {
    seen,
    end: () => done('done'),
    run: () => {
      seen.begun = true
      return ended
    },
  }
}
const turns = () => new Promise((resolve) => setTimeout(resolve, 5))

describe('submissions of an agent', () => {
  it('are verified one after the other, and keep no other agent waiting', async () => {
    const { oneByOne } = createLimits()
    const [first, second, other] = [work(), work(), work()]
    const answers = [oneByOne('agt_1', first.run), oneByOne('agt_1', second.run), oneByOne('agt_2', other.run)]
    await turns()
    expect([first.seen.begun, second.seen.begun, other.seen.begun]).toEqual([true, false, true])
    first.end()
    await answers[0]
    await turns()
    expect(second.seen.begun).toBe(true)
    for (const one of [second, other]) one.end()
    expect(await Promise.all(answers)).toEqual(['done', 'done', 'done'])
  })

  it('do not pile up: the fifth at once is refused, and there is room again when one has ended, well or not', async () => {
    const { oneByOne } = createLimits()
    const all = Array.from({ length: 4 }, work)
    const answers = all.map(({ run }) => oneByOne('agt_1', run))
    const refused = { status: 'resource_exhausted', reason: 'too_many_submissions' }
    await expect(oneByOne('agt_1', work().run)).rejects.toMatchObject(refused)
    for (const { end } of all) end()
    await Promise.all(answers)
    for (let at = 0; at < 5; at++)
      await expect(oneByOne('agt_1', () => Promise.reject(new Error('broken')))).rejects.toThrow('broken')
    expect(await oneByOne('agt_1', async () => 'again')).toBe('again')
  })
})
