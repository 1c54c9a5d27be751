/**
 * Who the client of a request is, when it is known before the engine sees the request: by an X.509-SVID on the
 * connection (RFC 8705 §2) or a JWT-SVID as its assertion (draft-ietf-oauth-spiffe-client-auth). It is remembered by
 * the request object itself, which nobody outside can make.
 */
import type { IncomingMessage } from 'node:http'

export type Proved = {
  client: string
  by: 'x509-svid' | 'jwt-svid'
}

const proved = new WeakMap<object, Proved>()

export const remember = (request: IncomingMessage, what: Proved): void => void proved.set(request, what)
export const provedBefore = (request: object): Proved | undefined => proved.get(request)

const proving = new WeakSet<object>()
/** Marks a request of the engine whose client has proved who it is, by whichever method. */
export const markAuthenticated = (ctx: object): void => void proving.add(ctx)
export const isAuthenticated = (ctx: object): boolean => proving.has(ctx)
