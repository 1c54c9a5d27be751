/** Locations as numbers, held against Node's own list of ranges. */
import { BlockList, isIPv4 } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createLocator } from './location.ts'

const address = fc.oneof(
  fc.ipV4(),
  fc
    .tuple(fc.constantFrom('10', '192.168', '10.7'), fc.ipV4())
    .map(([start, rest]) => `${start}.${rest}`.split('.').slice(0, 4).join('.')),
  fc
    .array(fc.constantFrom('0', '1', '01', '9', '255', '256', '300', '', ' 1', '1e1', '-1'), {
      minLength: 3,
      maxLength: 5,
    })
    .map((parts) => parts.join('.')),
)

describe('IPv4', () => {
  it('is found where a list of the one range has it', () => {
    fc.assert(
      fc.property(address, fc.ipV4(), fc.nat(32), (text, base, prefix) => {
        const list = new BlockList()
        list.addSubnet(base, prefix, 'ipv4')
        const located = createLocator([{ name: 'here', trusted: true, ranges: [`${base}/${prefix}`] }])(text)
        expect(located.name === 'here').toBe(isIPv4(text) && list.check(text, 'ipv4'))
      }),
      { numRuns: 5_000 },
    )
  })
})
