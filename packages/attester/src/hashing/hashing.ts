/** Digests of files: from the cache where it holds, small files at once, large ones in threads, several at a time. */
import { stat } from 'node:fs/promises'
import { unreadable } from '../measure-error.ts'
import { type DigestCache, openDigestCache } from './digest-cache.ts'
import { digestFile, type FileDigest } from './digest-file.ts'
import { fingerprintOf } from './fingerprint.ts'
import { createThreads } from './threads.ts'

export type Progress = {
  /** Of all files that have to be read now. */
  doneBytes: number
  totalBytes: number
  /** The one that was read last. */
  path: string
}

export type Digests = { digests: Map<string, string>; settled: boolean }

export type Hashing = {
  /**
   * SHA-256 of each file (symbolic links are followed), by path.
   * @throws MeasureError of the first file that cannot be read, or that is no file
   */
  digests(paths: readonly string[], onProgress?: (progress: Progress) => void): Promise<Map<string, string>>
  /**
   * The same; not `settled` when a file was changed so lately that its next version could look the same: measure once more,
   * after `SETTLE_MS`.
   */
  digestsNow(paths: readonly string[], onProgress?: (progress: Progress) => void): Promise<Digests>
  digest(path: string): Promise<string>
  close(): Promise<void>
}

/** A thread is worth its start from about here. */
const LARGE_BYTES = 8n * 1024n * 1024n
/** Small files at once; each holds two chunks of memory and one descriptor. */
const SMALL_AT_ONCE = 8

/** @param options.cacheFile digests that are kept from one run to the next */
export function createHashing(options: { cacheFile?: string; threads?: number } = {}): Hashing {
  const cache: DigestCache = openDigestCache(options.cacheFile)
  const threads = createThreads(options.threads)
  const underWay = new Map<string, Promise<FileDigest>>()

  async function look(path: string): Promise<{ path: string; size: bigint; known: string | undefined }> {
    try {
      const about = await stat(path, { bigint: true })
      return { path, size: about.size, known: cache.get(fingerprintOf(about)) }
    } catch (error) {
      throw unreadable(path, error)
    }
  }

  /** One reading at a time of each path: who asks meanwhile gets the next one, for the file may have changed since. */
  async function read(path: string, size: bigint, onBytes: (bytes: number) => void): Promise<FileDigest> {
    await underWay.get(path)?.catch(() => undefined)
    const reading = (size < LARGE_BYTES ? digestFile : threads.digest)(path, onBytes)
    underWay.set(path, reading)
    try {
      const read = await reading
      if (read.settled) cache.set(read.fingerprint, read.digest)
      return read
    } finally {
      if (underWay.get(path) === reading) underWay.delete(path)
    }
  }

  async function digestsNow(paths: readonly string[], onProgress?: (progress: Progress) => void): Promise<Digests> {
    const looked = await Promise.all([...new Set(paths)].map(look))
    const found = new Map(looked.flatMap(({ path, known }) => (known ? [[path, known] as const] : [])))
    const unread = looked.filter(({ known }) => !known)
    const totalBytes = Number(unread.reduce((sum, { size }) => sum + size, 0n))
    let doneBytes = 0
    let allSettled = true
    const one = async ({ path, size }: (typeof unread)[number]) => {
      const { digest, settled } = await read(path, size, (bytes) => {
        doneBytes += bytes
        onProgress?.({ doneBytes, totalBytes, path })
      })
      found.set(path, digest)
      allSettled &&= settled
    }
    const small = unread.filter(({ size }) => size < LARGE_BYTES)
    const lanes = Array.from({ length: SMALL_AT_ONCE }, async () => {
      for (let next = small.pop(); next; next = small.pop()) await one(next)
    })
    const large = unread.filter(({ size }) => size >= LARGE_BYTES)
    await allOrFirstFailure([...lanes, ...large.map(one)])
    cache.save()
    return { digests: found, settled: allSettled }
  }

  const digests: Hashing['digests'] = async (paths, onProgress) => (await digestsNow(paths, onProgress)).digests
  return {
    digests,
    digestsNow,
    digest: async (path) => (await digests([path])).get(path) as string,
    close: async () => {
      cache.save()
      await threads.close()
    },
  }
}

/** Waits for all, so that none is left running, and then fails as the first that failed. */
async function allOrFirstFailure(work: Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(work)).find((end) => end.status === 'rejected')
  if (failed) throw failed.reason
}
