/** What the provider of a hosted model says of it, signed (RFC 7515): weaker than files, for nobody else can see them. */
import { PROVIDER_STATEMENT, ProviderStatement } from '@credence/contracts/attestation/model-manifest'
import type { Anchor } from '@credence/contracts/attestation/trust'
import { compactVerify, decodeProtectedHeader } from 'jose'
import type { Refused } from '../sigstore/bundle.ts'
import { parseJson } from '../sigstore/bundle.ts'
import { publicKeyIn, signingKey } from '../sigstore/keys.ts'

const SKEW_SECONDS = 60
const ALGORITHMS = ['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519', 'PS256', 'RS256']

/**
 * Verifies a provider’s statement with the keys of anchors that name this provider.
 * @returns the statement and its anchor, or `evidence_malformed`, `anchor_unknown`, `algorithm_weak`, `signature_invalid`,
 * `evidence_expired`, `evidence_not_yet_valid`
 */
export async function verifyProviderStatement(
  jws: string,
  { anchors, now }: { anchors: readonly Anchor[]; now: Date },
): Promise<{ statement: ProviderStatement; signer: string } | Refused> {
  const statement = read(jws)
  if (!statement) return { refused: 'evidence_malformed', detail: 'provider statement' }
  const candidates = anchors.flatMap(({ anchor, material }) =>
    material.type === 'public-key' && material.provider === statement.iss ? [{ anchor, pem: material.pem }] : [],
  )
  const outcomes = await Promise.all(candidates.map(({ pem }) => signatureFault(jws, pem)))
  const signer = candidates[outcomes.indexOf(undefined)]
  if (!signer) return { refused: outcomes[0] ?? 'anchor_unknown' }
  const seconds = Math.floor(now.getTime() / 1000)
  if (statement.exp <= seconds) return { refused: 'evidence_expired' }
  if (statement.iat > seconds + SKEW_SECONDS) return { refused: 'evidence_not_yet_valid' }
  return { statement, signer: signer.anchor }
}

function read(jws: string): ProviderStatement | undefined {
  try {
    if (decodeProtectedHeader(jws).typ !== PROVIDER_STATEMENT) return undefined
    const [, payload = ''] = jws.split('.')
    return ProviderStatement.parse(parseJson(Buffer.from(payload, 'base64url')))
  } catch {
    return undefined
  }
}

async function signatureFault(jws: string, pem: string): Promise<string | undefined> {
  const key = publicKeyIn(pem)
  if (!key) return 'anchor_unknown'
  if (!signingKey(key)) return 'algorithm_weak'
  try {
    await compactVerify(jws, key, { algorithms: ALGORITHMS })
    return undefined
  } catch {
    return 'signature_invalid'
  }
}
