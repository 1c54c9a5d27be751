/** Real files: read at once, from the cache, changed, vanished, and what is no file at all. */
import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sha256 } from '@credence/shared/digest'
import { afterAll, describe, expect, it } from 'vitest'
import { openDigestCache } from './digest-cache.ts'
import { digestFile } from './digest-file.ts'
import { createHashing, type Progress } from './hashing.ts'

const folder = mkdtempSync(join(tmpdir(), 'credence-hashing-'))
const file = (name: string, content: string | Buffer): string => {
  writeFileSync(join(folder, name), content)
  return join(folder, name)
}
/** Long ago enough for its times to stand for its content; `ctime` follows by itself, so the clock is waited for. */
const settle = () => new Promise((resolve) => setTimeout(resolve, 2_100))
const hashing = createHashing()
afterAll(async () => {
  await hashing.close()
  rmSync(folder, { recursive: true, force: true })
})

describe('a digest of a file', () => {
  it('is SHA-256 of its bytes, whatever its size', async () => {
    const sizes = [0, 1, 512 * 1024 - 1, 512 * 1024, 512 * 1024 + 1, 3_000_000]
    for (const size of sizes) {
      const bytes = Buffer.alloc(size, `${size}`)
      expect(await hashing.digest(file(`size-${size}`, bytes))).toBe(sha256(bytes))
    }
  })

  it('of large files comes from threads, several at once, with progress over all of them', async () => {
    const bytes = [1, 2, 3].map((fill) => Buffer.alloc(40_000_000, fill))
    const paths = bytes.map((content, index) => file(`large-${index}`, content))
    const told: Progress[] = []
    const digests = await hashing.digests(paths, (progress) => told.push(progress))
    expect(paths.map((path) => digests.get(path))).toEqual(bytes.map((content) => sha256(content)))
    expect(told.at(-1)).toMatchObject({ doneBytes: 120_000_000, totalBytes: 120_000_000 })
    expect(told.length).toBeGreaterThan(6)
    expect(told.every(({ doneBytes }, index) => index === 0 || doneBytes >= (told[index - 1]?.doneBytes ?? 0))).toBe(
      true,
    )
  })

  it('follows a symbolic link to its file', async () => {
    const path = file('target', 'content')
    symlinkSync(path, join(folder, 'link'))
    expect(await hashing.digest(join(folder, 'link'))).toBe(sha256('content'))
  })

  it('names what is wrong with what it cannot read', async () => {
    const code = (path: string) => hashing.digest(path).catch((error) => error.code)
    expect(await code(join(folder, 'nothing'))).toBe('file_missing')
    expect(await code(join(file('plain', ''), 'below'))).toBe('file_missing')
    symlinkSync(join(folder, 'nowhere'), join(folder, 'dangling'))
    expect(await code(join(folder, 'dangling'))).toBe('file_missing')
    symlinkSync(join(folder, 'round'), join(folder, 'round'))
    expect(await code(join(folder, 'round'))).toBe('not_a_file')
    mkdirSync(join(folder, 'folder'))
    expect(await code(join(folder, 'folder'))).toBe('not_a_file')
    expect(await code('/dev/zero')).toBe('not_a_file')
    execFileSync('mkfifo', [join(folder, 'pipe')])
    expect(await code(join(folder, 'pipe'))).toBe('not_a_file')
    const server = createServer().listen(join(folder, 'socket'))
    await new Promise((resolve) => server.once('listening', resolve))
    expect(await code(join(folder, 'socket'))).toBe('file_unreadable')
    server.close()
    if (process.getuid?.() !== 0) {
      const hidden = file('hidden', 'content')
      chmodSync(hidden, 0)
      expect(await code(hidden)).toBe('file_unreadable')
    }
  })

  it('is not given for a file that is written all the while', async () => {
    const path = file('busy', Buffer.alloc(2_000_000))
    const digesting = digestFile(path, () => appendFileSync(path, 'x'))
    await expect(digesting).rejects.toMatchObject({ code: 'file_changing' })
  })

  it('is that of the new file when it is replaced while it is read', async () => {
    const path = file('replaced', Buffer.alloc(2_000_000))
    let once = () => {
      renameSync(file('replacement', 'new'), path)
      once = () => undefined
    }
    expect(await digestFile(path, () => once())).toMatchObject({ digest: sha256('new'), bytes: 3 })
  })
})

describe('the cache', () => {
  it('is asked instead of the file, until anything about the file changes', async () => {
    const cacheFile = join(folder, 'state', 'digests.json')
    const path = file('cached', 'content')
    await settle()
    const read = async () => {
      const mine = createHashing({ cacheFile })
      let bytes = 0
      const digests = await mine.digests([path], () => bytes++)
      await mine.close()
      return { digest: digests.get(path), wasRead: bytes > 0 }
    }
    expect(await read()).toEqual({ digest: sha256('content'), wasRead: true })
    expect(await read()).toEqual({ digest: sha256('content'), wasRead: false })
    expect(statSync(cacheFile).mode & 0o777).toBe(0o600)

    // Same size, same modification time: only the change time tells.
    const { atime, mtime } = statSync(path)
    writeFileSync(path, 'CONTENT')
    utimesSync(path, atime, mtime)
    expect(await read()).toEqual({ digest: sha256('CONTENT'), wasRead: true })
    unlinkSync(path)
    expect(await read().catch((error) => error.code)).toBe('file_missing')
  })

  it('keeps nothing of a file that was changed a moment ago: its next version could look the same', async () => {
    const path = file('fresh', 'content')
    expect((await digestFile(path)).settled).toBe(false)
    await settle()
    expect((await digestFile(path)).settled).toBe(true)
  })

  it('counts for nothing when others may write it, when it is broken, or after a day', () => {
    const at = join(folder, 'cache.json')
    const day = 24 * 3_600_000
    const print = '1:2:3:4:5'
    const digest = sha256('content')
    const one = openDigestCache(at, () => 1_000)
    one.set(print, digest)
    one.save()
    const found = (now: number) => openDigestCache(at, () => now).get(print)
    expect(found(1_000)).toBe(digest)
    expect(found(day)).toBe(digest)
    expect(found(1_000 + day)).toBeUndefined()
    expect(found(999)).toBeUndefined()
    chmodSync(at, 0o622)
    expect(found(1_000)).toBeUndefined()
    chmodSync(at, 0o600)
    writeFileSync(at, readFileSync(at, 'utf8').replace(digest, 'ff'))
    expect(found(1_000)).toBeUndefined()
    writeFileSync(at, '{')
    expect(found(1_000)).toBeUndefined()
  })

  it('holds a bounded number, the newest', () => {
    const cache = openDigestCache()
    for (let inode = 0; inode < 20_010; inode++) cache.set(`1:${inode}:3:4:5`, sha256(`${inode}`))
    expect(cache.get('1:9:3:4:5')).toBeUndefined()
    expect(cache.get('1:10:3:4:5')).toBe(sha256('10'))
  })
})
