/** From what was sent to what was proved: the statement first, for it binds the rest; then every piece by its verifier. */
import { evidenceBinding } from '@credence/contracts/attestation/binding'
import type { ClaimsOf } from '@credence/contracts/attestation/claims'
import type { EvidenceKind } from '@credence/contracts/attestation/kinds'
import { leavesOf, type Requirement } from '@credence/contracts/attestation/requirements'
import type { Agent, LivingKey } from '@credence/contracts/principals/agent'
import { sha256 } from '@credence/shared/digest'
import type { Examined } from '../domain/appraisal.ts'
import type { Challenge } from '../domain/challenge.ts'
import type { Profile } from '../domain/profile.ts'
import type { Context } from './context.ts'
import type { Evidenced, PieceKind, Statement } from './verifier.ts'

/** What claims may hold together: a result is one event, and an event has its size. */
const MAX_CLAIMS_BYTES = 32 * 1024

export type Sent = { statement: string; evidence: { kind: PieceKind; content: Uint8Array }[] }
export type Submission = Sent & {
  agent: Agent
  key: LivingKey
  challenge: Challenge
  profile: Profile | undefined
  now: Date
}

type Part = Pick<Context, 'openStatement' | 'verify' | 'appraisals' | 'spiffeId' | 'log'>

/** @returns what became of each piece, the statement first; and the nonce, when the statement holds */
export async function examine(sent: Submission, context: Part): Promise<{ examined: Examined[]; nonce?: string }> {
  const { agent, key, challenge, now } = sent
  const statement = await context.openStatement(sent.statement, {
    agent: { spiffeId: agent.spiffe_id, jwk: key.jwk, keyThumbprint: key.thumbprint },
    nonceDigest: challenge.nonce_digest,
    audience: context.spiffeId,
    now,
  })
  const own = { kind: 'software' as const, digest: sha256(sent.statement) }
  const pieces = sent.evidence.map(({ kind, content }) => ({ kind, content, digest: sha256(content) }))
  const refused = 'refused' in statement ? statement.refused : fault(statement, pieces)
  if ('refused' in statement || refused) {
    const others = pieces.map(({ kind, digest }) => ({ kind, digest, refused: 'not_examined' }))
    return { examined: [{ ...own, refused: refused ?? 'evidence_malformed' }, ...others] }
  }
  const { composition, measuredAt, nonce } = statement
  const verified = await Promise.all(
    pieces.map(async ({ kind, content, digest }): Promise<Examined> => {
      const outcome = await context.verify(kind, content, aboutPiece(kind, nonce, sent, context))
      if ('claims' in outcome) return { kind, digest, ...outcome }
      const { refused: reason, detail } = outcome
      context.log.info('evidence refused', {
        agent: agent.agent,
        type: kind,
        reason,
        ...(detail ? { error: detail } : {}),
      })
      return { kind, digest, refused: reason }
    }),
  )
  const all = [{ ...own, claims: { composition }, anchors: [], measuredAt }, ...verified]
  return { examined: withinSize(all), nonce }
}

/** Exactly the pieces that were stated, each as it was. */
function fault({ pieces: stated }: Statement, sent: { kind: PieceKind; digest: string }[]): string | undefined {
  const named = new Map(stated.map(({ kind, digest }) => [kind, digest]))
  const same = named.size === stated.length && stated.length === sent.length
  return same && sent.every(({ kind, digest }) => named.get(kind) === digest) ? undefined : 'pieces_not_as_stated'
}

function aboutPiece<K extends PieceKind>(
  kind: K,
  nonce: string,
  { agent, key, profile, now }: Submission,
  { appraisals, spiffeId: audience }: Part,
): Evidenced<K> {
  const leaves = profile
    ? [profile.rule, ...profile.sensitivities.flatMap(({ rule }) => rule ?? [])].flatMap(leavesOf)
    : []
  return {
    agent: {
      agent: agent.agent,
      spiffeId: agent.spiffe_id,
      blueprint: agent.blueprint,
      jwk: key.jwk,
      keyThumbprint: key.thumbprint,
    },
    nonce,
    binding: evidenceBinding({ kind, nonce, keyThumbprint: key.thumbprint, audience }),
    audience,
    now,
    anchors: appraisals.anchorsFor(kind, agent.blueprint),
    ...(kind === 'tpm2-quote' ? { tpm: appraisals.tpms.of(agent.agent) } : {}),
    requirements: leaves.filter((leaf): leaf is Requirement & { kind: K } => leaf.kind === kind) as never,
  }
}

function withinSize(all: Examined[]): Examined[] {
  let size = 0
  return all.map((one) => {
    if (!('claims' in one)) return one
    const bytes = Buffer.byteLength(JSON.stringify(one.claims satisfies ClaimsOf<EvidenceKind>))
    if (size + bytes > MAX_CLAIMS_BYTES) return { kind: one.kind, digest: one.digest, refused: 'claims_too_large' }
    size += bytes
    return one
  })
}
