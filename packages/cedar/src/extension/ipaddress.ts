/** Cedar's ipaddr: one address of IPv4 or IPv6 with a prefix length; a range when the prefix is shorter than the address. */
import { Extension } from './extension.ts'

/** The address in 32-bit words, most significant first: one for IPv4, four for IPv6. */
export class IpAddress extends Extension {
  override readonly type = 'ipaddr'
  readonly words: readonly number[]
  readonly prefix: number

  constructor(words: readonly number[], prefix: number) {
    super()
    this.words = words
    this.prefix = prefix
  }

  override get key(): string {
    return `i${this.words.join('.')}/${this.prefix};`
  }
}

const MAX_LENGTH = 43 // "xxxx:xxxx:xxxx:xxxx:xxxx:xxxx:xxxx:xxxx/128"
const OCTET = /^(?:0|[1-9][0-9]{0,2})$/
const GROUP = /^[0-9a-fA-F]{1,4}$/

/** No leading zeros, no dotted tail in IPv6, no zone id; undefined for what is no address. */
export function parseIpAddress(text: string): IpAddress | undefined {
  if (text.length > MAX_LENGTH) return undefined
  const slash = text.indexOf('/')
  const address = slash < 0 ? text : text.slice(0, slash)
  const words = address.includes(':') ? parseIpv6(address) : parseIpv4(address)
  if (!words) return undefined
  const bits = words.length * 32
  if (slash < 0) return new IpAddress(words, bits)
  const prefix = text.slice(slash + 1)
  return OCTET.test(prefix) && Number(prefix) <= bits ? new IpAddress(words, Number(prefix)) : undefined
}

function parseIpv4(text: string): number[] | undefined {
  const octets = text.split('.')
  if (octets.length !== 4 || !octets.every((octet) => OCTET.test(octet) && Number(octet) <= 255)) return undefined
  return [octets.reduce((word, octet) => word * 256 + Number(octet), 0)]
}

function parseIpv6(text: string): number[] | undefined {
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const [head = [], tail] = halves.map((half) => (half === '' ? [] : half.split(':')))
  const given = head.length + (tail?.length ?? 0)
  // "::" stands for at least one group.
  if (tail ? given > 7 : given !== 8) return undefined
  const groups = [...head, ...Array<string>(8 - given).fill('0'), ...(tail ?? [])]
  if (!groups.every((group) => GROUP.test(group))) return undefined
  const numbers = groups.map((group) => Number.parseInt(group, 16))
  return [0, 2, 4, 6].map((at) => (numbers[at] ?? 0) * 65_536 + (numbers[at + 1] ?? 0))
}

export const isIpv4 = (address: IpAddress): boolean => address.words.length === 1
export const isIpv6 = (address: IpAddress): boolean => address.words.length === 4

/** Whether the whole range of the first lies in that of the second. IPv4 never lies in IPv6. */
export function isInRange(inner: IpAddress, outer: IpAddress): boolean {
  if (inner.words.length !== outer.words.length || inner.prefix < outer.prefix) return false
  for (let index = 0, bits = outer.prefix; bits > 0; index++, bits -= 32) {
    // A shift by 32 is no shift in JavaScript; here it is 0 to 31.
    const shift = bits >= 32 ? 0 : 32 - bits
    if ((inner.words[index] ?? 0) >>> shift !== (outer.words[index] ?? 0) >>> shift) return false
  }
  return true
}

const range = (text: string): IpAddress => parseIpAddress(text) as IpAddress
const LOOPBACK = { v4: range('127.0.0.0/8'), v6: range('::1/128') }
const MULTICAST = { v4: range('224.0.0.0/4'), v6: range('ff00::/8') }

/** Of the whole range: 127.0.0.1/7 is not loopback. */
export const isLoopback = (address: IpAddress): boolean =>
  isInRange(address, isIpv4(address) ? LOOPBACK.v4 : LOOPBACK.v6)

export const isMulticast = (address: IpAddress): boolean =>
  isInRange(address, isIpv4(address) ? MULTICAST.v4 : MULTICAST.v6)
