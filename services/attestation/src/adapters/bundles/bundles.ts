/**
 * Keys of other trust domains: as their anchors bring them, and where an anchor names an endpoint, as that serves them by
 * now (SPIFFE_Federation.md §4, profile https_web). Each anchor's bundle is held by itself, and never merged (§4.2).
 */
import type { Anchor, AnchorMaterial } from '@credence/contracts/attestation/trust'
import { CredenceError, unavailable } from '@credence/contracts/errors'
import { type Clock, later } from '@credence/shared/clock'
import type { Egress } from '@credence/shared/http/egress'
import type { Log } from '@credence/shared/log'
import { parseBundle, refuseOlder, type TrustBundle } from '@credence/shared/spiffe/bundle'

export type TrustDomainAnchor = Extract<AnchorMaterial, { type: 'spiffe-trust-domain' }>

export type Bundles = {
  /**
   * The bundle of an anchor that holds now.
   * @throws CredenceError `bundle_malformed`; `bundle_stale` when its endpoint has not answered for a day
   */
  of(anchor: string, material: TrustDomainAnchor): TrustBundle
  /**
   * Fetches what is due, of these anchors; what is held of others is forgotten. A fetch that fails changes nothing: it
   * is logged, and tried again. Safe to call at any time, and by every replica for itself.
   */
  refresh(anchors: readonly Anchor[]): Promise<void>
}

type Held = {
  bundle: TrustBundle
  /** When the endpoint last answered; when this process first saw the anchor, until it does. */
  freshAt: Date
  dueAt: Date
}

/** However often or seldom a domain wants to be asked. */
const SOONEST_SECONDS = 30
const LATEST_SECONDS = 3_600
/** Keys that were taken out because they leaked must not count for as long as somebody keeps us from hearing of it. */
const STALE_SECONDS = 86_400

/** @param parts.egress how endpoints are reached: https only, and no redirects */
export function createBundles(parts: { egress: Egress; clock: Clock; log: Log }): Bundles {
  const { egress, clock, log } = parts
  const held = new Map<string, Held>()

  // An anchor never changes: another bundle of its operator's is another anchor.
  const holds = (anchor: string, material: TrustDomainAnchor): Held => {
    const known = held.get(anchor)
    if (known) return known
    const now = clock()
    const first = { bundle: parseBundle(material.trust_domain, material.bundle), freshAt: now, dueAt: now }
    held.set(anchor, first)
    return first
  }
  const fetchAgain = async (anchor: string, material: TrustDomainAnchor, endpoint: string): Promise<void> => {
    const before = holds(anchor, material)
    const now = clock()
    if (before.dueAt > now) return
    try {
      const bundle = await fetched(egress, material.trust_domain, endpoint)
      refuseOlder(before.bundle, bundle)
      const seconds = Math.min(Math.max(bundle.refreshHintSeconds, SOONEST_SECONDS), LATEST_SECONDS)
      held.set(anchor, { bundle, freshAt: now, dueAt: later(now, seconds) })
    } catch (error) {
      held.set(anchor, { ...before, dueAt: later(now, SOONEST_SECONDS) })
      const reason = error instanceof CredenceError ? error.reason : 'internal'
      log.warn('bundle not refreshed', { address: new URL(endpoint).hostname, reason })
    }
  }
  return {
    of: (anchor, material) => {
      const { bundle, freshAt } = holds(anchor, material)
      if (material.bundle_endpoint && later(freshAt, STALE_SECONDS) < clock())
        throw unavailable('bundle_stale', `The bundle endpoint of ${bundle.trustDomain} has not answered for a day.`)
      return bundle
    },
    refresh: async (anchors) => {
      const living = new Set(anchors.map(({ anchor }) => anchor))
      for (const anchor of held.keys()) if (!living.has(anchor)) held.delete(anchor)
      await Promise.all(
        anchors.map(async ({ anchor, material }) => {
          if (material.type === 'spiffe-trust-domain' && material.bundle_endpoint)
            await fetchAgain(anchor, material, material.bundle_endpoint)
        }),
      )
    },
  }
}

async function fetched(egress: Egress, trustDomain: string, endpoint: string): Promise<TrustBundle> {
  const response = await egress(endpoint, { headers: { accept: 'application/json' } })
  if (response.status !== 200)
    throw unavailable(
      'bundle_not_served',
      `${new URL(endpoint).hostname} answers ${response.status}, not with a bundle.`,
    )
  return parseBundle(trustDomain, await response.text())
}
