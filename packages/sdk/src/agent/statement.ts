/** The signed statement that every submission of evidence rests on: it binds all pieces to the challenge and to the key. */
import { evidenceBinding, purposeOf, STATEMENT_TYPE } from '@credence/contracts/attestation/binding'
import type { EvidenceKind } from '@credence/contracts/attestation/kinds'
import type { Composition } from '@credence/contracts/events/values'
import { sha256 } from '@credence/shared/digest'
import { SignJWT } from 'jose'
import type { AgentKey } from './key.ts'

/** One piece of evidence beside the statement. */
export type Piece = { kind: EvidenceKind; content: Uint8Array }

/** What the agent shows: what it says it is made of, and what others vouch for. */
export type Collected = { measurements: Composition; evidence?: Piece[] }

/** Limits of the service (attestation.proto): refused here before anything is sent. */
export const MAX_PIECES = 8
export const MAX_PIECE_BYTES = 1024 * 1024

/**
 * Signs the statement (RFC 7515 compact, RFC 9711 claims): measurements, and the digest of each piece, for one challenge.
 * @returns a JWS of type `credence-evidence+jwt`
 * @throws RangeError when pieces are too many, too large, or of one kind twice
 */
export async function signStatement(
  key: AgentKey,
  about: { spiffeId: string; audience: string; nonce: string; now?: Date } & Collected,
): Promise<string> {
  const { spiffeId, audience, nonce, measurements, evidence = [], now = new Date() } = about
  refuseMisfits(evidence)
  const binding = evidenceBinding({ kind: 'software', nonce, keyThumbprint: key.thumbprint, audience })
  return new SignJWT({
    eat_nonce: nonce,
    purpose: purposeOf('software'),
    binding: binding.toString('base64url'),
    measurements,
    evidence: evidence.map(({ kind, content }) => ({ kind, digest: sha256(content) })),
  })
    .setProtectedHeader({ alg: key.algorithm, typ: STATEMENT_TYPE })
    .setIssuer(spiffeId)
    .setSubject(spiffeId)
    .setAudience(audience)
    .setIssuedAt(now)
    .sign(key.privateKey)
}

function refuseMisfits(evidence: Piece[]): void {
  if (evidence.length > MAX_PIECES) throw new RangeError(`At most ${MAX_PIECES} pieces of evidence can be shown.`)
  const kinds = new Set<EvidenceKind>()
  for (const { kind, content } of evidence) {
    if (kind === 'software') throw new RangeError('The statement itself is the evidence of kind software.')
    if (kinds.has(kind)) throw new RangeError(`There are two pieces of kind ${kind}; show one.`)
    if (content.byteLength > MAX_PIECE_BYTES)
      throw new RangeError(
        `The piece of kind ${kind} has ${content.byteLength} bytes; at most ${MAX_PIECE_BYTES} are read.`,
      )
    kinds.add(kind)
  }
}
