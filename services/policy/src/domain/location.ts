/** Named networks, for conditions. */
import { BlockList, isIPv4, isIPv6, SocketAddress } from 'node:net'
import { invalid } from '@credence/contracts/errors'
import type { EventData, PolicyFact } from '@credence/contracts/events/catalog'
import { latest } from '@credence/contracts/events/latest'

export type Location = EventData<'credence.policy.location.defined.v1'>
export type LocationState = Location | undefined

export const locationEvolution = latest('credence.policy.location.defined.v1')

/** Names a network, or changes what the name means. Saying the same again changes nothing. */
export function defineLocation(state: LocationState, location: Location): PolicyFact[] {
  location.ranges.forEach((range, index) => {
    if (!parseRange(range))
      throw invalid(`ranges.${index}`, 'must be an IPv4 or IPv6 range like "10.0.0.0/8" or "2001:db8::/32"')
  })
  return JSON.stringify(state) === JSON.stringify(location)
    ? []
    : [{ type: 'credence.policy.location.defined.v1', data: location }]
}

type Range = { address: string; prefix: number; family: 'ipv4' | 'ipv6' }

function parseRange(text: string): Range | undefined {
  const [address = '', digits = '', ...rest] = text.split('/')
  if (rest.length > 0 || !/^\d{1,3}$/.test(digits)) return undefined
  const prefix = Number(digits)
  const mapped = isIPv6(address) && !address.includes('%') ? unmapped(address) : address
  if (mapped !== address && isIPv4(mapped) && prefix >= MAPPED_BITS && prefix <= 128)
    return { address: mapped, prefix: prefix - MAPPED_BITS, family: 'ipv4' }
  if (isIPv4(address) && prefix <= 32) return { address, prefix, family: 'ipv4' }
  if (isIPv6(address) && !address.includes('%') && prefix <= 128) return { address, prefix, family: 'ipv6' }
  return undefined
}

const MAPPED_BITS = 96

/** An IPv4-mapped IPv6 address (RFC 4291 §2.5.5.2), however it is spelt, as the IPv4 address that it is. */
function unmapped(ipv6: string): string {
  const { address } = new SocketAddress({ address: ipv6, family: 'ipv6' })
  const [, ipv4] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(address) ?? []
  return ipv4 ?? ipv6
}

export type Located = { name: string; trusted: boolean }

/** Where nothing fits: not trusted. */
export const UNKNOWN: Located = { name: 'unknown', trusted: false }

/** Finds the named location of an address; the narrowest range wins, and on a tie the untrusted one. */
export function createLocator(locations: Iterable<Location>): (address: string) => Located {
  const ranges = [...locations].flatMap(({ name, trusted, ranges: texts }) =>
    texts.flatMap((text) => {
      const range = parseRange(text)
      if (!range) return []
      const list = new BlockList()
      list.addSubnet(range.address, range.prefix, range.family)
      return [{ list, family: range.family, prefix: range.prefix, located: { name, trusted } }]
    }),
  )
  ranges.sort((a, b) => b.prefix - a.prefix || Number(a.located.trusted) - Number(b.located.trusted))
  return (text) => {
    const address = isIPv6(text) ? unmapped(text) : text
    const family = isIPv4(address) ? 'ipv4' : isIPv6(address) ? 'ipv6' : undefined
    const found = family && ranges.find((range) => range.family === family && range.list.check(address, family))
    return found ? found.located : UNKNOWN
  }
}
