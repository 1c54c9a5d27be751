/**
 * How many requests a client may send: a bucket for each name that a client gives itself, for each address that gives
 * it, and one for all unknown names of an address. So a flood in the name of one agent neither slows another nor keeps
 * that agent itself, which calls from elsewhere, from its tokens.
 */
import type { IncomingMessage } from 'node:http'
import { isIPv6 } from 'node:net'
import { errors, type KoaContextWithOIDC } from 'oidc-provider'
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'

/** A burst may be this many seconds' worth of requests. */
const BURST_SECONDS = 4

export type Limits = {
  /** @returns seconds to wait when this is too much; undefined when it is not */
  tooMany(...key: string[]): Promise<number | undefined>
}

/** @param perSecond requests a second that one client may send, on average */
export function createLimits(perSecond: number): Limits {
  const buckets = new RateLimiterMemory({ points: perSecond * BURST_SECONDS, duration: BURST_SECONDS })
  return {
    tooMany: async (...key) => {
      try {
        await buckets.consume(JSON.stringify(key))
        return undefined
      } catch (refused) {
        if (refused instanceof RateLimiterRes) return Math.max(1, Math.ceil(refused.msBeforeNext / 1000))
        throw refused
      }
    },
  }
}

export const TOO_MANY = 'Too many requests: wait as Retry-After says.'

/** @throws an OAuth error (RFC 6585 §4: 429 with Retry-After) when the authenticated client sends more than it may */
export async function withinLimit(limits: Limits, ctx: KoaContextWithOIDC): Promise<void> {
  const seconds = await limits.tooMany('client', ctx.oidc.client?.clientId ?? '')
  if (seconds === undefined) return
  ctx.set('retry-after', String(seconds))
  const error = new errors.CustomOIDCProviderError('temporarily_unavailable', TOO_MANY)
  throw Object.assign(error, { status: 429, statusCode: 429, reason: 'rate_limited' })
}

/** Where a request comes from; of IPv6 the network, for a host has many addresses in it (RFC 4291 §2.5.4). */
export function sourceOf({ socket }: IncomingMessage): string {
  const address = socket.remoteAddress ?? ''
  return isIPv6(address) && !address.startsWith('::ffff:') ? address.split(':').slice(0, 4).join(':') : address
}
