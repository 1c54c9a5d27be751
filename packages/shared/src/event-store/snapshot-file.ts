/**
 * The file of a snapshot: frames, each `length (4 bytes) | SHA-256 (32 bytes) | body`. A body is a value in V8's clone
 * format; its digest covers the digest before it as well, so a frame that is changed, moved or missing is found out when
 * it is reached. The last frame says how many there are.
 */
import { createHash } from 'node:crypto'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { deserialize, serialize } from 'node:v8'

const DIGEST_BYTES = 32
const HEAD_BYTES = 4 + DIGEST_BYTES
const MAX_FRAME_BYTES = 64 * 1024 * 1024
const WRITE_BYTES = 1024 * 1024
const READ_BYTES = 4 * 1024 * 1024

type End = { end: true; frames: number }

const chained = (before: Buffer, body: Uint8Array): Buffer => createHash('sha256').update(before).update(body).digest()

/**
 * Writes frames beside the file and puts them in its place when all are there. It is not flushed to the disk: what a
 * power cut tears is seen by its digests, and the streams are replayed.
 * @param pause awaited after each frame, so that whoever writes beside requests can let them go first
 */
export async function writeFrames(
  path: string,
  frames: Iterable<unknown>,
  pause: () => Promise<void>,
): Promise<{ bytes: number }> {
  const beside = `${path}.${process.pid}.tmp`
  const file = await open(beside, 'w', 0o600)
  let digest: Buffer = Buffer.alloc(0)
  const parts: Uint8Array[] = []
  let waiting = 0
  let bytes = 0
  let count = 0
  const put = async (value: unknown) => {
    const body = serialize(value)
    digest = chained(digest, body)
    const length = Buffer.alloc(4)
    length.writeUInt32BE(body.byteLength)
    parts.push(length, digest, body)
    waiting += HEAD_BYTES + body.byteLength
    count++
    if (waiting >= WRITE_BYTES) await flush()
  }
  const flush = async () => {
    bytes += waiting
    waiting = 0
    await file.writev(parts.splice(0))
  }
  try {
    for (const frame of frames) {
      await put(frame)
      await pause()
    }
    await put({ end: true, frames: count } satisfies End)
    await flush()
    await file.close()
    await rename(beside, path)
    return { bytes }
  } catch (error) {
    await file.close().catch(() => undefined)
    await rm(beside, { force: true })
    throw error
  }
}

/** @throws Error for a file that is not whole and unchanged, though the frames before the fault were given */
export async function* readFrames(path: string): AsyncGenerator<unknown, void> {
  const file = await open(path, 'r')
  try {
    const reader = readerOf(file)
    let digest: Buffer = Buffer.alloc(0)
    for (let count = 0; ; count++) {
      const head = await reader(HEAD_BYTES)
      const length = head.readUInt32BE(0)
      if (length > MAX_FRAME_BYTES) throw new Error('a frame is too long')
      const expected = Buffer.from(head.subarray(4))
      const body = await reader(length)
      digest = chained(digest, body)
      if (!digest.equals(expected)) throw new Error('a digest does not fit')
      const value: unknown = deserialize(body)
      if (isEnd(value)) {
        if (value.frames !== count) throw new Error('frames are missing')
        return
      }
      yield value
    }
  } finally {
    await file.close()
  }
}

const isEnd = (value: unknown): value is End => typeof value === 'object' && value !== null && 'end' in value

/** Gives the next bytes of a file; they are valid until it is called again. */
function readerOf(file: FileHandle): (wanted: number) => Promise<Buffer> {
  let buffer = Buffer.allocUnsafe(READ_BYTES)
  let start = 0
  let end = 0
  return async (wanted) => {
    if (end - start < wanted) {
      const rest = buffer.subarray(start, end)
      if (buffer.byteLength < wanted) {
        const larger = Buffer.allocUnsafe(wanted)
        rest.copy(larger)
        buffer = larger
      } else rest.copy(buffer)
      end -= start
      start = 0
    }
    while (end - start < wanted) {
      const { bytesRead } = await file.read(buffer, end, buffer.byteLength - end)
      if (bytesRead === 0) throw new Error('the file ends too early')
      end += bytesRead
    }
    start += wanted
    return buffer.subarray(start - wanted, start)
  }
}
