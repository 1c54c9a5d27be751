/**
 * The one way out to URLs that others name: issuers’ metadata and keys. Only https, no redirects, and only to addresses
 * of the public Internet, unless the configuration allows others. The address is checked where the connection is made,
 * on what the name resolved to then, so that a name which changes its mind (DNS rebinding) gains nothing.
 */
import { type LookupAddress, type LookupOptions, lookup as systemLookup } from 'node:dns'
import { BlockList, isIP } from 'node:net'
import { CredenceError, forbidden, unavailable } from '@credence/contracts/errors'
import { Agent, buildConnector, fetch as undiciFetch } from 'undici'
import { messageOf } from '../log.ts'

export type Egress = (url: string | URL, init?: RequestInit) => Promise<Response>

/** Special-purpose IPv4 networks (RFC 6890 and the IANA registry); IPv4 in IPv6 clothes is judged as IPv4. */
const SPECIAL_V4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.31.196.0/24',
  '192.52.193.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '192.175.48.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
]
/** Of IPv6 only what is given out for the public Internet (2000::/3), and not what tunnels or documents in there. */
const PUBLIC_V6 = ['2000::/3']
const SPECIAL_V6 = ['2001::/23', '2001:db8::/32', '2002::/16', '2620:4f:8000::/48', '3fff::/20']

const MAX_BYTES = 512 * 1024
const WITHIN_MS = 3_000

export type Lookup = (
  hostname: string,
  options: LookupOptions & { all: true },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void

/**
 * @param options.allow networks (CIDR) that may be reached besides the public Internet
 * @param options.lookup how names are resolved; the system’s way unless said
 * @returns a `fetch` whose answers are whole and at most 512 KiB
 */
export function createEgress(options: { allow: readonly string[]; lookup?: Lookup }): Egress {
  const isAllowed = addressRule(options.allow)
  const resolve = options.lookup ?? (systemLookup as Lookup)
  const connect = buildConnector({
    timeout: WITHIN_MS,
    lookup: (hostname: string, wanted: LookupOptions, callback: (...found: unknown[]) => void) =>
      resolve(hostname, { ...wanted, all: true }, (error, addresses) => {
        if (error) return callback(error)
        const allowed = addresses.filter(({ address }) => isAllowed(address))
        const [first] = allowed
        if (!first) return callback(refused(hostname))
        return wanted.all ? callback(null, allowed) : callback(null, first.address, first.family)
      }),
  } as buildConnector.BuildOptions)
  const dispatcher = new Agent({
    headersTimeout: WITHIN_MS,
    bodyTimeout: WITHIN_MS,
    maxHeaderSize: 16 * 1024,
    connect: (target, callback) => {
      // An address in the URL is not looked up, so it is judged here.
      const host = target.hostname.replace(/^\[|\]$/g, '')
      if (isIP(host) && !isAllowed(host)) return callback(refused(host), null)
      connect(target, callback)
    },
  })
  return async (url, init = {}) => {
    const { protocol, hostname } = new URL(url)
    if (protocol !== 'https:') throw forbidden('egress_refused', `${hostname}: only https URLs are fetched.`)
    const signal = AbortSignal.any([AbortSignal.timeout(WITHIN_MS), ...(init.signal ? [init.signal] : [])])
    try {
      const sent = { ...init, redirect: 'error', signal, dispatcher } as unknown as Parameters<typeof undiciFetch>[1]
      return await whole(await undiciFetch(url, sent))
    } catch (error) {
      throw (
        reasonOf(error) ?? unavailable('egress_failed', `${hostname} cannot be reached: ${messageOf(error)}.`, error)
      )
    }
  }
}

/** @param allow networks in CIDR notation. @throws CredenceError `invalid_argument` when one is not */
export function addressRule(allow: readonly string[]): (address: string) => boolean {
  const allowed = networks(allow)
  const special = networks([...SPECIAL_V4, ...SPECIAL_V6])
  const publicV6 = networks(PUBLIC_V6)
  return (text) => {
    const address = plain(text)
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    if (isIP(address) === 0) return false
    if (allowed.check(address, family)) return true
    if (special.check(address, family)) return false
    return family === 'ipv4' || publicV6.check(address, family)
  }
}

/** IPv4-mapped IPv6 (RFC 4291 §2.5.5.2), in whichever spelling, as the IPv4 address that it is. */
function plain(address: string): string {
  if (isIP(address) !== 6) return address
  const [, high, low] =
    /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/.exec(new URL(`https://[${address.split('%')[0]}]`).hostname) ?? []
  if (high === undefined || low === undefined) return address.split('%')[0] ?? ''
  const bits = Number.parseInt(high, 16) * 65_536 + Number.parseInt(low, 16)
  return [bits >>> 24, (bits >>> 16) & 255, (bits >>> 8) & 255, bits & 255].join('.')
}

function networks(list: readonly string[]): BlockList {
  const block = new BlockList()
  for (const text of list) {
    const [address = '', prefix = ''] = text.split('/')
    const version = isIP(address)
    if (!version || !/^\d{1,3}$/.test(prefix) || Number(prefix) > (version === 6 ? 128 : 32))
      throw new CredenceError('invalid_argument', 'not_a_network', `"${text}" is not a network like 10.0.0.0/8.`)
    block.addSubnet(address, Number(prefix), version === 6 ? 'ipv6' : 'ipv4')
  }
  return block
}

const refused = (host: string): CredenceError =>
  forbidden(
    'egress_refused',
    `${host} is not on the public Internet. If it is yours, allow its network in CREDENCE_EGRESS_ALLOW.`,
  )

function reasonOf(error: unknown): CredenceError | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) if (cause instanceof CredenceError) return cause
  return undefined
}

/** The answer with its whole body, which is counted as it comes and after it was unpacked. */
async function whole(response: Awaited<ReturnType<typeof undiciFetch>>): Promise<Response> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength
    if (size > MAX_BYTES) throw unavailable('egress_too_large', `More than ${MAX_BYTES / 1024} KiB came.`)
    chunks.push(chunk)
  }
  const headers = [...response.headers].filter(([name]) => !/^content-(encoding|length)$/.test(name))
  const { status } = response
  return new Response(status === 204 || status === 304 ? null : Buffer.concat(chunks), { status, headers })
}
