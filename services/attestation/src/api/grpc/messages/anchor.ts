/** A trust anchor: proto ↔ contract. */
import { Anchor, type AnchorMaterial } from '@credence/contracts/attestation/trust'
import type {
  TrustAnchor as AnchorMessage,
  SignerIdentity,
} from '@credence/contracts/gen/credence/attestation/v1/attestation'
import { parseBundle } from '@credence/shared/spiffe/bundle'
import { MATERIALS_FOR } from '../../../domain/anchor.ts'
import { checked, converted, type Path, refuseGiven } from './converted.ts'

const GIVEN = ['id', 'approvedBy', 'approvedAt', 'withdrawn', 'withdrawnBy']
type Case = NonNullable<AnchorMessage['material']>
/** What is approved, before it has an id. */
export type Wanted = Omit<Anchor, 'anchor'>

/** Members of the contract that are called otherwise in the proto. */
const NAMES: Record<string, string> = { intermediates: 'intermediates_pem' }

export const AnchorField = converted((message: AnchorMessage, fault): Wanted | undefined => {
  refuseGiven(message, GIVEN, fault)
  const { label, kinds, blueprints, material } = message
  if (!material)
    return void fault(
      ['material'],
      'must be one of public_key, certificate_authority, sigstore, tpm_manufacturer, tpm_endorsement_key, kubernetes_cluster, spiffe_trust_domain',
    )
  const wanted = { label, kinds, blueprints, material: materialOf(material) }
  const named = ([first = '', second = '', ...rest]: Path): Path =>
    first === 'material'
      ? [material.$case, NAMES[String(second)] ?? second, ...rest]
      : [first, ...[second].filter((one) => one !== ''), ...rest]
  const anchor = checked(Anchor.omit({ anchor: true }), wanted, { path: [], fault, named })
  if (!anchor) return undefined
  for (const [index, kind] of anchor.kinds.entries())
    if (!MATERIALS_FOR[kind].includes(anchor.material.type))
      fault(['kinds', index], `${anchor.material.type} cannot vouch for ${kind}`)
  if (anchor.material.type === 'spiffe-trust-domain' && !isBundle(anchor.material))
    fault(['spiffe_trust_domain', 'bundle'], 'must be a SPIFFE trust bundle')
  if (new Set(anchor.kinds).size < anchor.kinds.length) fault(['kinds'], 'must name each kind once')
  if (anchor.material.type === 'sigstore')
    for (const [index, { issuer }] of anchor.material.identities.entries())
      if (!issuer) fault(['sigstore', 'identities', index, 'issuer'], 'must not be empty')
  return anchor
})

function isBundle({ trust_domain, bundle }: Extract<AnchorMaterial, { type: 'spiffe-trust-domain' }>): boolean {
  try {
    parseBundle(trust_domain, bundle)
    return true
  } catch {
    return false
  }
}

const identitiesOf = (identities: SignerIdentity[]) =>
  identities.map(({ san, issuer }) => ({ san, ...(issuer ? { issuer } : {}) }))

function materialOf(of: Case): object {
  switch (of.$case) {
    case 'publicKey': {
      const { pem, provider } = of.value
      return { type: 'public-key', pem, ...(provider ? { provider } : {}) }
    }
    case 'certificateAuthority': {
      const { pem, intermediatesPem, identities } = of.value
      const intermediates = intermediatesPem ? { intermediates: intermediatesPem } : {}
      return { type: 'certificate-authority', pem, ...intermediates, identities: identitiesOf(identities) }
    }
    case 'sigstore': {
      const { trustedRoot, identities } = of.value
      return { type: 'sigstore', trusted_root: trustedRoot, identities: identitiesOf(identities) }
    }
    case 'tpmManufacturer':
      return { type: 'tpm-manufacturer', pem: of.value.pem }
    case 'tpmEndorsementKey':
      return { type: 'tpm-endorsement-key', ek_digest: of.value.ekDigest }
    case 'kubernetesCluster': {
      const { issuer, audience, jwks } = of.value
      return { type: 'kubernetes-cluster', issuer, audience, jwks }
    }
    case 'spiffeTrustDomain': {
      const { trustDomain: trust_domain, bundle, bundleEndpoint } = of.value
      const endpoint = bundleEndpoint ? { bundle_endpoint: bundleEndpoint } : {}
      return { type: 'spiffe-trust-domain', trust_domain, bundle, ...endpoint }
    }
  }
}

export const anchorMessage = (
  { anchor, label, kinds, blueprints, material }: Anchor,
  said: Pick<AnchorMessage, 'approvedBy' | 'approvedAt' | 'withdrawn' | 'withdrawnBy'>,
): AnchorMessage => ({ id: anchor, label, kinds, blueprints, material: caseOf(material), ...said })

const identityMessages = (identities: { san: string; issuer?: string | undefined }[]): SignerIdentity[] =>
  identities.map(({ san, issuer = '' }) => ({ san, issuer }))

function caseOf(material: AnchorMaterial): Case {
  switch (material.type) {
    case 'public-key':
      return { $case: 'publicKey', value: { pem: material.pem, provider: material.provider ?? '' } }
    case 'certificate-authority': {
      const { pem, intermediates: intermediatesPem = '', identities } = material
      return {
        $case: 'certificateAuthority',
        value: { pem, intermediatesPem, identities: identityMessages(identities) },
      }
    }
    case 'sigstore': {
      const { trusted_root: trustedRoot, identities } = material
      return { $case: 'sigstore', value: { trustedRoot, identities: identityMessages(identities) } }
    }
    case 'tpm-manufacturer':
      return { $case: 'tpmManufacturer', value: { pem: material.pem } }
    case 'tpm-endorsement-key':
      return { $case: 'tpmEndorsementKey', value: { ekDigest: material.ek_digest } }
    case 'kubernetes-cluster': {
      const { issuer, audience, jwks } = material
      return { $case: 'kubernetesCluster', value: { issuer, audience, jwks } }
    }
    case 'spiffe-trust-domain': {
      const { trust_domain: trustDomain, bundle, bundle_endpoint: bundleEndpoint = '' } = material
      return { $case: 'spiffeTrustDomain', value: { trustDomain, bundle, bundleEndpoint } }
    }
  }
}
