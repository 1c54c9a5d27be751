/**
 * A projected service-account token, read and not yet believed: a compact JWS (RFC 7515 §3.1) whose claims are those that
 * Kubernetes gives a token that is bound to a pod (KEP-1205, KEP-4193). A token that lives in a Secret is refused.
 */
import { readExactJson } from '@credence/contracts/attestation/exact-json'
import { z } from 'zod'

export const MAX_TOKEN_BYTES = 16 * 1024

/** What an API server signs with: RSA keys give RS256, EC keys the algorithm of their curve. */
export const ALGORITHMS = ['RS256', 'ES256', 'ES384', 'ES512'] as const
export type Algorithm = (typeof ALGORITHMS)[number]

const Label = z.string().regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/)
const Subdomain = z.string().regex(/^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/)
const Uid = z.string().regex(/^[A-Za-z0-9-]{1,64}$/)
const Reference = z.object({ name: Subdomain, uid: Uid })
const Seconds = z.int().positive()
const Audience = z.string().min(1).max(512)

/** Nothing else: no key of its own (jwk, x5c), no address of one (jku, x5u), nothing that must be understood (crit). */
const Header = z.strictObject({
  alg: z.string().max(16),
  kid: z.string().min(1).max(256).optional(),
  typ: z.literal('JWT').optional(),
})

/** Kubernetes may add claims; those that are known have their form. */
const Claims = z.object({
  iss: z.string().min(1).max(512),
  sub: z.string().min(1).max(512),
  aud: z.union([Audience, z.array(Audience).min(1).max(8)]).transform((aud) => [aud].flat()),
  iat: Seconds,
  nbf: Seconds,
  exp: Seconds,
  jti: z.string().min(1).max(128).optional(),
  'kubernetes.io': z.object({
    namespace: Label,
    serviceaccount: Reference,
    pod: Reference.optional(),
    // Without a uid when the node was not known when the token was asked for.
    node: z.object({ name: Subdomain, uid: Uid.optional() }).optional(),
  }),
})

export type TokenClaims = Omit<z.infer<typeof Claims>, 'kubernetes.io'> & {
  namespace: string
  account: { name: string; uid: string }
  pod: { name: string; uid: string }
  node: { name: string; uid?: string | undefined } | undefined
}
export type Token = { text: string; algorithm: Algorithm; keyId: string; claims: TokenClaims }
export type Refused = { refused: string; detail?: string }

const malformed = (detail: string): Refused => ({ refused: 'evidence_malformed', detail })

/**
 * @param content the bytes of the token’s file; white space at its end is let go
 * @returns the token, or `evidence_too_large`, `evidence_malformed`, `algorithm_weak`, `key_unknown`, `token_legacy`,
 *   `pod_binding_missing`. Throws nothing.
 */
export function readToken(content: Uint8Array): Token | Refused {
  if (content.byteLength > MAX_TOKEN_BYTES) return { refused: 'evidence_too_large' }
  const text = Buffer.from(content).toString('latin1').trimEnd()
  if (!/^[\w-]+\.[\w-]+\.[\w-]*$/.test(text)) return malformed('is not a compact JWS')
  const [head = '', body = ''] = text.split('.')

  const header = part(head, Header)
  if (!header)
    return malformed('has a header with other members than alg, kid and typ, or one that is not read alike by all')
  const algorithm = ALGORITHMS.find((name) => name === header.alg)
  if (!algorithm) return { refused: 'algorithm_weak', detail: `is not signed by one of ${ALGORITHMS.join(', ')}` }
  if (header.kid === undefined) return { refused: 'key_unknown', detail: 'does not name its key' }

  const raw = json(body)
  if (isLegacy(raw)) return { refused: 'token_legacy' }
  const read = Claims.safeParse(raw)
  if (!read.success) return malformed(`has claims of another form: ${read.error.issues[0]?.path.join('.') || 'all'}`)
  const { 'kubernetes.io': bound, ...claims } = read.data
  const { namespace, serviceaccount: account, pod, node } = bound
  if (!pod) return { refused: 'pod_binding_missing' }
  if (claims.sub !== usernameOf({ namespace, account }))
    return malformed('has a subject that is not its service account')
  return { text, algorithm, keyId: header.kid, claims: { ...claims, namespace, account, pod, node } }
}

export const usernameOf = ({ namespace, account }: Pick<TokenClaims, 'namespace' | 'account'>): string =>
  `system:serviceaccount:${namespace}:${account.name}`

/** Of a Secret, made before Kubernetes 1.24: flat claims, no end, no audience, no pod. */
function isLegacy(claims: unknown): boolean {
  if (typeof claims !== 'object' || claims === null) return false
  const { iss } = claims as { iss?: unknown }
  return (
    iss === 'kubernetes/serviceaccount' ||
    Object.keys(claims).some((name) => name.startsWith('kubernetes.io/serviceaccount'))
  )
}

function json(base64url: string): unknown {
  return readExactJson(Buffer.from(base64url, 'base64url'), { bytes: MAX_TOKEN_BYTES, depth: 8 }).value
}

function part<T>(base64url: string, schema: z.ZodType<T>): T | undefined {
  return schema.safeParse(json(base64url)).data
}
