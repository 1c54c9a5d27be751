/** Law 4: authority only narrows. What a grant holds ⊆ asked, ⊆ delegation, ⊆ ceiling. */
import { type AuthorizationDetail, isNarrower, permits } from '@credence/contracts/authority'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { cutGrant } from './opening.ts'

const some = <T>(...values: T[]) => fc.subarray(values, { minLength: 1 })
const actions = some('calendar.book', 'calendar.read', 'calendar.*', 'mail.send', 'mail.*', 'calendar.room.book')
const resources = some('Event::1', 'Event::12', 'Event::1*', 'Event::*', 'File::team/a', 'File::team/*', 'File::*')
const locations = some('https://a.example', 'https://b.example', 'https://a.example/x')

const details = fc.array(fc.record({ type: fc.constant('agent_permission' as const), locations, actions, resources }), {
  minLength: 1,
  maxLength: 3,
}) as fc.Arbitrary<AuthorizationDetail[]>

const acts = fc.record({
  location: fc.constantFrom('https://a.example', 'https://b.example', 'https://a.example/x'),
  action: fc.constantFrom('calendar.book', 'calendar.read', 'calendar.room.book', 'mail.send', 'mail.read'),
  resource: fc.constantFrom('Event::1', 'Event::12', 'Event::2', 'File::team/a', 'File::team/b', 'File::x'),
})

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
    { numRuns: 500 },
  )
})

it('what is not granted whole is named as dropped', () => {
  fc.assert(
    fc.property(details, details, details, (asked, delegation, ceiling) => {
      const { given, dropped } = cutGrant(asked, delegation, ceiling)
      if (dropped.length === 0) expect(isNarrower(asked, given)).toBe(true)
      for (const part of dropped) expect(isNarrower([part.detail], given)).toBe(false)
    }),
  )
})
