/** The pod that a token is bound to, as the API server has it now: still that one, running, there, and of which images. */
import { z } from 'zod'
import type { Reviewed } from '../verifiers/kubernetes-sat/review.ts'
import type { Refused, TokenClaims } from '../verifiers/kubernetes-sat/token.ts'

export const podPath = ({ namespace, pod }: TokenClaims): string =>
  `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod.name)}`

const MAX_IMAGES = 64
const Statuses = z
  .array(z.object({ imageID: z.string().max(1024), state: z.object({ running: z.object({}).optional() }).optional() }))
  .max(256)
  .optional()
const Pod = z.object({
  apiVersion: z.literal('v1'),
  kind: z.literal('Pod'),
  metadata: z.object({
    name: z.string(),
    namespace: z.string(),
    uid: z.string(),
    deletionTimestamp: z.string().optional(),
  }),
  spec: z.object({
    nodeName: z.string().min(1).max(253).optional(),
    serviceAccountName: z.string().optional(),
    ephemeralContainers: z.array(z.unknown()).optional(),
  }),
  status: z.object({
    phase: z.string().optional(),
    containerStatuses: Statuses,
    initContainerStatuses: Statuses,
    ephemeralContainerStatuses: Statuses,
  }),
})
type Pod = z.infer<typeof Pod>

/** @param answer the JSON that came @returns node and images, or the first thing that is not as the token says. Throws nothing. */
export function readPod(answer: unknown, claims: TokenClaims): Reviewed | Refused {
  const read = Pod.safeParse(answer)
  if (!read.success) return { refused: 'review_unavailable', detail: 'the answer is not a Pod' }
  const pod = read.data
  const fault = podFault(pod, claims)
  if (fault) return { refused: fault }
  const imageDigests = runningImages(pod)
  const node = pod.spec.nodeName
  return imageDigests && node ? { imageDigests, node } : { refused: 'pod_images_unknown' }
}

function podFault({ metadata, spec, status }: Pod, claims: TokenClaims): string | undefined {
  if (metadata.name !== claims.pod.name || metadata.namespace !== claims.namespace) return 'pod_other'
  // A pod of the same name that came after it.
  if (metadata.uid !== claims.pod.uid) return 'pod_other'
  if (spec.serviceAccountName !== claims.account.name) return 'pod_other_account'
  if (metadata.deletionTimestamp !== undefined) return 'pod_terminating'
  if (status.phase !== 'Running') return 'pod_not_running'
  if (spec.nodeName === undefined || (claims.node && claims.node.name !== spec.nodeName)) return 'pod_other_node'
  // Whoever was let into the pod with a debug container could read its memory and its token, and cannot be taken out again.
  if ((spec.ephemeralContainers ?? []).length > 0 || (status.ephemeralContainerStatuses ?? []).length > 0)
    return 'debug_evidence'
  return undefined
}

/** Of every container that runs: one unknown is one too many. */
function runningImages({ status }: Pod): string[] | undefined {
  const running = [...(status.containerStatuses ?? []), ...(status.initContainerStatuses ?? [])].filter(
    ({ state }) => state?.running,
  )
  const digests = running.map(({ imageID }) => digestOf(imageID))
  const known = [...new Set(digests.filter((digest) => digest !== undefined))].sort()
  return known.length > 0 && known.length <= MAX_IMAGES && !digests.includes(undefined) ? known : undefined
}

/**
 * `registry/name@sha256:…` names the image’s manifest (or index), as it is pulled and signed. Without a registry a runtime
 * gives the digest of the image’s configuration: it identifies the image, and equals no manifest’s digest.
 */
const digestOf = (imageId: string): string | undefined => /(?:^|@|:\/\/)sha256:([0-9a-f]{64})$/.exec(imageId)?.[1]
