/** A result: contract → proto. */
import type {
  AppraisedEvidence,
  AttestationStatus,
  GetResultResponse,
} from '@credence/contracts/gen/credence/attestation/v1/attestation'
import { enumName } from '@credence/shared/rpc/fields'
import type { Result } from '../../../domain/kinds/kind.ts'
import type { Held } from '../../../domain/standing.ts'

const status = (word: Result['status']) => enumName<AttestationStatus>('ATTESTATION_STATUS_', word)

export const resultMessage = ({ result, recordedAt, revoked }: Held): GetResultResponse => ({
  resultId: result.result,
  agentId: result.agent,
  status: status(result.status),
  accepted: result.accepted,
  reasons: result.reasons,
  evidence: result.evidence.map(evidenceMessage),
  profileVersion: result.profile_version ?? 0,
  sufficient: result.sufficient.map(({ sensitivity, expires_at }) => ({
    sensitivity,
    expiresAt: new Date(expires_at),
  })),
  recordedAt: new Date(recordedAt),
  expiresAt: new Date(result.expires_at),
  revoked: revoked?.cause ?? '',
  references: result.references,
  anchors: result.anchors,
})

const evidenceMessage = (piece: Result['evidence'][number]): AppraisedEvidence => ({
  kind: piece.kind,
  status: status(piece.status),
  reasons: piece.reasons,
  trustworthinessVector: piece.trustworthiness_vector,
  claims: piece.claims ? JSON.stringify(piece.claims) : '',
  ...(piece.measured_at ? { measuredAt: new Date(piece.measured_at) } : {}),
})
