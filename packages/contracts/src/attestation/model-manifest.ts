/**
 * The manifest of a signed model (OpenSSF Model Signing v1.0, predicate `https://model_signing/signature/v1.0`): which files,
 * in which pieces, with which digests. Who measures a model and who checks it must read it alike.
 */
import { createHash } from 'node:crypto'
import { z } from 'zod'

export const MODEL_PREDICATE = 'https://model_signing/signature/v1.0'
/** What no model is made of, at the top of its folder (§6.2). */
export const ALWAYS_IGNORED = ['.git', '.gitignore', '.gitattributes', '.github']

const MAX_RESOURCES = 16_384
const MAX_IGNORED = 1024
const Name = z.string().min(1).max(1024)
const Hex = z.string().regex(/^([0-9a-f]{64}|[0-9a-f]{128})$/)

/** BLAKE3 is in the registry of algorithms, and node:crypto has none. */
export const ModelHash = z.enum(['sha256', 'blake2b', 'blake3'])
export type ModelHash = z.infer<typeof ModelHash>

export const ModelPredicate = z.object({
  // Other fields of a resource are read over (§5.2.1).
  resources: z
    .array(z.object({ name: Name, digest: Hex, algorithm: z.string().max(64) }))
    .min(1)
    .max(MAX_RESOURCES),
  serialization: z.strictObject({
    method: z.enum(['files', 'shards']),
    hash_type: ModelHash,
    shard_size: z.int().positive().optional(),
    allow_symlinks: z.boolean(),
    ignore_paths: z.array(Name).max(MAX_IGNORED).optional(),
  }),
})
export type ModelPredicate = z.infer<typeof ModelPredicate>
export type Serialization = ModelPredicate['serialization']

/** One piece of a file: all of it, or one shard. */
export type Piece = { path: string; range?: { start: number; end: number } }

/** The name of a piece in the manifest (§6.3.2). */
export const nameOf = ({ path, range }: Piece): string => (range ? `${path}:${range.start}:${range.end}` : path)

/** @returns undefined for a name that is none of this method: paths may hold colons, so the last two count */
export function pieceNamed(name: string, method: Serialization['method']): Piece | undefined {
  if (method === 'files') return { path: name }
  const [, path, start, end] = /^(.+):(0|[1-9][0-9]{0,15}):([1-9][0-9]{0,15})$/s.exec(name) ?? []
  return path === undefined ? undefined : { path, range: { start: Number(start), end: Number(end) } }
}

/** §6.1.2: relative, `/` between its components, none of them empty, `.` or `..`. */
export const isCanonical = (path: string): boolean =>
  path.isWellFormed() && !path.includes('\0') && path.split('/').every((part) => !['', '.', '..'].includes(part))

/** @returns whether a path is left out of the model: it, or a folder above it, is named (§6.2.1) */
export function ignoredBy({ ignore_paths = [] }: Pick<Serialization, 'ignore_paths'>): (path: string) => boolean {
  const ignored = new Set([...ALWAYS_IGNORED, ...ignore_paths])
  return (path) => {
    for (let end = path.indexOf('/'); end >= 0; end = path.indexOf('/', end + 1))
      if (ignored.has(path.slice(0, end))) return true
    return ignored.has(path)
  }
}

/** §6.5.1: SHA-256 over the digests alone. It does not bind the names; the signed statement does. */
export function rootDigest(resources: ModelPredicate['resources']): string {
  const hash = createHash('sha256')
  for (const { digest } of resources) hash.update(Buffer.from(digest, 'hex'))
  return hash.digest('hex')
}

/** How good the word about the model is decides what is shown for it. */
export const ModelEvidence = z.discriminatedUnion('form', [
  z.strictObject({
    form: z.literal('files'),
    /** The signature: a Sigstore bundle. */
    bundle: z.looseObject({}),
    /** Every piece of every file found, as the signed method cuts them. */
    files: z.array(z.strictObject({ name: Name, digest: Hex })).max(MAX_RESOURCES),
  }),
  z.strictObject({
    form: z.literal('provider'),
    /** Compact JWS of type `PROVIDER_STATEMENT`, by the key of the model’s provider. */
    statement: z
      .string()
      .min(1)
      .max(16 * 1024),
  }),
  z.strictObject({
    form: z.literal('claimed'),
    provider: z.string().min(1).max(100),
    name: z.string().min(1).max(200),
    version: z.string().min(1).max(100),
  }),
])
export type ModelEvidence = z.infer<typeof ModelEvidence>

export const PROVIDER_STATEMENT = 'model-statement+jwt'
/** What a provider says of a hosted model: which, and which revision or digest of it answers. */
export const ProviderStatement = z
  .strictObject({
    /** The provider’s name, as its trust anchor has it. */
    iss: z.string().min(1).max(100),
    iat: z.int(),
    exp: z.int(),
    name: z.string().min(1).max(200),
    version: z.string().min(1).max(100),
    revision: z.string().min(1).max(200).optional(),
    digest: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .optional(),
  })
  .refine(({ revision, digest }) => revision !== undefined || digest !== undefined, 'must name a revision or a digest')
export type ProviderStatement = z.infer<typeof ProviderStatement>

/**
 * What identifies a hosted model by its provider’s word: SHA-256 over the canonical JSON (RFC 8785) of provider, name,
 * version, and digest or revision. A statement that is only renewed keeps it.
 */
export function hostedModelDigest({ iss, name, version, revision, digest }: ProviderStatement): string {
  const json = JSON.stringify({ digest, name, provider: iss, revision, version })
  return createHash('sha256').update(json).digest('hex')
}
