/** Tiles of 256 hashes and bundles of 256 entries (C2SP tlog-tiles), grown at the right edge. */
import { leafHash, rootOf } from './hashing.ts'

export const TILE_WIDTH = 256
const HASH_BYTES = 32
/** A bundle writes the length of an entry in two bytes. */
export const MAX_ENTRY_BYTES = 65_535

/** The tiles at the right edge, one a level, each with 0 … 255 hashes; and the entries of the last bundle. */
export type Edge = { size: number; levels: Uint8Array[][]; entries: Uint8Array[] }

export const emptyEdge = (): Edge => ({ size: 0, levels: [[]], entries: [] })

/** A tile or a bundle that is complete and will never change. */
export type Full = { level: number | 'entries'; index: number; bytes: Uint8Array }

/** Adds entries to the edge, in place. @returns what became complete @throws Error for an entry that a bundle cannot hold */
export function extend(edge: Edge, entries: readonly Uint8Array[]): Full[] {
  const full: Full[] = []
  for (const entry of entries) {
    if (entry.byteLength > MAX_ENTRY_BYTES)
      throw new Error(`entry ${edge.size} has ${entry.byteLength} bytes; at most ${MAX_ENTRY_BYTES} fit`)
    edge.entries.push(entry)
    if (edge.entries.length === TILE_WIDTH) {
      full.push({ level: 'entries', index: Math.floor(edge.size / TILE_WIDTH), bytes: encodeBundle(edge.entries) })
      edge.entries = []
    }
    push(edge, 0, leafHash(entry), full)
    edge.size++
  }
  return full
}

function push(edge: Edge, level: number, hash: Uint8Array, full: Full[]): void {
  const tile = edge.levels[level] ?? []
  edge.levels[level] = tile
  tile.push(hash)
  if (tile.length < TILE_WIDTH) return
  const index = Math.floor(edge.size / TILE_WIDTH ** (level + 1))
  full.push({ level, index, bytes: Buffer.concat(tile) })
  edge.levels[level] = []
  push(edge, level + 1, rootOf(tile), full)
}

/** Root of the whole tree: each level's edge, with what lies below it as its last, smaller subtree. */
export function rootOfEdge({ levels }: Edge): Uint8Array {
  let rest: Uint8Array | undefined
  for (const tile of levels) {
    const hashes = rest ? [...tile, rest] : tile
    if (hashes.length > 0) rest = rootOf(hashes)
  }
  return rest ?? rootOf([])
}

/** Number of hashes at a level of a tree of this size. */
export const hashesAt = (level: number, size: number): number => Math.floor(size / TILE_WIDTH ** level)

/** The highest level of a tree of this size that has a hash. */
export function topLevel(size: number): number {
  let level = 0
  while (hashesAt(level + 1, size) > 0) level++
  return level
}

export const splitTile = (bytes: Uint8Array): Uint8Array[] =>
  Array.from({ length: bytes.byteLength / HASH_BYTES }, (_, at) =>
    bytes.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES),
  )

/** `tile/<L>/<N>[.p/<W>]`: N in groups of three digits, all but the last behind an x. Width 256: the full tile. */
export function tilePath(level: number | 'entries', index: number, width: number): string {
  const groups: string[] = []
  for (let rest = index; groups.length === 0 || rest > 0; rest = Math.floor(rest / 1000))
    groups.unshift(String(rest % 1000).padStart(3, '0'))
  const name = groups.map((group, at) => (at < groups.length - 1 ? `x${group}` : group)).join('/')
  return `tile/${level}/${name}${width < TILE_WIDTH ? `.p/${width}` : ''}`
}

/** Big-endian uint16 length, then bytes, for each entry. */
export function encodeBundle(entries: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(
    entries.flatMap((entry) => {
      const length = Buffer.alloc(2)
      length.writeUInt16BE(entry.byteLength)
      return [length, entry]
    }),
  )
}

export function decodeBundle(bytes: Uint8Array): Uint8Array[] {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const entries: Uint8Array[] = []
  for (let at = 0; at < view.length; ) {
    const end = at + 2 + view.readUInt16BE(at)
    if (end > view.length) throw new Error('the bundle ends inside an entry')
    entries.push(view.subarray(at + 2, end))
    at = end
  }
  return entries
}
