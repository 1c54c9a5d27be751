import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { evidenceBinding } from './binding.ts'
import { EVIDENCE_KINDS } from './kinds.ts'

const about = fc.record({
  kind: fc.constantFrom(...EVIDENCE_KINDS),
  nonce: fc.string({ maxLength: 64 }),
  keyThumbprint: fc.string({ maxLength: 64 }),
  audience: fc.string({ maxLength: 64, unit: 'grapheme' }),
})
const partsOf = ({ kind, nonce, keyThumbprint, audience }: Parameters<typeof evidenceBinding>[0]) =>
  JSON.stringify([kind, nonce, keyThumbprint, audience])

describe('what evidence is bound to', () => {
  it('is 32 bytes, the same for the same parts', () =>
    fc.assert(
      fc.property(about, (one) => {
        expect(evidenceBinding(one)).toEqual(evidenceBinding({ ...one }))
        expect(evidenceBinding(one).byteLength).toBe(32)
      }),
    ))

  it('is another one for any other parts', () =>
    fc.assert(
      fc.property(about, about, (one, two) => {
        fc.pre(partsOf(one) !== partsOf(two))
        expect(evidenceBinding(one).equals(evidenceBinding(two))).toBe(false)
      }),
    ))

  it('does not let text move from one part to the next: each has its length before it', () =>
    fc.assert(
      fc.property(about, fc.string({ minLength: 1, maxLength: 16 }), (one, moved) => {
        const early = { ...one, nonce: one.nonce + moved }
        const late = { ...one, keyThumbprint: moved + one.keyThumbprint }
        expect(evidenceBinding(early).equals(evidenceBinding(late))).toBe(false)
      }),
    ))
})
