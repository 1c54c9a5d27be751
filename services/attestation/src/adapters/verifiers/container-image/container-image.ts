/**
 * Evidence of the kind `container-image`: which image runs, and provenance (SLSA v1) that a builder signed for exactly that
 * digest. That this image runs is the attester’s word; where the cluster is asked about the pod, the appraisal compares.
 */
import { ImageEvidence, PROVENANCE_PREDICATE } from '@credence/contracts/attestation/image-evidence'
import type { Verifier } from '../../../api/verifier.ts'
import { parseJson, readBundle } from '../sigstore/bundle.ts'
import { verifyDsse } from '../sigstore/dsse.ts'
import { readStatement, STATEMENT_V0_1, STATEMENT_V1 } from '../sigstore/statement.ts'
import { readProvenance } from './provenance.ts'

const MAXIMUM_BYTES = 256 * 1024

export const containerImageVerifier: Verifier<'container-image'> = {
  kind: 'container-image',
  maximumBytes: MAXIMUM_BYTES,
  verify: async (content, { anchors, now }) => {
    if (content.byteLength > MAXIMUM_BYTES) return { refused: 'evidence_too_large' }
    const parsed = ImageEvidence.safeParse(parseJson(content))
    if (!parsed.success) return { refused: 'evidence_malformed', detail: parsed.error.issues[0]?.path.join('.') }
    const { image_digest, bundle: json } = parsed.data
    const bundle = readBundle(json)
    if ('refused' in bundle) return bundle
    const signed = verifyDsse(bundle, anchors, now)
    if ('refused' in signed) return signed
    const statement = readStatement(signed, PROVENANCE_PREDICATE, [STATEMENT_V1, STATEMENT_V0_1])
    if ('refused' in statement) return statement
    if (!statement.subject.some(({ digest }) => digest.sha256 === image_digest)) return { refused: 'image_not_subject' }
    const provenance = readProvenance(statement.predicate)
    if ('refused' in provenance) return provenance
    const { builder, source, sourceDigest } = provenance
    const claims = {
      image_digest,
      predicate_type: statement.predicateType,
      builder,
      source,
      ...(sourceDigest && { source_digest: sourceDigest }),
      signer: signed.signer,
    }
    return { claims, anchors: [signed.signer], measuredAt: now }
  },
}
