/**
 * Evidence of the kind `model-signing`: the files of a model and the signature over their manifest (OpenSSF Model Signing
 * v1.0); for a hosted model the word of its provider, or nothing but a name. Which it was stands in the claims.
 */
import { hostedModelDigest, MODEL_PREDICATE, ModelEvidence } from '@credence/contracts/attestation/model-manifest'
import { sha256 } from '@credence/shared/digest'
import type { Evidenced, Verified, Verifier } from '../../../api/verifier.ts'
import { parseJson, readBundle } from '../sigstore/bundle.ts'
import { verifyDsse } from '../sigstore/dsse.ts'
import { readStatement } from '../sigstore/statement.ts'
import { filesFault } from './files.ts'
import { readManifest } from './manifest.ts'
import { verifyProviderStatement } from './provider.ts'

type About = Evidenced<'model-signing'>
type Outcome = Verified<'model-signing'>
type Form<F extends ModelEvidence['form']> = Extract<ModelEvidence, { form: F }>

/** Room for some three thousand files. */
const MAXIMUM_BYTES = 1024 * 1024

export const modelSigningVerifier: Verifier<'model-signing'> = {
  kind: 'model-signing',
  maximumBytes: MAXIMUM_BYTES,
  verify: async (content, about) => {
    if (content.byteLength > MAXIMUM_BYTES) return { refused: 'evidence_too_large' }
    const parsed = ModelEvidence.safeParse(parseJson(content))
    if (!parsed.success) return { refused: 'evidence_malformed', detail: parsed.error.issues[0]?.path.join('.') }
    const evidence = parsed.data
    if (evidence.form === 'files') return verifyFiles(evidence, about)
    if (evidence.form === 'provider') return verifyProvider(evidence, about)
    const { provider, name, version } = evidence
    return { claims: { grade: 'claimed', provider, name, version }, anchors: [], measuredAt: about.now }
  },
}

/** §8: bundle, signature by an anchor of ours, statement, manifest, and then every file and no other. */
function verifyFiles(evidence: Form<'files'>, { anchors, now }: About): Outcome {
  const bundle = readBundle(evidence.bundle)
  if ('refused' in bundle) return bundle
  const signed = verifyDsse(bundle, anchors, now)
  if ('refused' in signed) return signed
  const statement = readStatement(signed, MODEL_PREDICATE)
  if ('refused' in statement) return statement
  const manifest = readManifest(statement)
  if ('refused' in manifest) return manifest
  const fault = filesFault(evidence.files, manifest)
  if (fault) return fault
  const claims = {
    grade: 'files' as const,
    name: manifest.name,
    statement_digest: sha256(signed.payload),
    root_digest: manifest.rootDigest,
    files: manifest.paths.size,
    signer: signed.signer,
  }
  return { claims, anchors: [signed.signer], measuredAt: now }
}

async function verifyProvider({ statement: jws }: Form<'provider'>, about: About): Promise<Outcome> {
  const verified = await verifyProviderStatement(jws, about)
  if ('refused' in verified) return verified
  const { statement, signer } = verified
  const claims = {
    grade: 'provider' as const,
    provider: statement.iss,
    name: statement.name,
    version: statement.version,
    statement_digest: hostedModelDigest(statement),
    ...(statement.digest && { root_digest: statement.digest }),
    signer,
  }
  return { claims, anchors: [signer], measuredAt: new Date(statement.iat * 1000) }
}
