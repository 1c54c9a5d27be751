/** What a verifier proved from a piece of evidence, by kind. It stands in the result: small, nothing secret, no contents. */
import { z } from 'zod'
import { AnchorId, Composition, Instant, Sha256 } from '../events/values.ts'
import { type EvidenceKind, ModelGrade, PcrBank, PcrIndex, PcrValues } from './kinds.ts'

const Text = z.string().min(1).max(512)
const Hex = z.string().regex(/^[0-9a-f]{2,256}$/)
const Decimal = z.string().regex(/^[0-9]{1,20}$/)

const byKind = {
  software: z.strictObject({ composition: Composition }),
  'agent-manifest': z.strictObject({
    manifest_digest: Sha256,
    composition: Composition,
    /** Version of the policies that the agent was told. */
    policy_version: Text.optional(),
    tools: z.array(z.strictObject({ server: Text, name: Text, digest: Sha256 })).max(256),
    signer: AnchorId,
  }),
  'model-signing': z.strictObject({
    grade: ModelGrade,
    provider: Text.optional(),
    name: Text,
    version: Text.optional(),
    /** SHA-256 of the signed statement’s bytes: with its signer, what the model is. */
    statement_digest: Sha256.optional(),
    root_digest: Sha256.optional(),
    files: z.int().nonnegative().optional(),
    signer: AnchorId.optional(),
  }),
  'container-image': z.strictObject({
    image_digest: Sha256,
    predicate_type: Text,
    builder: Text,
    source: Text,
    source_digest: Text.optional(),
    signer: AnchorId,
  }),
  'kubernetes-sat': z.strictObject({
    cluster: AnchorId,
    issuer: Text,
    namespace: Text,
    service_account: Text,
    service_account_uid: Text.optional(),
    pod: Text,
    pod_uid: Text,
    node: Text.optional(),
    node_uid: Text.optional(),
    /** Whether the cluster itself was asked for the token and the pod; otherwise its keys alone speak. */
    reviewed: z.boolean(),
    /** Whether the token names the binding of this challenge among its audiences. */
    nonce_bound: z.boolean(),
    /** Digests of the images that the pod runs; only the cluster can say. */
    image_digests: z.array(Sha256).max(64),
    expires_at: Instant,
  }),
  'spiffe-svid': z.strictObject({
    /** As long as the standard has them (SPIFFE-ID §2.3). */
    spiffe_id: z.string().min(1).max(2_048),
    trust_domain: Text,
    form: z.enum(['x509', 'jwt']),
    /** Whether the SVID itself was bound to this challenge. */
    key_bound: z.boolean(),
    expires_at: Instant,
  }),
  'tpm2-quote': z.strictObject({
    ek_digest: Sha256,
    /** Name of the attestation key (TPM 2.0 Part 1 §16), hexadecimal. */
    ak_name: Hex,
    bank: PcrBank,
    selection: z.array(PcrIndex),
    pcrs: PcrValues,
    firmware_version: Decimal,
    reset_count: z.int().nonnegative(),
    restart_count: z.int().nonnegative(),
    /** Milliseconds, 64 bits. */
    clock: Decimal,
    /** Whether the endorsement key has a certificate by a trusted manufacturer; otherwise it is listed by its digest. */
    certified: z.boolean(),
    event_log_digest: Sha256.optional(),
    manufacturer: Text.optional(),
  }),
} as const satisfies Record<EvidenceKind, z.ZodType>

export type ClaimsOf<K extends EvidenceKind> = z.infer<(typeof byKind)[K]>

/** Kind and claims together, as the result carries them. */
export type KindAndClaims = { [K in EvidenceKind]: { kind: K; claims: ClaimsOf<K> } }[EvidenceKind]

export const CLAIMS = byKind
