import { describe, expect, it } from 'vitest'
import { showProgress } from './progress.ts'

function terminal(isTTY: boolean) {
  const written: string[] = []
  let now = 1_000
  const progress = showProgress({ isTTY, write: (text) => written.push(text) }, () => now)
  const pass = (ms: number) => {
    now += ms
  }
  return { written, progress, pass }
}
const GB = 1e9

describe('progress', () => {
  it('says how far it is, how fast, and how long it takes, ten times a second at most', () => {
    const { written, progress, pass } = terminal(true)
    pass(1_000)
    progress.show({ doneBytes: GB, totalBytes: 4 * GB, path: '/models/weights.safetensors' })
    progress.show({ doneBytes: 1.1 * GB, totalBytes: 4 * GB, path: '/models/weights.safetensors' })
    pass(1_000)
    progress.show({ doneBytes: 2 * GB, totalBytes: 4 * GB, path: '/models/\u001b[2Jevil' })
    progress.end()
    expect(written).toEqual([
      '\r\x1b[2Kmeasuring 25 % of 4.0 GB, 1000 MB/s, 3 s left: weights.safetensors',
      '\r\x1b[2Kmeasuring 50 % of 4.0 GB, 1000 MB/s, 2 s left: \\u{1b}[2Jevil',
      '\r\x1b[2K',
    ])
  })

  it('says nothing where nobody looks, or when it is over at once', () => {
    const { written, progress } = terminal(false)
    progress.show({ doneBytes: 1, totalBytes: 4 * GB, path: 'a' })
    progress.end()
    expect(written).toEqual([])
    const small = terminal(true)
    small.progress.show({ doneBytes: 1, totalBytes: 1_000, path: 'a' })
    small.progress.end()
    expect(small.written).toEqual([])
  })
})
