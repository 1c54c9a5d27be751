import { signAgentProof } from '@credence/shared/callers/agent-proof'
import type { Credential } from '@credence/shared/rpc/client'
import { type CryptoKey, calculateJwkThumbprint, exportJWK, generateKeyPair, importSPKI, type JWK } from 'jose'

/** An agent's own key pair. The private part is not extractable and never leaves the process. */
export type AgentKey = {
  privateKey: CryptoKey
  publicKey: CryptoKey
  publicJwk: JWK
  thumbprint: string
  algorithm: 'ES256'
}

/** Makes a P-256 key. Give `publicJwk` to the platform that registers the agent. */
export async function newAgentKey(): Promise<AgentKey> {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: false })
  return agentKeyOf(privateKey, publicKey)
}

/** @param publicPart of the private key; a PEM (SPKI) as well */
export async function agentKeyOf(privateKey: CryptoKey, publicPart: CryptoKey | string): Promise<AgentKey> {
  const publicKey = typeof publicPart === 'string' ? await importSPKI(publicPart, 'ES256') : publicPart
  const { kty, crv, x, y } = await exportJWK(publicKey)
  const publicJwk = { kty, crv, x, y }
  return { privateKey, publicKey, publicJwk, thumbprint: await calculateJwkThumbprint(publicJwk), algorithm: 'ES256' }
}

/** Proves the agent in each call, for `Connection.credential`. */
export const agentProof =
  ({ privateKey, algorithm, thumbprint }: AgentKey, spiffeId: string) =>
  (audience: string): Credential =>
  async (path, request) => ({
    'agent-proof': await signAgentProof(privateKey, {
      algorithm,
      keyId: thumbprint,
      spiffeId,
      audience,
      path,
      request,
    }),
  })
