/** Arbitrary authorization details, with limits and without, and arbitrary acts that they may or may not permit. */
import { type Act, type AuthorizationDetail, AuthorizationDetail as Schema } from '@credence/contracts/authority'
import type { Limits } from '@credence/contracts/limits'
import fc from 'fast-check'
import { hours } from './facts.ts'

const some = <T>(...values: T[]) => fc.subarray(values, { minLength: 1, maxLength: Math.min(3, values.length) })
const maybe = <T>(one: fc.Arbitrary<T>) => fc.option(one, { nil: undefined, freq: 2 })

export const LOCATIONS = ['https://a.example', 'https://b.example']
const ACTIONS = ['crm.read', 'crm.write', 'crm.*', 'crm.deep.read', 'crm.deep.*', 'mail.send', 'mail.*']
const RESOURCES = ['Customer::1', 'Customer::12', 'Customer::1*', 'Customer::*', 'Mail::1', 'Mail::*']
const PATTERNS = ['anna@x.example', '*@x.example', '*.example', 'an*', 'anna*', 'bob@*']

const amount = fc.record({
  currency: fc.constantFrom('EUR', 'EUR', 'USD'),
  value: fc.constantFrom('0', '5', '10', '10.00', '10.01', '420.5'),
})
const window = fc.constantFrom([0, 1], [0, 2], [1, 2], [1, 3], [2, 3]).map(([from = 0, until = 0]) => ({
  from: hours(from),
  until: hours(until),
}))
const patterns = fc.array(
  fc.record({ argument: fc.constantFrom('recipient', 'room'), pattern: fc.constantFrom(...PATTERNS) }),
  { maxLength: 2 },
)

export const limits: fc.Arbitrary<Limits | undefined> = fc.record({
  amount: maybe(amount),
  count: maybe(fc.integer({ min: 1, max: 4 })),
  patterns,
  window: maybe(window),
  total: maybe(amount),
})

/** Only what the schema takes: limits that say nothing, or that nothing could fit, are left out. */
export const detail: fc.Arbitrary<AuthorizationDetail> = fc
  .record({
    type: fc.constant('agent_permission' as const),
    locations: some(...LOCATIONS),
    actions: some(...ACTIONS),
    resources: some(...RESOURCES),
    limits: maybe(limits),
  })
  .map((one) => {
    const { limits: _, ...unlimited } = one
    const parsed = Schema.safeParse(JSON.parse(JSON.stringify(one)))
    return parsed.success ? parsed.data : unlimited
  })

export const details = fc.array(detail, { minLength: 1, maxLength: 3 })

export const act: fc.Arbitrary<Act> = fc.record(
  {
    location: fc.constantFrom(...LOCATIONS),
    action: fc.constantFrom('crm.read', 'crm.write', 'crm.deep.read', 'mail.send', 'mail.read'),
    resource: fc.constantFrom('Customer::1', 'Customer::12', 'Customer::2', 'Mail::1', 'Mail::2'),
    amount,
    used: fc.record({ count: fc.integer({ min: 0, max: 4 }), total: fc.constantFrom('0', '5', '10') }),
    arguments: fc.record(
      {
        recipient: fc.constantFrom('anna@x.example', 'bob@x.example', 'ann@y.example'),
        room: fc.constant('anna@x.example'),
      },
      { requiredKeys: ['recipient'] },
    ),
    now: fc.constantFrom(0, 0.5, 1, 1.5, 2, 2.5, 3).map((hour) => new Date(hours(hour))),
  },
  { requiredKeys: ['location', 'action', 'resource'] },
)
