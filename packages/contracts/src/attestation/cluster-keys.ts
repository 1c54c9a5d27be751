/** The key set of a Kubernetes cluster (RFC 7517), as its API server gives it at `/openid/v1/jwks` and its anchor keeps it. */
import { z } from 'zod'
import { readExactJson } from './exact-json.ts'

const MAX_BYTES = 96 * 1024
const Base64url = z.string().regex(/^[\w-]+$/)
const common = { kid: z.string().min(1).max(256), alg: z.string().optional(), use: z.string().optional() }
/** What is private in a key (RFC 7518 §6.2.2, §6.3.2, §6.4.1): refused, for an anchor is read by everybody. */
const PRIVATE = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']
const isPublic = (key: object): boolean => !PRIVATE.some((name) => Object.hasOwn(key, name))

/** API servers sign with RSA or EC keys, and name them. */
const Key = z.discriminatedUnion('kty', [
  z.looseObject({ kty: z.literal('RSA'), n: Base64url, e: Base64url, ...common }).refine(isPublic),
  z.looseObject({ kty: z.literal('EC'), crv: z.string(), x: Base64url, y: Base64url, ...common }).refine(isPublic),
])
const KeySet = z
  .object({ keys: z.array(Key).min(1).max(64) })
  .refine(({ keys }) => new Set(keys.map(({ kid }) => kid)).size === keys.length)

export type ClusterKeySet = z.infer<typeof KeySet>

/** @returns undefined when the text is not a set of public keys, each with a name of its own. Throws nothing. */
export const readClusterKeys = (text: string): ClusterKeySet | undefined =>
  KeySet.safeParse(readExactJson(Buffer.from(text), { bytes: MAX_BYTES, depth: 4 }).value).data
