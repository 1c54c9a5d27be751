/** The signed manifest of a model, checked for itself: canonical, sorted, whole (OpenSSF Model Signing v1.0, §5, §6). */
import {
  isCanonical,
  ModelPredicate,
  type Piece,
  pieceNamed,
  rootDigest,
  type Serialization,
} from '@credence/contracts/attestation/model-manifest'
import type { Refused } from '../sigstore/bundle.ts'
import type { Statement } from '../sigstore/statement.ts'

export type Manifest = {
  /** The signer’s name for it: informational, it decides nothing (§6.5). */
  name: string
  rootDigest: string
  serialization: Serialization
  /** Digest of every piece, by its name. */
  pieces: Map<string, string>
  /** Every file that has a piece. */
  paths: Set<string>
}

const DIGEST_LENGTH = { sha256: 64, blake2b: 128, blake3: 64 }

/**
 * @returns the manifest, or `subject_not_one`, `manifest_malformed`, `hash_unsupported`, `ignore_path_not_canonical`,
 * `name_not_canonical`, `names_not_sorted`, `shards_incomplete`, `root_digest_wrong`
 */
export function readManifest({ subject, predicate }: Statement): Manifest | Refused {
  const [model, ...others] = subject
  if (!model?.name || others.length > 0 || model.name.length > 512) return { refused: 'subject_not_one' }
  const parsed = ModelPredicate.safeParse(predicate)
  if (!parsed.success) return { refused: 'manifest_malformed', detail: parsed.error.issues[0]?.path.join('.') }
  const { resources, serialization } = parsed.data
  if (serialization.hash_type === 'blake3') return { refused: 'hash_unsupported' }
  const pieces = resources.map(({ name }) => pieceNamed(name, serialization.method))
  const fault =
    serializationFault(parsed.data) ??
    (areCanonical(pieces) ? undefined : 'name_not_canonical') ??
    (isSorted(pieces as Piece[]) || isSortedByName(resources) ? undefined : 'names_not_sorted') ??
    (areWhole(pieces as Piece[], serialization) ? undefined : 'shards_incomplete') ??
    (rootDigest(resources) === model.digest.sha256 ? undefined : 'root_digest_wrong')
  if (fault) return { refused: fault }
  return {
    name: model.name,
    rootDigest: rootDigest(resources),
    serialization,
    pieces: new Map(resources.map(({ name, digest }) => [name, digest])),
    paths: new Set((pieces as Piece[]).map(({ path }) => path)),
  }
}

/** A model of one file stands there under its name (§6.1.2), or as the reference signer writes it: `.` and nothing beside. */
const areCanonical = (pieces: (Piece | undefined)[]): boolean =>
  pieces.every((piece) => piece?.path === '.') || pieces.every((piece) => piece && isCanonical(piece.path))

function serializationFault({ resources, serialization }: ModelPredicate): string | undefined {
  const { method, hash_type, shard_size, ignore_paths = [] } = serialization
  // The reference signer names the hash of a shard like this; the specification names it like that of a file.
  const algorithms = method === 'files' ? [hash_type] : [hash_type, `${hash_type}-sharded-${shard_size}`]
  const fits = ({ algorithm, digest }: (typeof resources)[number]) =>
    algorithms.includes(algorithm) && digest.length === DIGEST_LENGTH[hash_type]
  if ((method === 'shards') !== (shard_size !== undefined) || !resources.every(fits)) return 'manifest_malformed'
  // §6.2.1: an entry names one path; one like `.` or `*` would take everything out of what is signed.
  return ignore_paths.every((path) => isCanonical(path) && !/[*?[]/.test(path))
    ? undefined
    : 'ignore_path_not_canonical'
}

/** §5.2.1 sorts names by code points, which is the order of their UTF-8 bytes. Strictly: so no name stands there twice. */
const isSortedByName = (resources: ModelPredicate['resources']): boolean =>
  increases(
    resources.map(({ name }) => Buffer.from(name)),
    Buffer.compare,
  )

/** The reference signer sorts paths component by component, and shards by their number. Either order is one order. */
const isSorted = (pieces: Piece[]): boolean =>
  increases(
    pieces.map(({ path, range }) => ({
      parts: path.split('/').map((part) => Buffer.from(part)),
      start: range?.start ?? 0,
    })),
    (a, b) => {
      const at = a.parts.findIndex((part, index) => !b.parts[index]?.equals(part))
      if (at < 0) return a.parts.length - b.parts.length || a.start - b.start
      const other = b.parts[at]
      return other ? Buffer.compare(a.parts[at] as Buffer, other) : 1
    },
  )

const increases = <T>(all: T[], compare: (a: T, b: T) => number): boolean =>
  all.every((one, at) => at === 0 || compare(all[at - 1] as T, one) < 0)

/** §6.3.2: shards of a file follow one another from its first byte, each of the full size but the last. */
function areWhole(pieces: Piece[], { method, shard_size = 0 }: Serialization): boolean {
  if (method === 'files') return true
  const shards = Map.groupBy(pieces, ({ path }) => path)
  return [...shards.values()].every((all) => {
    const ranges = all.flatMap(({ range }) => (range ? [range] : [])).sort((a, b) => a.start - b.start)
    return ranges.every(({ start, end }, at) => {
      const full = start === at * shard_size && end > start
      return full && (at === ranges.length - 1 ? end - start <= shard_size : end - start === shard_size)
    })
  })
}
