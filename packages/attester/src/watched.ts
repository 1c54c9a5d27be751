/** Files under watch, told from their next version by looking at them and not by reading them. */
import { lstat, readlink, realpath, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { fingerprintOf, isTooFresh } from './hashing/fingerprint.ts'
import { filesIn } from './measure/model.ts'

export type Watched = { file: string } | { folder: string; followLinks?: boolean }

/** By path: its fingerprint, or why there is none. A trailing `~` says that another version could look the same. */
export type Snapshot = Map<string, string>

export async function look(watched: readonly Watched[]): Promise<Snapshot> {
  const paths = await Promise.all(
    watched.map(async (one) => {
      if ('file' in one) return [one.file]
      // A folder that cannot be measured is looked at as a whole; measuring it says what is wrong.
      const files = await filesIn(one.folder, { followLinks: one.followLinks ?? false }).catch(() => undefined)
      return files ? files.map(({ path }) => path) : [one.folder]
    }),
  )
  const all = [...new Set(paths.flat())]
  const prints = await Promise.all(all.map(fingerprint))
  return new Map(all.map((path, index) => [path, prints[index] as string]))
}

async function fingerprint(path: string): Promise<string> {
  try {
    const since = Date.now()
    const about = await stat(path, { bigint: true })
    return `${fingerprintOf(about)}${isTooFresh(about, since) ? '~' : ''}`
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown'
  }
}

const settled = (print: string | undefined): string | undefined => print?.replace(/~$/, '')

/** Paths that came, went, or have another fingerprint. */
export function differences(before: Snapshot, after: Snapshot): string[] {
  const paths = new Set([...before.keys(), ...after.keys()])
  return [...paths].filter((path) => settled(before.get(path)) !== settled(after.get(path)))
}

/** Whether a file was changed so lately that its next version could look the same. */
export const isUnsettled = (snapshot: Snapshot): boolean => [...snapshot.values()].some((print) => print.endsWith('~'))

/** Folders whose entries decide what the watched paths lead to, each with the names that count there; all of them without. */
export type Places = Map<string, Set<string> | undefined>

export async function placesOf(watched: readonly Watched[]): Promise<Places> {
  const places: Places = new Map()
  const add = (path: string) => {
    const folder = dirname(path)
    const names = places.has(folder) ? places.get(folder) : new Set<string>()
    names?.add(path.slice(folder === '/' ? 1 : folder.length + 1))
    places.set(folder, names)
  }
  for (const one of watched) {
    if ('file' in one) {
      for (const path of await stepsTo(one.file)) add(path)
      continue
    }
    for (const path of await stepsTo(one.folder)) add(path)
    places.set(await realpath(one.folder).catch(() => one.folder), undefined)
    const files = await filesIn(one.folder, { followLinks: one.followLinks ?? false }).catch(() => [])
    for (const { path } of files) {
      places.set(dirname(path), undefined)
      if (one.followLinks) for (const step of (await stepsTo(path)).slice(1)) add(step)
    }
  }
  return places
}

const MOST_STEPS = 16

/** The path, and whatever symbolic links it leads through: those of its folders (as Kubernetes swaps them) as well. */
async function stepsTo(path: string): Promise<string[]> {
  const steps = new Set<string>()
  const waiting = [resolve(path)]
  for (let next = waiting.pop(); next && steps.size < MOST_STEPS; next = waiting.pop()) {
    if (steps.has(next)) continue
    steps.add(next)
    for (let at = next; at !== '/'; at = dirname(at)) {
      const link = await lstat(at).then(
        (about) => about.isSymbolicLink(),
        () => false,
      )
      if (!link) continue
      steps.add(at)
      const target = await readlink(at).catch(() => undefined)
      if (target) waiting.push(join(resolve(dirname(at), target), next.slice(at.length)))
    }
  }
  return [...steps]
}
