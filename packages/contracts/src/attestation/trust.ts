/** Trust anchors and reference values: whose word counts, and which values are the approved ones. All of it is public. */
import { z } from 'zod'
import { AnchorId, Composition, Prose, ReferenceId, Sha256, Slug } from '../events/values.ts'
import { readClusterKeys } from './cluster-keys.ts'
import { EvidenceKind, PcrBank, PcrValues } from './kinds.ts'

const MAX_TEXT = 96 * 1024
const Pem = z
  .string()
  .max(MAX_TEXT, `must be at most ${MAX_TEXT} bytes`)
  .regex(/^-----BEGIN [A-Z ]+-----/, 'must be PEM')
  .refine((text) => !text.includes('PRIVATE KEY'), 'must not hold a private key')
const Json = z
  .string()
  .max(MAX_TEXT, `must be at most ${MAX_TEXT} bytes`)
  .refine((text) => {
    try {
      return typeof JSON.parse(text) === 'object'
    } catch {
      return false
    }
  }, 'must be JSON')
/** Exactly who must have signed: a subject alternative name (URI, e-mail or DNS), and who said so (Fulcio’s issuer). */
const Identity = z.strictObject({ san: z.string().min(1).max(512), issuer: z.string().min(1).max(512).optional() })
const Identities = z.array(Identity).min(1, 'must not be empty').max(16)

/** SPIFFE_Federation.md §5.2.1.1 */
function isBundleEndpoint(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, username, password } = new URL(text)
  return protocol === 'https:' && username === '' && password === ''
}

export const AnchorMaterial = z.discriminatedUnion('type', [
  /** `provider`: the key of a model’s provider. */
  z.strictObject({ type: z.literal('public-key'), pem: Pem, provider: z.string().min(1).max(100).optional() }),
  z.strictObject({
    type: z.literal('certificate-authority'),
    pem: Pem,
    intermediates: Pem.optional(),
    identities: Identities,
  }),
  z.strictObject({ type: z.literal('sigstore'), trusted_root: Json, identities: Identities }),
  z.strictObject({ type: z.literal('tpm-manufacturer'), pem: Pem }),
  z.strictObject({ type: z.literal('tpm-endorsement-key'), ek_digest: Sha256 }),
  z
    .strictObject({
      type: z.literal('kubernetes-cluster'),
      issuer: z.string().min(1).max(512),
      audience: z.string().min(1).max(512),
      jwks: Json.refine(
        (text) => readClusterKeys(text) !== undefined,
        'must be a set of public RSA or EC keys (RFC 7517), each with a kid of its own',
      ),
    })
    // Whoever got such a token could act in the cluster as the agent.
    .refine(({ issuer, audience }) => issuer !== audience, {
      path: ['audience'],
      error: 'must not be the cluster’s own: name this service',
    }),
  z.strictObject({
    type: z.literal('spiffe-trust-domain'),
    trust_domain: z.string().regex(/^[a-z0-9._-]{1,255}$/, 'must be like "foreign.example"'),
    bundle: Json,
    /** Where newer ones are served (SPIFFE_Federation.md §5.2.1, profile https_web). */
    bundle_endpoint: z.string().max(512).refine(isBundleEndpoint, 'must be an https URL without user').optional(),
  }),
])
export type AnchorMaterial = z.infer<typeof AnchorMaterial>

export const Anchor = z.strictObject({
  anchor: AnchorId,
  label: Prose,
  /** Kinds of evidence that it vouches for. */
  kinds: z.array(EvidenceKind).min(1, 'must not be empty').max(7),
  /** Whose agents may rely on it; empty: all. */
  blueprints: z.array(Slug).max(64),
  material: AnchorMaterial,
})
export type Anchor = z.infer<typeof Anchor>

export const ReferenceValue = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('composition'), ...Composition.shape }),
  /** A signed model: digest of its statement, and by whom it must be signed. */
  z.strictObject({ type: z.literal('model'), statement_digest: Sha256, signer: AnchorId.optional() }),
  z.strictObject({ type: z.literal('image'), digest: Sha256 }),
  z.strictObject({
    type: z.literal('pcrs'),
    bank: PcrBank,
    values: PcrValues.refine((values) => Object.keys(values).length > 0, 'must not be empty'),
  }),
])
export type ReferenceValue = z.infer<typeof ReferenceValue>

export const Reference = z.strictObject({
  reference: ReferenceId,
  blueprint: Slug,
  label: Prose,
  value: ReferenceValue,
})
export type Reference = z.infer<typeof Reference>
