/**
 * Who the client of a request is, as far as it is found out before the engine sees the request: by an X.509-SVID on the
 * connection (RFC 8705 §2; draft-ietf-oauth-spiffe-client-auth, "spiffe_x509") or a JWT-SVID as its assertion
 * ("spiffe_jwt", which the engine does not know). It is remembered by the request object itself, which nobody outside
 * can make. What it may do is not decided here: the engine looks the client up as it always does.
 */
import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { CredenceError } from '@credence/contracts/errors'
import type { Clock } from '@credence/shared/clock'
import type { TrustBundle } from '@credence/shared/spiffe/bundle'
import { verifyJwtSvid } from '@credence/shared/spiffe/jwt-svid'
import { peerChain } from '@credence/shared/spiffe/peer-chain'
import { verifyX509Svid } from '@credence/shared/spiffe/x509-svid'
import { errors } from 'oidc-provider'
import type { Replay } from '../context.ts'
import { Refused } from './refusals.ts'

const JWT_SPIFFE = 'urn:ietf:params:oauth:client-assertion-type:jwt-spiffe'
const MAX_SECONDS = 300
const SKEW_SECONDS = 15

/** An X.509-SVID that was verified: the name in it and its thumbprint (`x5t#S256`, RFC 8705 §3.1). */
export type ClientCertificate = { client: string; thumbprint: string }
export type Proved = {
  /** Who authenticated by an SVID; undefined when the request does so in another way. */
  client?: string | undefined
  certificate?: ClientCertificate | undefined
}

const proved = new WeakMap<object, Proved>()
export const remember = (request: IncomingMessage, what: Proved): void => void proved.set(request, what)
export const provedClient = (request: object): string | undefined => proved.get(request)?.client
export const certificateOf = (request: object): ClientCertificate | undefined => proved.get(request)?.certificate

const authenticated = new WeakSet<object>()
/** Marks a request of the engine whose client has proved who it is, by whichever method. */
export const markAuthenticated = (ctx: object): void => void authenticated.add(ctx)
export const isAuthenticated = (ctx: object): boolean => authenticated.has(ctx)

export type SvidParts = {
  issuer: string
  /** Of our own trust domain, the only one whose workloads are clients. */
  bundle: () => TrustBundle
  replay: Replay
  clock: Clock
}

/**
 * Checks the SVIDs of a request. A JWT-SVID is taken out of the form, and `client_id` put in its place.
 * @throws Refused, or CredenceError `unavailable`
 */
export async function proveBySvid(
  parts: SvidParts,
  { headers, socket }: IncomingMessage,
  form: URLSearchParams,
): Promise<Proved> {
  const others = form.has('client_assertion') || form.has('client_secret') || headers.authorization !== undefined
  const otherwise = others || headers['oauth-client-attestation'] !== undefined
  const certificate = certificateIn(parts, socket as TLSSocket, otherwise)
  const types = form.getAll('client_assertion_type')
  if (types.length !== 1 || types[0] !== JWT_SPIFFE)
    return { certificate, client: otherwise ? undefined : certificate?.client }
  const [token, ...more] = form.getAll('client_assertion')
  if (!token || more.length > 0) throw new Refused('invalid_request', 'assertion_missing', 'client_assertion: send one')
  if (
    headers.authorization !== undefined ||
    headers['oauth-client-attestation'] !== undefined ||
    form.has('client_secret')
  )
    throw new Refused(
      'invalid_request',
      'two_methods',
      'client authentication must only be provided using one mechanism',
    )
  const client = await subjectOf(parts, token)
  if (form.has('client_id') && form.getAll('client_id').some((name) => name !== client))
    throw new Refused('invalid_request', 'client_id_mismatch', 'client_id: is not the subject of the JWT-SVID')
  form.delete('client_assertion')
  form.delete('client_assertion_type')
  form.set('client_id', client)
  return { client, certificate }
}

/** @returns the name in a JWT-SVID for us alone, the first time that it comes */
async function subjectOf({ issuer, bundle, replay, clock }: SvidParts, token: string): Promise<string> {
  const now = clock()
  const svid = await verifyJwtSvid(token, bundle(), { audience: issuer, now }).catch((error) => {
    throw notAuthenticated(error)
  })
  if (svid.expiresAt.getTime() > now.getTime() + (MAX_SECONDS + SKEW_SECONDS) * 1000)
    throw notAuthenticated(new CredenceError('unauthenticated', 'assertion_too_long', 'It lives too long.'))
  const id = svid.jti ?? createHash('sha256').update(token).digest('base64url')
  if (!(await replay.first('assertion', svid.id.id, id)))
    throw notAuthenticated(new CredenceError('unauthenticated', 'assertion_replayed', 'It was used before.'))
  return svid.id.id
}

/** A certificate that is no SVID of ours refuses the request, unless another method authenticates it. */
function certificateIn({ bundle, clock }: SvidParts, socket: TLSSocket, otherwise: boolean) {
  const chain = peerChain(socket)
  const [leaf] = chain
  if (!leaf) return undefined
  try {
    const { id } = verifyX509Svid(chain, bundle(), { now: clock() })
    return { client: id.id, thumbprint: createHash('sha256').update(leaf).digest('base64url') }
  } catch (error) {
    if (otherwise) return undefined
    throw notAuthenticated(error)
  }
}

function notAuthenticated(error: unknown): Error {
  if (!(error instanceof CredenceError) || error.status === 'unavailable') return error as Error
  return Object.assign(new errors.InvalidClientAuth(error.message), { reason: error.reason })
}
