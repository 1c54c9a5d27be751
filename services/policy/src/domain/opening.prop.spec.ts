/** Law 4: authority only narrows. What a grant holds ⊆ asked, ⊆ delegation, ⊆ ceiling. */
import { isNarrower, permits } from '@credence/contracts/authority'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { act as acts, details } from '../../../../infra/testing/authorities.ts'
import { cutGrant } from './opening.ts'

it('a grant is narrower than what was asked, than the delegation and than the ceiling', () => {
  fc.assert(
    fc.property(details, details, details, (asked, delegation, ceiling) => {
      const { given } = cutGrant(asked, delegation, ceiling)
      for (const above of [asked, delegation, ceiling]) expect(isNarrower(given, above)).toBe(true)
    }),
  )
})

it('a grant permits an act only if each of the three does, and permits every act that each of the three does', () => {
  fc.assert(
    fc.property(details, details, details, acts, (asked, delegation, ceiling, act) => {
      const { given } = cutGrant(asked, delegation, ceiling)
      expect(permits(given, act)).toBe([asked, delegation, ceiling].every((above) => permits(above, act)))
    }),
    { numRuns: 5_000 },
  )
})

it('what is not granted whole is named as dropped', () => {
  fc.assert(
    fc.property(details, details, details, (asked, delegation, ceiling) => {
      const { given, dropped } = cutGrant(asked, delegation, ceiling)
      if (dropped.length === 0) expect(isNarrower(asked, given)).toBe(true)
      for (const part of dropped) {
        expect(asked).toContain(part.detail)
        expect(isNarrower([part.detail], given)).toBe(false)
      }
    }),
  )
})
