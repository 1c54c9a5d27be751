import { describe, expect, it } from 'vitest'
import { createLocator, defineLocation, type Location, locationEvolution, UNKNOWN } from './location.ts'

const location = (name: string, trusted: boolean, ...ranges: string[]): Location => ({ name, trusted, ranges })
const office = location('office', true, '10.0.0.0/8', '2001:db8::/32')
const guests = location('guests', false, '10.1.0.0/16', '2001:db8:1::/48')
const desk = location('desk', true, '10.1.2.3/32')

describe('defining a location', () => {
  const given = (...facts: ReturnType<typeof defineLocation>) =>
    facts.reduce(locationEvolution.evolve, locationEvolution.initialState)

  it('names a network; saying it again changes nothing, saying something else does', () => {
    const defined = defineLocation(undefined, office)
    expect(defined).toEqual([{ type: 'credence.policy.location.defined.v1', data: office }])
    expect(defineLocation(given(...defined), office)).toEqual([])
    expect(defineLocation(given(...defined), { ...office, trusted: false })).toHaveLength(1)
  })

  for (const range of [
    '10.0.0.0',
    '10.0.0.0/33',
    '10.0.0/8',
    '010.0.0.0/8',
    '10.0.0.0/8/8',
    '10.0.0.0/-1',
    '10.0.0.0/ 8',
    '2001:db8::/129',
    'fe80::1%eth0/64',
    'acme.example/8',
    '',
  ])
    it(`refuses "${range}" and names the place`, () => {
      expect(() => defineLocation(undefined, location('lab', true, '192.0.2.0/24', range))).toThrow(
        expect.objectContaining({
          status: 'invalid_argument',
          violations: [expect.objectContaining({ field: 'ranges.1' })],
        }),
      )
    })
})

describe('finding the location of an address', () => {
  const locate = createLocator([office, guests, desk])

  for (const [address, name, trusted] of [
    ['10.9.9.9', 'office', true],
    ['10.1.9.9', 'guests', false],
    ['10.1.2.3', 'desk', true],
    ['2001:db8:2::1', 'office', true],
    ['2001:db8:1::1', 'guests', false],
    ['192.0.2.1', 'unknown', false],
    ['2001:db9::1', 'unknown', false],
    ['::ffff:10.1.2.3', 'desk', true],
    ['::FFFF:10.9.9.9', 'office', true],
    ['0:0:0:0:0:ffff:0a01:0909', 'guests', false],
    ['::ffff:c000:201', 'unknown', false],
    ['::10.1.2.3', 'unknown', false],
    ['', 'unknown', false],
    ['10.1.2.3.4', 'unknown', false],
  ] as const)
    it(`${address || 'nothing'} is ${name}`, () => {
      expect(locate(address)).toEqual({ name, trusted })
    })

  it('knows no place when none is named', () => {
    expect(createLocator([])('10.1.2.3')).toEqual(UNKNOWN)
  })

  it('does not depend on the order of the definitions', () => {
    const turned = createLocator([desk, guests, office])
    for (const address of ['10.9.9.9', '10.1.9.9', '10.1.2.3']) expect(turned(address)).toEqual(locate(address))
  })

  it('does not trust a range that has two names, one of them untrusted', () => {
    for (const order of [
      [location('a', true, '192.0.2.0/24'), location('b', false, '192.0.2.0/24')],
      [location('b', false, '192.0.2.0/24'), location('a', true, '192.0.2.0/24')],
    ])
      expect(createLocator(order)('192.0.2.9')).toEqual({ name: 'b', trusted: false })
  })

  it('reads a range of mapped addresses as the IPv4 range that it is', () => {
    expect(createLocator([location('lab', true, '::ffff:192.0.2.0/120')])('192.0.2.7').name).toBe('lab')
  })

  it('does not let an IPv6 range that happens to span mapped addresses name IPv4 ones', () => {
    expect(createLocator([location('everything', true, '::/0')])('192.0.2.7')).toEqual(UNKNOWN)
    expect(createLocator([location('everything', true, '0.0.0.0/0')])('2001:db8::1')).toEqual(UNKNOWN)
  })
})
