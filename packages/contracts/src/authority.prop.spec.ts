import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type AuthorizationDetail,
  dropped,
  intersect,
  isNarrower,
  permits,
  AuthorizationDetail as Schema,
} from './authority.ts'

const some = (...values: string[]) => fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength: 3 })
const LOCATIONS = ['https://a.example', 'https://b.example']
const ACTIONS = ['crm.read', 'crm.write', 'crm.*', 'crm.deep.read', 'crm.deep.*', 'mail.send', 'mail.*']
const RESOURCES = ['Customer::1', 'Customer::12', 'Customer::1*', 'Customer::*', 'Mail::1', 'Mail::*']
const detail: fc.Arbitrary<AuthorizationDetail> = fc.record({
  type: fc.constant('agent_permission' as const),
  locations: some(...LOCATIONS),
  actions: some(...ACTIONS),
  resources: some(...RESOURCES),
})
const details = fc.array(detail, { minLength: 1, maxLength: 3 })
const act = fc.record({
  location: fc.constantFrom(...LOCATIONS),
  action: fc.constantFrom('crm.read', 'crm.write', 'crm.deep.read', 'mail.send', 'mail.read'),
  resource: fc.constantFrom('Customer::1', 'Customer::12', 'Customer::2', 'Mail::1', 'Mail::2'),
})

describe('authority', () => {
  it('what two have in common is narrower than both', () => {
    fc.assert(
      fc.property(details, details, (a, b) => {
        const common = intersect(a, b)
        expect(isNarrower(common, a)).toBe(true)
        expect(isNarrower(common, b)).toBe(true)
      }),
    )
  })

  it('an act is permitted in common exactly when both permit it', () => {
    fc.assert(
      fc.property(details, details, act, (a, b, one) => {
        expect(permits(intersect(a, b), one)).toBe(permits(a, one) && permits(b, one))
      }),
      { numRuns: 500 },
    )
  })

  it('narrower is transitive, and never permits more', () => {
    fc.assert(
      fc.property(details, details, details, act, (a, b, c, one) => {
        const [child, parent] = [intersect(intersect(a, b), c), intersect(a, b)]
        expect(isNarrower(child, parent) && isNarrower(parent, a)).toBe(true)
        expect(isNarrower(child, a)).toBe(true)
        if (isNarrower(a, b) && permits(a, one)) expect(permits(b, one)).toBe(true)
      }),
      { numRuns: 500 },
    )
  })

  it('what has nothing in common is nothing, and nothing permits nothing', () => {
    fc.assert(
      fc.property(details, act, (a, one) => {
        expect(intersect(a, [])).toEqual([])
        expect(permits([], one)).toBe(false)
        expect(intersect(a, a).every((each) => isNarrower([each], a))).toBe(true)
        expect(isNarrower(a, intersect(a, a))).toBe(true)
      }),
    )
  })

  it('tells what was dropped: each asked object is inside what is given, or it is named', () => {
    fc.assert(
      fc.property(details, details, (asked, ceiling) => {
        const given = intersect(asked, ceiling)
        const named = dropped(asked, given, 'outside_ceiling').map(({ detail: one }) => one)
        for (const one of asked) expect(named.includes(one)).toBe(!isNarrower([one], given))
      }),
    )
  })
})

describe('the form of authority', () => {
  const base = {
    type: 'agent_permission',
    locations: ['https://a.example'],
    actions: ['crm.read'],
    resources: ['Customer::1'],
  }
  const refused: [name: string, part: object][] = [
    ['an unknown type', { type: 'other' }],
    ['an unknown member', { limit: 3 }],
    ['no action', { actions: [] }],
    ['no location', { locations: [] }],
    ['a bare star', { actions: ['*'] }],
    ['a star in the middle', { actions: ['crm.*.read'] }],
    ['a star in a word', { actions: ['crm.re*'] }],
    ['upper case', { actions: ['Crm.Read'] }],
    ['a newline', { actions: ['crm.read\n'] }],
    ['a resource without an id', { resources: ['Customer::'] }],
    ['a star for a type', { resources: ['*::1'] }],
    ['two stars', { resources: ['Customer::**'] }],
    ['http', { locations: ['http://a.example'] }],
    ['a query', { locations: ['https://a.example?x=1'] }],
    ['a user', { locations: ['https://u@a.example'] }],
  ]
  for (const [name, part] of refused)
    it(`refuses ${name}`, () => expect(Schema.safeParse({ ...base, ...part }).success).toBe(false))

  it('takes what is well-formed', () => expect(Schema.parse(base)).toEqual(base))

  it('covers by one object, never by the union of two', () => {
    const one = (action: string, resource: string) =>
      ({ ...base, actions: [action], resources: [resource] }) as AuthorizationDetail
    const parents = [one('crm.read', 'Customer::1'), one('crm.write', 'Customer::2')]
    expect(isNarrower([{ ...one('crm.read', 'Customer::1'), actions: ['crm.read', 'crm.write'] }], parents)).toBe(false)
    expect(isNarrower([one('crm.read', 'Customer::2')], parents)).toBe(false)
  })

  it('never permits a wildcard as an act', () => {
    const all = [{ ...base, actions: ['crm.*'], resources: ['Customer::*'] }] as AuthorizationDetail[]
    expect(permits(all, { location: 'https://a.example', action: 'crm.*', resource: 'Customer::1' })).toBe(false)
    expect(permits(all, { location: 'https://a.example', action: 'crm.read', resource: 'Customer::*' })).toBe(false)
  })
})
