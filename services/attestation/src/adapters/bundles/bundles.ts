/**
 * Keys of other trust domains: as their anchors bring them, and where an anchor names an endpoint, as that serves them by
 * now (SPIFFE_Federation.md §4, profile https_web). Each anchor's bundle is held by itself, and never merged (§4.2).
 */
import type { Anchor, AnchorMaterial } from '@credence/contracts/attestation/trust'
import { CredenceError, unavailable } from '@credence/contracts/errors'
import { type Clock, later } from '@credence/shared/clock'
import type { Egress } from '@credence/shared/http/egress'
import type { Log } from '@credence/shared/log'
import { parseBundle, refuseOlder } from '@credence/shared/spiffe/bundle'
import type { Verify } from '../../api/verifier.ts'

type TrustDomainAnchor = Extract<AnchorMaterial, { type: 'spiffe-trust-domain' }>

export type Bundles = {
  /** An anchor with the bundle that holds now; with none that can be read when its endpoint has been silent for a day. */
  current(anchor: Anchor): Anchor
  /**
   * Fetches what is due, of these anchors; what is held of others is forgotten. A fetch that fails changes nothing: it
   * is logged, and tried again. Safe to call at any time, and by every replica for itself.
   */
  refresh(anchors: readonly Anchor[]): Promise<void>
}

type Held = {
  /** JSON, as it came. */
  text: string
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
    const first = { text: material.bundle, freshAt: now, dueAt: now }
    held.set(anchor, first)
    return first
  }
  const fetchAgain = async (anchor: string, material: TrustDomainAnchor, endpoint: string): Promise<void> => {
    const before = holds(anchor, material)
    const now = clock()
    if (before.dueAt > now) return
    try {
      const text = await fetched(egress, endpoint)
      const bundle = parseBundle(material.trust_domain, text)
      refuseOlder(parseBundle(material.trust_domain, before.text), bundle)
      const seconds = Math.min(Math.max(bundle.refreshHintSeconds, SOONEST_SECONDS), LATEST_SECONDS)
      held.set(anchor, { text, freshAt: now, dueAt: later(now, seconds) })
    } catch (error) {
      held.set(anchor, { ...before, dueAt: later(now, SOONEST_SECONDS) })
      const reason = error instanceof CredenceError ? error.reason : 'internal'
      log.warn('bundle not refreshed', { address: new URL(endpoint).hostname, reason })
    }
  }
  return {
    current: (anchor) => {
      const { material } = anchor
      if (material.type !== 'spiffe-trust-domain' || !material.bundle_endpoint) return anchor
      const { text, freshAt } = holds(anchor.anchor, material)
      const bundle = later(freshAt, STALE_SECONDS) < clock() ? '' : text
      return { ...anchor, material: { ...material, bundle } }
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

/** Verifies by the bundles that hold now: verifiers themselves ask nobody. */
export const withCurrentBundles =
  (bundles: Bundles, verify: Verify): Verify =>
  (kind, content, about) =>
    verify(kind, content, { ...about, anchors: about.anchors.map(bundles.current) })

async function fetched(egress: Egress, endpoint: string): Promise<string> {
  const response = await egress(endpoint, { headers: { accept: 'application/json' } })
  if (response.status !== 200)
    throw unavailable(
      'bundle_not_served',
      `${new URL(endpoint).hostname} answers ${response.status}, not with a bundle.`,
    )
  return response.text()
}
