/**
 * Evidence of the kind `kubernetes-sat`: the service-account token that a kubelet projects into a pod. It proves that the
 * cluster gave somebody in that pod, under that service account, a token for us. It is a bearer token: that the agent is
 * who holds it rests on the agent’s signed statement, and on the challenge’s binding where the token names it as an audience.
 */
import type { ClaimsOf } from '@credence/contracts/attestation/claims'
import type { Evidenced, Verified, Verifier } from '../../../api/verifier.ts'
import { type Cluster, claimFault, clustersIn, signatureFault } from './cluster.ts'
import { type ClusterKeys, createClusterKeys } from './keys.ts'
import type { Reviewed, ReviewOf } from './review.ts'
import { MAX_TOKEN_BYTES, type Refused, readToken, type Token } from './token.ts'

/**
 * @param reviewOf how to ask the API server of a cluster. A cluster that can be asked must have answered: its token is never
 *   taken on its keys alone. One that cannot be asked gives `reviewed: false`, and a deleted pod is not seen.
 */
export function createKubernetesSat(reviewOf: ReviewOf): Verifier<'kubernetes-sat'> {
  const keysOf = createClusterKeys()
  return {
    kind: 'kubernetes-sat',
    maximumBytes: MAX_TOKEN_BYTES,
    verify: async (content, about) => {
      const token = readToken(content)
      if ('refused' in token) return token
      const cluster = await clusterOf(token, about, keysOf)
      if ('refused' in cluster) return cluster
      const reviewed = await reviewOf(cluster.issuer)?.(token, cluster.audience)
      if (reviewed && 'refused' in reviewed) return reviewed
      return verified(token, cluster, reviewed, about)
    },
  }
}

/** The first anchor whose keys signed it, and whom it was made for: a cluster may have one for each of its keys. */
async function clusterOf(
  token: Token,
  about: Evidenced<'kubernetes-sat'>,
  keysOf: ClusterKeys,
): Promise<Cluster | Refused> {
  const clusters = clustersIn(about.anchors).filter(({ issuer }) => issuer === token.claims.iss)
  let first: Refused | undefined
  for (const cluster of clusters) {
    const fault =
      (await signatureFault(token, cluster, keysOf)) ??
      claimFault(token.claims, { audience: cluster.audience, binding: bindingOf(about), now: about.now })
    if (!fault) return cluster
    first ??= fault
  }
  return first ?? { refused: 'anchor_unknown' }
}

const bindingOf = (about: Evidenced<'kubernetes-sat'>): string => Buffer.from(about.binding).toString('base64url')

function verified(
  { claims }: Token,
  cluster: Cluster,
  reviewed: Reviewed | undefined,
  about: Evidenced<'kubernetes-sat'>,
): Verified<'kubernetes-sat'> {
  const node = reviewed?.node ?? claims.node?.name
  const proved: ClaimsOf<'kubernetes-sat'> = {
    cluster: cluster.anchor,
    issuer: cluster.issuer,
    namespace: claims.namespace,
    service_account: claims.account.name,
    service_account_uid: claims.account.uid,
    pod: claims.pod.name,
    pod_uid: claims.pod.uid,
    ...(node === undefined ? {} : { node }),
    ...(claims.node?.uid === undefined ? {} : { node_uid: claims.node.uid }),
    reviewed: reviewed !== undefined,
    nonce_bound: claims.aud.includes(bindingOf(about)),
    image_digests: reviewed?.imageDigests ?? [],
    expires_at: new Date(claims.exp * 1000).toISOString(),
  }
  // The cluster spoke just now when it was asked; else when it signed.
  const measuredAt = reviewed ? about.now : new Date(claims.iat * 1000)
  return { claims: proved, anchors: [cluster.anchor], measuredAt }
}
