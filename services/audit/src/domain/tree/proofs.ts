/** Inclusion and consistency proofs (RFC 9162 §2.1.3.1, §2.1.4.1) from stored tiles: a few tile reads each. */
import { nodeHash, rootOf, splitPoint } from './hashing.ts'
import { hashesAt, TILE_WIDTH } from './tiles.ts'

/** Reads the hashes of one tile, `width` of them. */
export type ReadTile = (level: number, index: number, width: number) => Promise<Uint8Array[]>

/** Sibling hashes from the leaf to the root. */
export async function inclusionProof(index: number, size: number, read: ReadTile): Promise<Uint8Array[]> {
  const tree = subtreesOf(size, read)
  const path = async (start: number, end: number): Promise<Uint8Array[]> => {
    if (end - start === 1) return []
    const middle = start + splitPoint(end - start)
    return index < middle
      ? [...(await path(start, middle)), await tree(middle, end)]
      : [...(await path(middle, end)), await tree(start, middle)]
  }
  return path(0, size)
}

/** That the tree of `oldSize` (at least 1) is the beginning of the tree of `newSize`. */
export async function consistencyProof(oldSize: number, newSize: number, read: ReadTile): Promise<Uint8Array[]> {
  const tree = subtreesOf(newSize, read)
  const subproof = async (start: number, end: number, complete: boolean): Promise<Uint8Array[]> => {
    if (oldSize === end) return complete ? [] : [await tree(start, end)]
    const middle = start + splitPoint(end - start)
    return oldSize <= middle
      ? [...(await subproof(start, middle, complete)), await tree(middle, end)]
      : [...(await subproof(middle, end, false)), await tree(start, middle)]
  }
  return oldSize === newSize ? [] : subproof(0, newSize, true)
}

/** Hashes of the subtrees that the RFC's recursion asks for: perfect ones lie in one tile, others are cut once more. */
function subtreesOf(size: number, read: ReadTile) {
  const tiles = new Map<string, Promise<Uint8Array[]>>()
  const tile = (level: number, index: number) => {
    const key = `${level}/${index}`
    const width = Math.min(TILE_WIDTH, hashesAt(level, size) - index * TILE_WIDTH)
    const known = tiles.get(key) ?? read(level, index, width)
    tiles.set(key, known)
    return known
  }
  return async function subtree(start: number, end: number): Promise<Uint8Array> {
    const length = end - start
    const power = Math.log2(length)
    if (Number.isInteger(power)) {
      const level = Math.floor(power / 8)
      const first = start / TILE_WIDTH ** level
      const hashes = await tile(level, Math.floor(first / TILE_WIDTH))
      const at = first % TILE_WIDTH
      return rootOf(hashes.slice(at, at + 2 ** (power % 8)))
    }
    const middle = start + splitPoint(length)
    return nodeHash(await subtree(start, middle), await subtree(middle, end))
  }
}
