/** The key set of a cluster (RFC 7517), as its API server gives it at `/openid/v1/jwks` and its anchor keeps it. */
import { readExactJson } from '@credence/contracts/attestation/exact-json'
import { createLocalJWKSet, type JSONWebKeySet } from 'jose'
import { z } from 'zod'

const MAX_BYTES = 96 * 1024
const MAX_REMEMBERED = 64
const MIN_RSA_BITS = 2048

const Base64url = z.string().regex(/^[\w-]+$/)
const common = { kid: z.string().min(1).max(256), alg: z.string().optional(), use: z.string().optional() }
/** RFC 7518 §6. What is private there is refused, not passed over: somebody has put it where all can read it. */
const isPublic = (key: object): boolean =>
  !['d', 'p', 'q', 'dp', 'dq', 'qi', 'k'].some((name) => Object.hasOwn(key, name))
const Key = z.discriminatedUnion('kty', [
  z.looseObject({ kty: z.literal('RSA'), n: Base64url, e: Base64url, ...common }).refine(isPublic),
  z.looseObject({ kty: z.literal('EC'), crv: z.string(), x: Base64url, y: Base64url, ...common }).refine(isPublic),
])
const KeySet = z
  .object({ keys: z.array(Key).min(1).max(64) })
  .refine(({ keys }) => new Set(keys.map(({ kid }) => kid)).size === keys.length)

/** @returns undefined when the text is not a set of public keys, each with a name of its own. Throws nothing. */
export function readClusterKeys(text: string): JSONWebKeySet | undefined {
  const read = readExactJson(Buffer.from(text), { bytes: MAX_BYTES, depth: 4 })
  return KeySet.safeParse(read.value).data
}

export type ClusterKey = { isWeak: boolean; getKey: ReturnType<typeof createLocalJWKSet> }
export type ClusterKeys = (jwks: string) => ReadonlyMap<string, ClusterKey> | undefined

/** Reads key sets and remembers them: reading one takes as long as a signature check. */
export function createClusterKeys(): ClusterKeys {
  const remembered = new Map<string, ReadonlyMap<string, ClusterKey> | undefined>()
  return (jwks) => {
    if (!remembered.has(jwks)) {
      if (remembered.size >= MAX_REMEMBERED) remembered.clear()
      remembered.set(jwks, byName(jwks))
    }
    return remembered.get(jwks)
  }
}

function byName(jwks: string): ReadonlyMap<string, ClusterKey> | undefined {
  const set = readClusterKeys(jwks)
  if (!set) return undefined
  return new Map(
    set.keys.map((key) => [
      key.kid ?? '',
      {
        isWeak: key.kty === 'RSA' && Buffer.from(key.n ?? '', 'base64url').byteLength * 8 < MIN_RSA_BITS,
        getKey: createLocalJWKSet({ keys: [key] }),
      },
    ]),
  )
}
