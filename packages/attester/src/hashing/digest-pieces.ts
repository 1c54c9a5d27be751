/** Digests of a file in pieces, or with another hash than SHA-256, as a signed model may ask for. */
import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { MeasureError, unreadable } from '../measure-error.ts'
import { fingerprintOf, isTooFresh } from './fingerprint.ts'

export type Cut = {
  algorithm: 'sha256' | 'blake2b'
  /** Bytes of each piece; without it the file is one. */
  shardSize?: number | undefined
}
export type PieceDigest = { start: number; end: number; digest: string }

const NODE_HASH = { sha256: 'sha256', blake2b: 'blake2b512' }
const CHUNK_BYTES = 512 * 1024
/** Files whose pieces are remembered. */
const MOST_KEPT = 4096

/** @returns a function that digests a file’s pieces, and remembers them for as long as the file is told to be the same */
export function createPieceDigests(): (path: string, cut: Cut) => Promise<PieceDigest[]> {
  const kept = new Map<string, PieceDigest[]>()
  return async (path, cut) => {
    let file: FileHandle | undefined
    try {
      const since = Date.now()
      file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
      const before = await file.stat({ bigint: true })
      if (!before.isFile()) throw new MeasureError('not_a_file', `${path} is not a file.`)
      const key = `${fingerprintOf(before)}:${cut.algorithm}:${cut.shardSize ?? 0}`
      const known = kept.get(key)
      if (known) return known
      const pieces = await digestAll(file, Number(before.size), cut)
      const after = await file.stat({ bigint: true })
      if (fingerprintOf(after) !== fingerprintOf(before))
        throw new MeasureError('file_changing', `${path} is being written: it changed while it was read.`)
      if (kept.size >= MOST_KEPT) kept.clear()
      if (!isTooFresh(before, since)) kept.set(key, pieces)
      return pieces
    } catch (error) {
      throw unreadable(path, error)
    } finally {
      await file?.close()
    }
  }
}

async function digestAll(file: FileHandle, size: number, { algorithm, shardSize }: Cut): Promise<PieceDigest[]> {
  const pieces: PieceDigest[] = []
  const step = shardSize ?? Math.max(size, 1)
  const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES)
  // Whole, an empty file is a piece; cut into shards it has none (OpenSSF Model Signing v1.0, §6.3.2).
  for (let start = 0; start < size || (shardSize === undefined && pieces.length === 0); start += step) {
    const end = Math.min(start + step, size)
    const hash = createHash(NODE_HASH[algorithm])
    for (let at = start; at < end; ) {
      const { bytesRead } = await file.read(buffer, 0, Math.min(CHUNK_BYTES, end - at), at)
      if (bytesRead === 0) break
      hash.update(buffer.subarray(0, bytesRead))
      at += bytesRead
    }
    pieces.push({ start, end, digest: hash.digest('hex') })
  }
  return pieces
}
