/** SHA-256 of one file, read as a stream: at disk or hash speed, in a few hundred kilobytes of memory. */
import { createHash } from 'node:crypto'
import { type BigIntStats, constants } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { MeasureError, unreadable } from '../measure-error.ts'
import { fingerprintOf, isTooFresh } from './fingerprint.ts'

export type FileDigest = {
  /** 64 lower-case hexadecimal digits. */
  digest: string
  fingerprint: string
  bytes: number
  /** Whether the fingerprint stands for the digest from now on. */
  settled: boolean
}

/** Large enough for one call to weigh nothing, small enough for two to stay in a core’s cache. */
const CHUNK_BYTES = 512 * 1024
/** A file that is written meanwhile is read again: so often. */
const ATTEMPTS = 3
const PAUSE_MS = 20

/**
 * @param onBytes told how many bytes were read since it was told last
 * @throws MeasureError `file_missing`, `file_unreadable`, `not_a_file` (folder, device, pipe, socket), or `file_changing`
 * when it was written each time while it was read
 */
export async function digestFile(path: string, onBytes?: (bytes: number) => void): Promise<FileDigest> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const digested = await digestOnce(path, onBytes)
    if (digested) return digested
    if (attempt < ATTEMPTS) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * attempt))
  }
  throw new MeasureError('file_changing', `${path} is being written: it changed each time while it was read.`)
}

/** The digest, when the file was the same before and after, and is still the one that the path leads to. */
async function digestOnce(path: string, onBytes?: (bytes: number) => void): Promise<FileDigest | undefined> {
  const since = Date.now()
  let file: FileHandle | undefined
  try {
    // A pipe would be waited for: it is opened without waiting, and refused.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const before = await file.stat({ bigint: true })
    if (!before.isFile()) throw new MeasureError('not_a_file', `${path} is not a file but ${kindOf(before)}.`)
    const { digest, bytes } = await digestOf(file, onBytes)
    const fingerprint = fingerprintOf(before)
    const after = await file.stat({ bigint: true })
    const there = await stat(path, { bigint: true })
    if (fingerprintOf(after) !== fingerprint || fingerprintOf(there) !== fingerprint) return undefined
    return { digest, fingerprint, bytes, settled: !isTooFresh(before, since) }
  } catch (error) {
    throw unreadable(path, error)
  } finally {
    await file?.close()
  }
}

/** Reads one chunk while the one before is hashed. */
async function digestOf(
  file: FileHandle,
  onBytes?: (bytes: number) => void,
): Promise<{ digest: string; bytes: number }> {
  const hash = createHash('sha256')
  let [filled, free] = [Buffer.allocUnsafeSlow(CHUNK_BYTES), Buffer.allocUnsafeSlow(CHUNK_BYTES)]
  let bytes = 0
  let { bytesRead } = await file.read(filled, 0, CHUNK_BYTES, 0)
  while (bytesRead > 0) {
    bytes += bytesRead
    const next = file.read(free, 0, CHUNK_BYTES, bytes)
    hash.update(bytesRead === CHUNK_BYTES ? filled : filled.subarray(0, bytesRead))
    onBytes?.(bytesRead)
    bytesRead = (await next).bytesRead
    ;[filled, free] = [free, filled]
  }
  return { digest: hash.digest('hex'), bytes }
}

function kindOf(about: BigIntStats): string {
  if (about.isDirectory()) return 'a folder'
  if (about.isFIFO()) return 'a pipe'
  if (about.isSocket()) return 'a socket'
  return 'a device'
}
