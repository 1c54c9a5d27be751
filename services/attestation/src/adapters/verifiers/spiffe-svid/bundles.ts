/** Bundles that were read before: reading one takes longer than verifying by it, and few domains send many agents. */
import { parseBundle, type TrustBundle } from '@credence/shared/spiffe/bundle'

const MOST = 32
const held = new Map<string, TrustBundle>()

/** @throws CredenceError `bundle_malformed` */
export function bundleOf(trustDomain: string, text: string): TrustBundle {
  // A domain has no space in it, so that no two pairs are one key.
  const key = `${trustDomain} ${text}`
  const bundle = held.get(key) ?? parseBundle(trustDomain, text)
  held.delete(key)
  held.set(key, bundle)
  const [oldest] = held.keys()
  if (held.size > MOST && oldest !== undefined) held.delete(oldest)
  return bundle
}
