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
  const ranges = [...locations].flatMap(({ name, trusted, ranges: texts }) => {
    const located: Located = { name, trusted }
    return texts.flatMap((text) => {
      const range = parseRange(text)
      return range ? [{ ...range, located }] : []
    })
  })
  ranges.sort((a, b) => b.prefix - a.prefix || Number(a.located.trusted) - Number(b.located.trusted))
  const four = ranges.flatMap(({ address, prefix, family, located }) => {
    const base = family === 'ipv4' ? ipv4Number(address) : undefined
    if (base === undefined) return []
    const size = 2 ** (32 - prefix)
    const first = base - (base % size)
    return [{ first, last: first + size - 1, located }]
  })
  const six = ranges.flatMap(({ address, prefix, family, located }) => {
    if (family !== 'ipv6') return []
    const list = new BlockList()
    list.addSubnet(address, prefix, family)
    return [{ list, located }]
  })
  return (text) => {
    // Most addresses: numbers are compared, which costs a tenth of what asking a list does.
    const number = ipv4Number(text.includes(':') && isIPv6(text) ? unmapped(text) : text)
    if (number !== undefined) {
      for (const { first, last, located } of four) if (first <= number && number <= last) return located
      return UNKNOWN
    }
    return (isIPv6(text) && six.find(({ list }) => list.check(text, 'ipv6'))?.located) || UNKNOWN
  }
}

/** As `isIPv4` takes it: four numbers below 256 without leading zeros. */
function ipv4Number(text: string): number | undefined {
  let number = 0
  let part = -1
  let dots = 0
  for (let at = 0; at < text.length; at++) {
    const digit = text.charCodeAt(at) - 48
    if (digit === DOT && part >= 0) {
      number = number * 256 + part
      part = -1
      dots++
    } else if (digit >= 0 && digit <= 9 && part !== 0) {
      part = part < 0 ? digit : part * 10 + digit
      if (part > 255) return undefined
    } else return undefined
  }
  return dots === 3 && part >= 0 ? number * 256 + part : undefined
}

const DOT = '.'.charCodeAt(0) - 48
