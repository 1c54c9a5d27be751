/** Bundles of other trust domains as their anchors bring them, each read once. */
import type { AnchorMaterial } from '@credence/contracts/attestation/trust'
import { parseBundle, type TrustBundle } from '@credence/shared/spiffe/bundle'

type Material = Extract<AnchorMaterial, { type: 'spiffe-trust-domain' }>

/** @returns the bundle of an anchor. It throws CredenceError `bundle_malformed` when the anchor's text is none */
export function anchoredBundles(): (anchor: string, material: Material) => TrustBundle {
  const read = new WeakMap<Material, TrustBundle>()
  return (_anchor, material) => {
    const held = read.get(material)
    if (held) return held
    const bundle = parseBundle(material.trust_domain, material.bundle)
    read.set(material, bundle)
    return bundle
  }
}
