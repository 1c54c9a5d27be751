/**
 * Digests by fingerprint, kept in a file, so that a model of many gigabytes is read once. What it trusts: that nobody can
 * change a file and keep its device, inode, size, and both times. Root can (it sets the clock, or writes to the device);
 * a program that has the file mapped for writing can for as long as its pages are dirty. So a digest counts for a day.
 */
import { randomUUID } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { Sha256 } from '@credence/contracts/events/values'
import { z } from 'zod'

export type DigestCache = {
  get(fingerprint: string): string | undefined
  set(fingerprint: string, digest: string): void
  /** Writes it to its file, when something is new. */
  save(): void
}

/** About 4 MB as a file. The oldest go first. */
const MOST = 20_000
const MAX_BYTES = 16 * 1024 * 1024
const LIFE_MS = 24 * 3_600_000

const Kept = z.strictObject({
  version: z.literal(1),
  digests: z.array(z.tuple([z.string().regex(/^\d+(:\d+){4}$/), Sha256, z.int()])).max(MOST),
})

/**
 * @param path file of mode 0600; without one it lasts as long as the process. A file that others may write, or that is
 * broken, counts for nothing and is written anew.
 * @param now for tests
 */
export function openDigestCache(path?: string, now: () => number = Date.now): DigestCache {
  const kept = new Map<string, { digest: string; at: number }>()
  let unsaved = false
  for (const [fingerprint, digest, at] of path ? read(path) : []) kept.set(fingerprint, { digest, at })

  return {
    get: (fingerprint) => {
      const found = kept.get(fingerprint)
      if (found && now() - found.at < LIFE_MS && found.at <= now()) return found.digest
      kept.delete(fingerprint)
      return undefined
    },
    set: (fingerprint, digest) => {
      kept.delete(fingerprint)
      kept.set(fingerprint, { digest, at: now() })
      for (const oldest of kept.keys()) {
        if (kept.size <= MOST) break
        kept.delete(oldest)
      }
      unsaved = true
    },
    save: () => {
      if (!path || !unsaved) return
      write(path, { version: 1, digests: [...kept].map(([fingerprint, { digest, at }]) => [fingerprint, digest, at]) })
      unsaved = false
    },
  }
}

function read(path: string): z.infer<typeof Kept>['digests'] {
  let file: number | undefined
  try {
    // What is looked at is what is read: through one descriptor, and through no link.
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    const about = fstatSync(file)
    const ours = about.isFile() && (about.mode & 0o022) === 0 && (!process.getuid || about.uid === process.getuid())
    if (!ours || about.size > MAX_BYTES) return []
    return Kept.parse(JSON.parse(readFileSync(file, 'utf8'))).digests
  } catch {
    return []
  } finally {
    if (file !== undefined) closeSync(file)
  }
}

function write(path: string, kept: z.infer<typeof Kept>): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const draft = `${path}.${randomUUID()}`
  try {
    writeFileSync(draft, JSON.stringify(kept), { mode: 0o600, flag: 'wx' })
    chmodSync(draft, 0o600)
    renameSync(draft, path)
  } finally {
    rmSync(draft, { force: true })
  }
}
