/** The keys of clusters, ready to verify with. */
import { readClusterKeys } from '@credence/contracts/attestation/cluster-keys'
import { createLocalJWKSet, type JWK } from 'jose'

const MAX_REMEMBERED = 64
const MIN_RSA_BITS = 2048

export type ClusterKey = { isWeak: boolean; getKey: ReturnType<typeof createLocalJWKSet> }
/** By name (`kid`); undefined when the text is not a key set. */
export type ClusterKeys = (jwks: string) => ReadonlyMap<string, ClusterKey> | undefined

/** Reads key sets and remembers them: reading one takes as long as a signature check. */
export function createClusterKeys(): ClusterKeys {
  const remembered = new Map<string, ReturnType<ClusterKeys>>()
  return (jwks) => {
    if (!remembered.has(jwks)) {
      if (remembered.size >= MAX_REMEMBERED) remembered.clear()
      remembered.set(jwks, byName(jwks))
    }
    return remembered.get(jwks)
  }
}

function byName(jwks: string): ReturnType<ClusterKeys> {
  const set = readClusterKeys(jwks)
  return set && new Map(set.keys.map((key) => [key.kid, { isWeak: isWeak(key), getKey: keyOf(key) }]))
}

const keyOf = (key: object) => createLocalJWKSet({ keys: [key as JWK] })

const isWeak = (key: { kty: string; n?: unknown }): boolean =>
  key.kty === 'RSA' && Buffer.from(String(key.n), 'base64url').byteLength * 8 < MIN_RSA_BITS
