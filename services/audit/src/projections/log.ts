/**
 * The log: TRAIL as a Merkle tree in tiles, with signed checkpoints. A read model like any other: what is ahead of the
 * last checkpoint is made again from TRAIL, to the same bytes.
 */
import type { Origin } from '@credence/contracts/streams'
import { checkpointText, readCheckpoint, type Signer, signNote, tlogProof, verifierKey } from '../domain/tree/note.ts'
import { consistencyProof, inclusionProof, type ReadTile } from '../domain/tree/proofs.ts'
import {
  decodeBundle,
  type Edge,
  emptyEdge,
  encodeBundle,
  extend,
  hashesAt,
  rootOfEdge,
  splitTile,
  TILE_WIDTH,
  topLevel,
} from '../domain/tree/tiles.ts'

/** Where tiles, bundles (`entries`) and the checkpoint are kept. Width 256: a full one. */
export type TileStore = {
  readTile(level: number | 'entries', index: number, width: number): Promise<Uint8Array>
  writeTile(level: number | 'entries', index: number, width: number, bytes: Uint8Array): Promise<void>
  /** The newest checkpoint, and how far it had read the origins: one thing, written whole or not at all. */
  readHead(): Promise<Head | undefined>
  writeHead(head: Head): Promise<void>
}

export type Head = { checkpoint: string; positions: OriginPositions }

/** The highest sequence of each origin that is in the log. */
export type OriginPositions = Partial<Record<Origin, number>>

export type Log = {
  /** Entries that were added; those from `checkpoint().size` on are not signed yet. */
  size(): number
  checkpoint(): { note: string; size: number }
  verifierKey: string
  positions(): OriginPositions
  /** Adds the next entry. */
  add(entry: Uint8Array, positions: OriginPositions): void
  /** Writes what was added and signs it. Nothing new: nothing happens. */
  seal(): Promise<void>
  /** Resolves when a checkpoint covers `size` entries; false when it takes longer. */
  sealed(size: number, withinMs: number): Promise<boolean>
  entry(index: number): Promise<Uint8Array>
  proofOf(index: number): Promise<string>
  consistency(oldSize: number, newSize: number): Promise<Uint8Array[]>
}

/** @throws Error when the stored tiles do not hash to the signed root */
export async function openLog(store: TileStore, signer: Signer): Promise<Log> {
  const origin = signer.name
  const head = await store.readHead()
  const edge = head ? await restore(store, readCheckpoint(head.checkpoint, origin)) : emptyEdge()
  let note = head?.checkpoint ?? signNote(checkpointText(origin, 0, rootOfEdge(edge)), signer)
  let positions = head?.positions ?? {}
  let signedSize = edge.size
  let pending: Uint8Array[] = []
  let sealing: Promise<void> = Promise.resolve()
  const waiting = new Set<{ size: number; resolve: (covered: boolean) => void }>()
  const readTile: ReadTile = async (level, index, width) => splitTile(await store.readTile(level, index, width))

  async function seal(): Promise<void> {
    if (pending.length === 0) return
    const entries = pending
    const reached = positions
    pending = []
    for (const { level, index, bytes } of extend(edge, entries)) await store.writeTile(level, index, TILE_WIDTH, bytes)
    await writeEdge(store, edge)
    const sealedNote = signNote(checkpointText(origin, edge.size, rootOfEdge(edge)), signer)
    await store.writeHead({ checkpoint: sealedNote, positions: reached })
    note = sealedNote
    signedSize = edge.size
    for (const waiter of waiting)
      if (waiter.size <= signedSize) {
        waiting.delete(waiter)
        waiter.resolve(true)
      }
  }

  return {
    size: () => edge.size + pending.length,
    checkpoint: () => ({ note, size: signedSize }),
    verifierKey: verifierKey(signer),
    positions: () => positions,
    add: (entry, reached) => {
      pending.push(entry)
      positions = reached
    },
    seal: () => {
      sealing = sealing.then(seal)
      return sealing
    },
    sealed: (size, withinMs) => {
      if (signedSize >= size) return Promise.resolve(true)
      return new Promise((resolve) => {
        const finish = (covered: boolean) => {
          clearTimeout(timer)
          waiting.delete(waiter)
          resolve(covered)
        }
        const timer = setTimeout(() => finish(false), withinMs)
        const waiter = { size, resolve: finish }
        waiting.add(waiter)
      })
    },
    entry: async (index) => {
      const bundle = Math.floor(index / TILE_WIDTH)
      const width = Math.min(TILE_WIDTH, signedSize - bundle * TILE_WIDTH)
      const entries = decodeBundle(await readBundle(store, bundle, width))
      return entries[index % TILE_WIDTH] as Uint8Array
    },
    proofOf: async (index) => {
      const signed = note
      return tlogProof(index, await inclusionProof(index, signedSize, readTile), signed)
    },
    consistency: (oldSize, newSize) => consistencyProof(oldSize, newSize, readTile),
  }
}

/** A partial bundle that was read before the full one replaced it is still a valid beginning. */
const readBundle = (store: TileStore, index: number, width: number): Promise<Uint8Array> =>
  store.readTile('entries', index, width).catch(() => store.readTile('entries', index, TILE_WIDTH))

async function writeEdge(store: TileStore, { size, levels, entries }: Edge): Promise<void> {
  for (const [level, tile] of levels.entries())
    if (tile.length > 0)
      await store.writeTile(level, Math.floor(hashesAt(level, size) / TILE_WIDTH), tile.length, Buffer.concat(tile))
  if (entries.length > 0)
    await store.writeTile('entries', Math.floor(size / TILE_WIDTH), entries.length, encodeBundle(entries))
}

async function restore(store: TileStore, { size, root }: { size: number; root: Buffer }): Promise<Edge> {
  const edge = emptyEdge()
  edge.size = size
  for (let level = 0; level <= topLevel(size); level++) {
    const width = hashesAt(level, size) % TILE_WIDTH
    const index = Math.floor(hashesAt(level, size) / TILE_WIDTH)
    edge.levels[level] = width > 0 ? splitTile(await store.readTile(level, index, width)) : []
  }
  const width = size % TILE_WIDTH
  if (width > 0)
    edge.entries = decodeBundle(await readBundle(store, Math.floor(size / TILE_WIDTH), width)).slice(0, width)
  if (!root.equals(rootOfEdge(edge)))
    throw new Error(`the stored tiles do not hash to the root that was signed for ${size} entries`)
  return edge
}
