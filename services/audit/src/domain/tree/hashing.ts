/** Merkle tree hashing (RFC 6962 §2.1, RFC 9162 §2.1). */
import { createHash } from 'node:crypto'

const LEAF = Buffer.from([0])
const NODE = Buffer.from([1])

export const leafHash = (entry: Uint8Array): Buffer => createHash('sha256').update(LEAF).update(entry).digest()

export const nodeHash = (left: Uint8Array, right: Uint8Array): Buffer =>
  createHash('sha256').update(NODE).update(left).update(right).digest()

export const EMPTY_ROOT: Buffer = createHash('sha256').digest()

/** The largest power of two smaller than `size` (at least 2). */
export function splitPoint(size: number): number {
  let power = 1
  while (power * 2 < size) power *= 2
  return power
}

/** Root over hashes that stand for perfect subtrees of one size; only the last may be smaller. */
export function rootOf(hashes: readonly Uint8Array[]): Uint8Array {
  const [first] = hashes
  if (!first) return EMPTY_ROOT
  if (hashes.length === 1) return first
  const split = splitPoint(hashes.length)
  return nodeHash(rootOf(hashes.slice(0, split)), rootOf(hashes.slice(split)))
}
