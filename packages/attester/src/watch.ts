/**
 * Tells at once when a watched file changes. The kernel's notice (inotify, through fs.watch on the folders) only says when
 * to look; what changed is found by looking. A look every second finds what gives no notice: network file systems, another
 * hard link, writes through a mapping.
 *
 * Why not chokidar: it watches file by file, and holds events back (50 ms for changes, 100 ms for replaced files) to tell
 * kinds of events apart that do not matter here.
 */
import { type FSWatcher, watch } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { differences, isUnsettled, look, type Places, placesOf, type Snapshot, type Watched } from './watched.ts'

export type Watch = {
  /** Looks now. @returns whether anything is not as it was at the last look */
  check(): Promise<boolean>
  close(): void
}

/** A writer opens, truncates and writes within microseconds. */
const COALESCE_MS = 3
const LOOK_EVERY_MS = 1_000
/** Of the time at most this part is spent looking at large folders. */
const SHARE = 20

/**
 * @param onChange told the paths that changed; not again for what it was told. Never while it runs itself.
 * @returns after the first look: what changes from now on is told
 */
export async function watchFiles(
  watched: readonly Watched[],
  onChange: (paths: string[]) => void,
  options: { lookEveryMs?: number } = {},
): Promise<Watch> {
  const watchers = new Map<string, { watcher: FSWatcher; inode: string }>()
  let places: Places = new Map()
  let snapshot: Snapshot = new Map()
  let closed = false
  let noticed: NodeJS.Timeout | undefined
  let looking: Promise<boolean> = Promise.resolve(false)

  function notice(folder: string, name: string | null): void {
    const names = places.get(folder)
    const counts = !names || name === null || names.has(name) || name === basename(folder)
    if (closed || noticed || !counts) return
    noticed = setTimeout(() => {
      noticed = undefined
      void check(true)
    }, COALESCE_MS)
  }

  /** One look after the other: each compares with the one before. */
  function check(afterNotice = false): Promise<boolean> {
    looking = looking.then(() => once(afterNotice))
    return looking
  }

  async function once(afterNotice: boolean): Promise<boolean> {
    if (closed) return false
    const before = snapshot
    snapshot = await look(watched)
    const changed = differences(before, snapshot)
    // Written twice within one tick: the notice is all there is.
    if (changed.length === 0 && afterNotice && isUnsettled(snapshot))
      changed.push(...[...snapshot].filter(([, print]) => print.endsWith('~')).map(([path]) => path))
    if (changed.length > 0 && !closed) onChange(changed)
    if (changed.length > 0) await arm()
    return changed.length > 0
  }

  async function arm(): Promise<void> {
    places = await placesOf(watched)
    for (const folder of watchers.keys()) if (!places.has(folder)) drop(folder)
    for (const folder of places.keys()) {
      const inode = await inodeOf(folder)
      // Another folder lies at this path now: the old watch would follow the one that was moved away.
      if (watchers.get(folder)?.inode !== inode) drop(folder)
      if (closed || !inode || watchers.has(folder)) continue
      try {
        const watcher = watch(folder, { persistent: false }, (_, name) => notice(folder, name))
        // Its folder went away, or the kernel has no more watches: the looks go on, and try again.
        watcher.on('error', () => drop(folder))
        watchers.set(folder, { watcher, inode })
        // What happened before this watch was set gave no notice.
        notice(folder, null)
      } catch {}
    }
  }

  function drop(folder: string): void {
    watchers.get(folder)?.watcher.close()
    watchers.delete(folder)
  }

  async function keepLooking(): Promise<void> {
    while (!closed) {
      const began = performance.now()
      await check()
      await arm()
      const wait = Math.max(options.lookEveryMs ?? LOOK_EVERY_MS, SHARE * (performance.now() - began))
      await new Promise<void>((resolve) => {
        setTimeout(resolve, wait).unref()
      })
    }
  }

  snapshot = await look(watched)
  await arm()
  void keepLooking()
  return {
    check: () => check(),
    close: () => {
      closed = true
      clearTimeout(noticed)
      for (const folder of watchers.keys()) drop(folder)
    },
  }
}

const inodeOf = (path: string): Promise<string | undefined> =>
  stat(path, { bigint: true }).then(
    ({ dev, ino }) => `${dev}:${ino}`,
    () => undefined,
  )
