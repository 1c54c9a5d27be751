/**
 * Attestation-based client authentication (draft-ietf-oauth-attestation-based-client-auth-12): an attester that we know
 * vouches for the key of an agent. Its keys come from our configuration alone: whatever `jku` a token names is never
 * fetched, and a token that names one is refused.
 */
import { readFileSync } from 'node:fs'
import { livingKeys } from '@credence/contracts/principals/agent'
import type { Clock } from '@credence/shared/clock'
import { ConfigurationError } from '@credence/shared/config'
import { calculateJwkThumbprint, createLocalJWKSet, type JWK, type JWTHeaderParameters, type JWTPayload } from 'jose'
import { errors, type KoaContextWithOIDC } from 'oidc-provider'
import { z } from 'zod'
import type { Principals } from '../../projections/principals.ts'
import { markAuthenticated } from './client-authentication.ts'

export type Attesters = ReadonlyMap<string, ReturnType<typeof createLocalJWKSet>>

const File = z.record(z.string(), z.object({ keys: z.array(z.looseObject({ kty: z.string() })).min(1) }))

/** @param path JSON: issuer of attestations → JWK set of its public keys (RFC 7517) */
export function readAttesters(path: string): Attesters {
  try {
    const sets = File.parse(JSON.parse(readFileSync(path, 'utf8')))
    return new Map(Object.entries(sets).map(([issuer, set]) => [issuer, createLocalJWKSet(set as { keys: JWK[] })]))
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : String(error)
    throw new ConfigurationError(`CREDENCE_CLIENT_ATTESTERS_FILE (${path}): ${why}`)
  }
}

/** Header members by which a token would bring or name its own key. */
const FOREIGN_KEYS = ['jku', 'jwk', 'x5u', 'x5c'] as const

/** The engine’s feature `attestClientAuth`. */
export const attestationFeature = (
  attesters: Attesters | undefined,
  parts: { principals: Principals; clock: Clock; challengeSecret: Buffer },
) => ({
  ack: 'draft-12',
  enabled: attesters !== undefined,
  challengeSecret: parts.challengeSecret,
  getAttestationSignaturePublicKey: (_ctx: unknown, header: JWTHeaderParameters, payload: JWTPayload) => {
    const named = FOREIGN_KEYS.find((name) => name in header)
    if (named) throw new Error(`${named} is not allowed in the header`)
    const keys = attesters?.get(String(payload.iss))
    if (!keys) throw new Error('the attester is not known')
    return keys(header)
  },
  /** The key that is vouched for is one that the agent registered: an attester confirms an agent, and cannot replace it. */
  assertAttestationJwtAndPop: async (
    ctx: KoaContextWithOIDC,
    attestation: { payload: JWTPayload & { cnf?: { jwk?: JWK } } },
    _pop: unknown,
    client: { clientId: string },
  ) => {
    const agent = parts.principals.bySpiffeId(client.clientId)
    const thumbprint = await calculateJwkThumbprint(attestation.payload.cnf?.jwk as JWK)
    if (!agent || !livingKeys(agent, parts.clock()).some((key) => key.thumbprint === thumbprint))
      throw new errors.InvalidClientAuth('the attested key is not registered')
    markAuthenticated(ctx)
  },
})
