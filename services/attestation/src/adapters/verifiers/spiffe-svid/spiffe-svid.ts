/**
 * Evidence of the kind `spiffe-svid`: the agent runs as a workload of another trust domain, which says so by an SVID.
 * An X.509-SVID proves its key on this challenge. A JWT-SVID is bound to the challenge when that stands among its
 * audiences; otherwise it is a bearer token for us, as fresh as it says, and only the agent's statement ties it to the agent.
 */
import type { TrustBundle } from '@credence/shared/spiffe/bundle'
import { parseSpiffeId } from '@credence/shared/spiffe/id'
import { claimedTrustDomain } from '@credence/shared/spiffe/jwt-svid'
import { claimedX509TrustDomain } from '@credence/shared/spiffe/x509-svid'
import type { Evidenced, Verified, Verifier } from '../../../api/verifier.ts'
import { bundleOf } from './bundles.ts'
import { type Content, parseContent } from './content.ts'
import { verifyJwt } from './jwt.ts'
import type { Refused, SvidClaims } from './outcome.ts'
import { refusalOf } from './refusals.ts'
import { verifyX509 } from './x509.ts'

const MAX_BYTES = 48 * 1024

export const spiffeSvidVerifier: Verifier<'spiffe-svid'> = {
  kind: 'spiffe-svid',
  maximumBytes: MAX_BYTES,
  verify: async (bytes, about) => {
    if (bytes.byteLength > MAX_BYTES) return { refused: 'evidence_too_large' }
    const content = parseContent(bytes)
    if (!content) return { refused: 'evidence_malformed' }
    try {
      const trustDomain = trustDomainOf(content)
      // Our own names are given by us, and proved otherwise; an anchor that claims to vouch for them vouches for nothing.
      if (trustDomain === parseSpiffeId(about.audience).trustDomain) return { refused: 'own_trust_domain' }
      return await byAnyAnchor(content, about, trustDomain)
    } catch (error) {
      return refusalOf(error)
    }
  },
}

const trustDomainOf = (content: Content): string =>
  content.form === 'jwt'
    ? claimedTrustDomain(content.token)
    : claimedX509TrustDomain(derOf(content)[0] ?? new Uint8Array())

const derOf = (content: Content & { form: 'x509' }): Uint8Array[] =>
  content.chain.map((text) => new Uint8Array(Buffer.from(text, 'base64')))

/** What another anchor of the same domain may still do better. */
const OF_THIS_BUNDLE = ['chain_untrusted', 'key_unknown', 'anchor_unusable']

/** Bundles of two anchors are never merged (SPIFFE bundles §5.2.4): each is tried by itself. */
async function byAnyAnchor(
  content: Content,
  about: Evidenced<'spiffe-svid'>,
  trustDomain: string,
): Promise<Verified<'spiffe-svid'>> {
  let refused: Refused = { refused: 'anchor_unknown' }
  for (const { anchor, material } of about.anchors) {
    if (material.type !== 'spiffe-trust-domain' || material.trust_domain !== trustDomain) continue
    const outcome = await byOneAnchor(content, about, () => bundleOf(trustDomain, material.bundle))
    if (!('refused' in outcome)) return { ...outcome, anchors: [anchor] }
    refused = outcome
    if (!OF_THIS_BUNDLE.includes(refused.refused)) return refused
  }
  return refused
}

async function byOneAnchor(
  content: Content,
  about: Evidenced<'spiffe-svid'>,
  bundle: () => TrustBundle,
): Promise<SvidClaims | Refused> {
  try {
    return content.form === 'jwt'
      ? await verifyJwt(content.token, bundle(), about)
      : verifyX509(derOf(content), Buffer.from(content.proof, 'base64url'), bundle(), about)
  } catch (error) {
    return refusalOf(error)
  }
}
