import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { derElements } from './der.ts'

/** X.690 §8.1.3: definite lengths, the shortest form. */
function sequence(content: Uint8Array): Buffer {
  const { length } = content
  const bytes =
    length < 256
      ? [length]
      : length < 65_536
        ? [length >> 8, length & 255]
        : [length >> 16, (length >> 8) & 255, length & 255]
  return Buffer.from([0x30, ...(length < 128 ? [length] : [0x80 + bytes.length, ...bytes]), ...content])
}
const content = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc.constantFrom(127, 128, 255, 256, 65_535, 65_536).map((length) => new Uint8Array(length)),
)

describe('certificates that stand one after the other', () => {
  it('are given back as they were', () => {
    fc.assert(
      fc.property(fc.array(content, { maxLength: 6 }), (all) => {
        const elements = all.map(sequence)
        expect(derElements(Buffer.concat(elements)).map((one) => Buffer.from(one))).toEqual(elements)
      }),
    )
  })

  it('are refused when a part is missing, or is something else', () => {
    fc.assert(
      fc.property(content, fc.nat(), (one, cut) => {
        const whole = sequence(one)
        const part = whole.subarray(0, 1 + (cut % Math.max(1, whole.length - 1)))
        if (part.length < whole.length) expect(() => derElements(part)).toThrow('not DER')
      }),
    )
    for (const bad of [
      [0x31, 0],
      [0x30, 0x80],
      [0x30, 0x84, 0, 0, 0, 0],
      [0x30, 0x81],
      [0x30, 0x82, 1],
    ])
      expect(() => derElements(new Uint8Array(bad))).toThrow('not DER')
  })
})
