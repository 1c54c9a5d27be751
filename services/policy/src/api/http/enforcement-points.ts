/**
 * Who asks: an enforcement point, by the X.509-SVID of its connection or by a JWT-SVID in `authorization`. What was verified
 * is remembered for a minute at most, for exactly this connection or exactly these bytes.
 */
import type { IncomingMessage } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { CredenceError, forbidden, unauthenticated } from '@credence/contracts/errors'
import type { Roles } from '@credence/shared/callers/roles'
import type { Clock } from '@credence/shared/clock'
import type { TrustBundle } from '@credence/shared/spiffe/bundle'
import { verifyJwtSvid } from '@credence/shared/spiffe/jwt-svid'
import { peerChain } from '@credence/shared/spiffe/peer-chain'
import { verifyX509Svid } from '@credence/shared/spiffe/x509-svid'

/** Its SPIFFE ID. */
export type EnforcementPoint = string

export type EnforcementPoints = {
  /**
   * At once when it is known, and later when a token has to be verified.
   * @throws CredenceError `unauthenticated`; `permission_denied` without the role; `unavailable` when no bundle can be had
   */
  of(request: IncomingMessage, authorization: string | undefined): EnforcementPoint | Promise<EnforcementPoint>
}

export type Trust = {
  /** The authorities of X.509-SVIDs of our trust domain. */
  x509(): TrustBundle
  /** The authorities of JWT-SVIDs; asks for them when this key (`kid`) is not known yet. @throws CredenceError `unavailable` */
  jwt(keyId: string): Promise<TrustBundle>
}

type Verified = { id: EnforcementPoint; until: number }

const REMEMBERED_MS = 60_000
const MOST_TOKENS = 10_000
const MAX_TOKEN = 4_096
const BEARER = /^bearer +([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)$/i

export function createEnforcementPoints(parts: {
  trust: Trust
  roles: Roles
  /** What a JWT-SVID must name, and nothing else: the base URL of this decision point. */
  audience: string
  /** True for an agent that was stopped: its SVIDs count no more. */
  isStopped(id: string): boolean
  clock: Clock
}): EnforcementPoints {
  const { trust, roles, audience, isStopped, clock } = parts
  const byConnection = new WeakMap<TLSSocket, Verified>()
  const byToken = new Map<string, Verified>()

  const admitted = (id: string, expiresAt: Date, now: Date): Verified => {
    if (!roles.ofWorkload(id).has('enforcement-point'))
      throw forbidden('role_missing', 'This is for enforcement points: the roles file gives that role.')
    return { id, until: Math.min(expiresAt.getTime(), now.getTime() + REMEMBERED_MS) }
  }
  const alive = ({ id }: Verified): EnforcementPoint => {
    if (isStopped(id)) throw unauthenticated('caller_stopped', 'The agent of this SVID is not at work any more.')
    return id
  }
  const byCertificate = (socket: TLSSocket): EnforcementPoint => {
    const now = clock()
    let verified = byConnection.get(socket)
    if (!verified || verified.until <= now.getTime()) {
      const chain = peerChain(socket)
      if (chain.length === 0)
        throw unauthenticated('no_credential', 'Show a client certificate, or a JWT-SVID as bearer token.')
      if (!socket.authorized)
        throw unauthenticated('x509_svid_untrusted', 'The client certificate is not trusted here.')
      const { id, expiresAt } = verifyX509Svid(chain, trust.x509(), { now })
      verified = admitted(id.id, expiresAt, now)
      byConnection.set(socket, verified)
    }
    return alive(verified)
  }
  const byBearer = async (authorization: string): Promise<EnforcementPoint> => {
    const token = authorization.length <= MAX_TOKEN ? BEARER.exec(authorization)?.[1] : undefined
    if (!token) throw unauthenticated('invalid_token', 'authorization: must be "Bearer" and a JWT-SVID.')
    const now = clock()
    const { id, expiresAt } = await verifyJwtSvid(token, await trust.jwt(keyIdOf(token)), { audience, now })
    const verified = admitted(id.id, expiresAt, now)
    const [oldest] = byToken.size >= MOST_TOKENS ? byToken.keys() : []
    if (oldest !== undefined) byToken.delete(oldest)
    byToken.set(authorization, verified)
    return alive(verified)
  }
  return {
    of: (request, authorization) => {
      if (authorization === undefined) return byCertificate(request.socket as TLSSocket)
      const verified = byToken.get(authorization)
      if (verified && verified.until > clock().getTime()) return alive(verified)
      if (verified) byToken.delete(authorization)
      return byBearer(authorization)
    },
  }
}

/** Only a hint as to whether our bundle is old. */
function keyIdOf(token: string): string {
  try {
    const header: unknown = JSON.parse(Buffer.from(token.slice(0, token.indexOf('.')), 'base64url').toString())
    const { kid } = header as { kid?: unknown }
    return typeof kid === 'string' ? kid : ''
  } catch (cause) {
    throw new CredenceError('unauthenticated', 'jwt_svid_malformed', 'The bearer token is no JWT.', [], cause)
  }
}
