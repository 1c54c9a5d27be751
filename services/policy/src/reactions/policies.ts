/**
 * Loads the versions that count whenever that changes. Until the active one is loaded, and when it cannot be, there is none:
 * the one before is never used in its place. Versions that may soon be active are loaded ahead.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { notFound } from '@credence/contracts/errors'
import type { Finding, LoadedPolicies } from '@credence/policies/policies'
import { type Log, messageOf } from '@credence/shared/log'
import type { PolicySet } from '../domain/policyset.ts'
import type { Places, PolicySets } from '../projections/policysets.ts'

/** What an engine makes of a version. */
export type Loaded = LoadedPolicies & {
  /** The whole schema that they were checked against, in Cedar's syntax. */
  schemaText: string
  /** Why a slower engine evaluates them; absent when the usual one does. */
  fallback?: string
}

/** The text of a version. */
export type Source = { policies: string; schema: string }

/** What the checks say of a version: with an error among the findings there is nothing to load. */
export type Checked = {
  findings: Finding[]
  loaded?: Loaded
  policyIds: string[]
  /** Of the whole schema that it was checked against, and who checked. */
  schemaDigest: string
  checker: string
}

export type PolicyEngine = {
  check(version: string, source: Source): Promise<Checked>
  /** Texts of the policies by id. @throws CredenceError when they do not parse */
  texts(source: Source): Promise<Map<string, string>>
  /**
   * @param validated what checked them; by another engine or against another schema, they are checked again
   * @throws CredenceError when this engine does not take them
   */
  prepare(version: string, source: Source, validated: PolicySet['validated']): Promise<Loaded>
}

export type PolicyLoader = {
  /** The active version; undefined while there is none, or it is being loaded. */
  live(): Loaded | undefined
  /** Those in report-only that are loaded. */
  reporting(): Loaded[]
  /** Any version, for replay and for looking at. @throws CredenceError `policies_not_found`, or why it cannot be loaded */
  byVersion(version: string): Promise<Loaded>
  /** Takes what was just made of a version, so that it is not made again. */
  offer(loaded: Loaded): void
  /** Loads what counts now, and what may count soon. Resolves when that has been tried. */
  refresh(): Promise<void>
  /** Ends what is tried again. */
  stop(): void
}

/** Beside those that count: versions ready to be activated, or asked for by a replay. */
const KEPT = 4
const RETRY_MS = { first: 1_000, most: 60_000 }

export function createPolicyLoader(parts: {
  policySets: PolicySets
  readText: (version: string, places: Places) => Promise<Source>
  engine: PolicyEngine
  log: Log
}): PolicyLoader {
  const { policySets, readText, engine, log } = parts
  const ready = new Map<string, Loaded>()
  const loading = new Map<string, Promise<Loaded>>()
  const stopped = new AbortController()

  const counting = (): string[] => {
    const { active, reporting } = policySets.counting()
    return active === undefined ? [...reporting] : [active, ...reporting]
  }
  /** Signed off, and not yet active: the newest of them is what is likely to come. */
  const coming = (): string[] =>
    policySets
      .list()
      .filter((set) => set.signedOff && policySets.standingOf(set) === 'validated')
      .slice(0, 1)
      .map(({ version }) => version)

  function keep(loaded: Loaded): Loaded {
    ready.delete(loaded.version)
    ready.set(loaded.version, loaded)
    const needed = new Set(counting())
    const others = [...ready.keys()].filter((version) => !needed.has(version))
    for (const version of others.slice(0, Math.max(0, others.length - KEPT))) ready.delete(version)
    return loaded
  }

  async function prepare(version: string): Promise<Loaded> {
    const set = policySets.get(version)
    const places = policySets.placesOf(version)
    if (!set || !places) throw notFound('policies', version)
    const began = performance.now()
    const loaded = await engine.prepare(version, await readText(version, places), set.validated)
    const milliseconds = Math.round(performance.now() - began)
    log.info('policies loaded', { version, milliseconds })
    return announced(loaded)
  }

  const announced = (loaded: Loaded): Loaded => {
    const { version, engine: name, fallback } = loaded
    if (fallback) log.warn('policies run on the slow engine', { version, type: name, reason: fallback })
    return loaded
  }

  function load(version: string): Promise<Loaded> {
    const known = ready.get(version)
    if (known) return Promise.resolve(keep(known))
    const begun = loading.get(version)
    if (begun) return begun
    const work = prepare(version)
      .then(keep)
      .finally(() => loading.delete(version))
    loading.set(version, work)
    return work
  }

  /** What counts is tried until it is loaded or no longer counts. */
  async function insist(version: string, wait: number = RETRY_MS.first): Promise<void> {
    await delay(wait, undefined, { signal: stopped.signal, ref: false }).catch(() => undefined)
    if (stopped.signal.aborted || ready.has(version) || !counting().includes(version)) return
    await load(version).catch((error) => {
      report(version, error)
      void insist(version, Math.min(wait * 2, RETRY_MS.most))
    })
  }
  const report = (version: string, error: unknown) =>
    log.error('policies cannot be loaded', { version, error: messageOf(error) })

  const wanted = (version: string | undefined): Loaded | undefined =>
    version === undefined ? undefined : ready.get(version)

  return {
    live: () => wanted(policySets.counting().active),
    reporting: () => policySets.counting().reporting.flatMap((version) => wanted(version) ?? []),
    byVersion: load,
    offer: (loaded) => void keep(announced(loaded)),
    refresh: async () => {
      const missing = [...new Set([...counting(), ...coming()])].filter((version) => !ready.has(version))
      await Promise.all(
        missing.map((version) => {
          // One that is being loaded already is looked after by whoever began it.
          const begun = loading.get(version)
          if (begun) return begun.catch(() => undefined)
          return load(version).catch((error) => {
            report(version, error)
            void insist(version)
          })
        }),
      )
    },
    stop: () => stopped.abort(),
  }
}
