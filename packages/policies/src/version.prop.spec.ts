import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { partsOf, versionOf } from './version.ts'

describe('the parts of a text', () => {
  const line = fc.oneof(fc.string({ unit: 'binary', maxLength: 30_000 }), fc.string({ maxLength: 200 }))
  it('give it again when they are joined, and each fits into an event', () => {
    fc.assert(
      fc.property(fc.array(line, { maxLength: 20 }), (lines) => {
        const text = lines.join('\n').toWellFormed()
        const parts = partsOf(text)
        expect(parts.join('')).toBe(text)
        for (const part of parts) {
          expect(part.isWellFormed()).toBe(true)
          expect(Buffer.byteLength(JSON.stringify(part))).toBeLessThan(50_000)
        }
      }),
      { numRuns: 60 },
    )
  })
  it('are none for nothing', () => expect(partsOf('')).toEqual([]))
})

describe('a version', () => {
  it('is another one when policies or schema are', () => {
    const versions = [
      versionOf({ policies: 'a', schema: 'b' }),
      versionOf({ policies: 'a', schema: '' }),
      versionOf({ policies: 'ab', schema: '' }),
      versionOf({ policies: '', schema: 'ab' }),
    ]
    expect(new Set(versions).size).toBe(4)
    expect(versionOf({ policies: 'a', schema: 'b' })).toBe(versions[0])
  })
})
