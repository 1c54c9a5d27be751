/** TokenReview (authentication.k8s.io/v1): what the API server says of a token, held against what the token says of itself. */
import { z } from 'zod'
import { type Refused, type TokenClaims, usernameOf } from '../verifiers/kubernetes-sat/token.ts'

export const TOKEN_REVIEWS = '/apis/authentication.k8s.io/v1/tokenreviews'

export const tokenReview = (token: string, audience: string) => ({
  apiVersion: 'authentication.k8s.io/v1',
  kind: 'TokenReview',
  spec: { token, audiences: [audience] },
})

const Text = z.string().max(1024)
const Answer = z.object({
  apiVersion: z.literal('authentication.k8s.io/v1'),
  kind: z.literal('TokenReview'),
  status: z.object({
    authenticated: z.boolean().optional(),
    error: Text.optional(),
    audiences: z.array(Text).max(16).optional(),
    user: z
      .object({
        username: Text.optional(),
        uid: Text.optional(),
        extra: z.record(Text, z.array(Text).max(16)).optional(),
      })
      .optional(),
  }),
})

const EXTRA = 'authentication.kubernetes.io/'

/**
 * @param answer the JSON that came
 * @returns why the cluster does not confirm the token; undefined when it does. Throws nothing.
 */
export function tokenReviewFault(answer: unknown, claims: TokenClaims, audience: string): Refused | undefined {
  const read = Answer.safeParse(answer)
  if (!read.success) return { refused: 'review_unavailable', detail: 'the answer is not a TokenReview' }
  const { authenticated, error, audiences = [], user } = read.data.status
  if (authenticated !== true || error) return { refused: 'review_not_authenticated' }
  // None: an authenticator that knows of no audiences, which took the token for the API server’s own.
  if (!audiences.includes(audience)) return { refused: 'review_other_audience' }
  if (user?.username !== usernameOf(claims) || user.uid !== claims.account.uid)
    return { refused: 'review_other_account' }
  const extra = (name: string) => {
    const values = user.extra?.[`${EXTRA}${name}`] ?? []
    return values.length === 1 ? values[0] : undefined
  }
  if (extra('pod-name') !== claims.pod.name || extra('pod-uid') !== claims.pod.uid)
    return { refused: 'review_other_pod' }
  const { node } = claims
  // API servers before 1.30 say nothing of nodes, in neither place.
  if (extra('node-name') !== node?.name || extra('node-uid') !== node?.uid) return { refused: 'review_other_node' }
  return undefined
}
