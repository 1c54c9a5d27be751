/** An agent shows what it is made of: challenge, evidence, result (RATS passport model, RFC 9334 §5.1). */
import { evidenceBinding } from '@credence/contracts/attestation/binding'
import type { EvidenceKind } from '@credence/contracts/attestation/kinds'
import { decodeJwt } from 'jose'
import type { Clients } from '../clients.ts'
import type { AgentKey } from './key.ts'
import { type Collected, signStatement } from './statement.ts'

/** What evidence has to be bound to. */
export type Challenged = {
  /** base64url of 32 bytes. */
  nonce: string
  /** SPIFFE ID of the service that asks. */
  audience: string
  /** For kinds whose producer signs a nonce: the 32 bytes that it has to sign. */
  bindingOf(kind: EvidenceKind): Uint8Array
  now: Date
}

/** Gathers measurements and evidence anew, within the 60 seconds of a challenge. */
export type Collect = (about: Challenged) => Promise<Collected>

export type Shown = {
  accepted: boolean
  /** affirming, warning, contraindicated or none */
  status: string
  /** `<kind>/<code>`, or a code of the whole. */
  reasons: string[]
  /** The EAR, a JWT. */
  result: string
  resultId: string
  /** When the result ends by the service’s clock, and by ours. */
  expiresAt: Date
  freshUntil: Date
  position: string
}

/** Without pieces the answer takes milliseconds; a bundle or a chain takes some more. */
const APPRAISAL = { deadlineMs: 15_000 }

/**
 * Asks for a challenge, gathers, signs, and shows.
 * @throws CredenceError of the service, RangeError for pieces that it would not read, and what `collect` throws
 */
export async function showEvidence(
  agent: { clients: Pick<Clients, 'attestation'>; key: AgentKey; agentId: string; spiffeId: string },
  collect: Collect,
  notBefore: string[],
): Promise<Shown> {
  const { key, spiffeId, agentId } = agent
  const { attestation } = agent.clients
  const challenge = await attestation.createChallenge({ agentId, notBefore })
  const { nonce, audience, challengeId } = challenge
  const bindingOf = (kind: EvidenceKind) => evidenceBinding({ kind, nonce, keyThumbprint: key.thumbprint, audience })
  const collected = await collect({ nonce, audience, bindingOf, now: new Date() })
  const statement = await signStatement(key, { spiffeId, audience, nonce, ...collected })
  const evidence = (collected.evidence ?? []).map(({ kind, content }) => ({ kind, content: Buffer.from(content) }))
  const sent = Date.now()
  const answer = await attestation.submitEvidence({ challengeId, statement, evidence }, APPRAISAL)
  const { accepted, reasons, position, resultId, attestationResult: result } = answer
  return {
    accepted,
    status: answer.status.replace('ATTESTATION_STATUS_', '').toLowerCase(),
    reasons,
    result,
    resultId,
    expiresAt: answer.expiresAt ?? new Date(sent),
    freshUntil: new Date(sent + lifeMs(result)),
    position,
  }
}

/** How long the result counts, by the service’s own clock: ours may be off. */
function lifeMs(result: string): number {
  const { iat = 0, exp = 0 } = decodeJwt(result)
  return Math.max(0, exp - iat) * 1000
}
