/** The better tier of `kubernetes-sat`: the cluster confirms the token, and the pod is looked up. Within two seconds, or not at all. */
import type { Review, Reviewed, ReviewOf } from '../verifiers/kubernetes-sat/review.ts'
import type { Refused } from '../verifiers/kubernetes-sat/token.ts'
import { type ApiServer, connectApiServer, NoAnswer } from './api-server.ts'
import type { ClusterAccess } from './clusters.ts'
import { podPath, readPod } from './pod.ts'
import { TOKEN_REVIEWS, tokenReview, tokenReviewFault } from './token-review.ts'

/** For both questions together. */
const WITHIN_MS = 2_000

/**
 * @param clusters by issuer (`readClusters`)
 * @throws ConfigurationError when a `ca_file` cannot be read
 */
export function createReviews(
  clusters: ReadonlyMap<string, ClusterAccess>,
  withinMs = WITHIN_MS,
): { reviewOf: ReviewOf; close(): Promise<void> } {
  const servers = new Map([...clusters].map(([issuer, access]) => [issuer, connectApiServer(access)]))
  const reviews = new Map([...servers].map(([issuer, server]) => [issuer, reviewBy(server, withinMs)]))
  return {
    reviewOf: (issuer) => reviews.get(issuer),
    close: async () => {
      await Promise.all([...servers.values()].map((server) => server.close()))
    },
  }
}

const reviewBy =
  (server: ApiServer, withinMs: number): Review =>
  async (token, audience) => {
    const signal = AbortSignal.timeout(withinMs)
    try {
      const answer = await server.ask(
        { method: 'POST', path: TOKEN_REVIEWS, body: tokenReview(token.text, audience) },
        signal,
      )
      if (answer.status !== 201) return unavailable(`answered TokenReview with ${answer.status}`)
      return tokenReviewFault(answer.json, token.claims, audience) ?? (await lookedUp(server, token.claims, signal))
    } catch (error) {
      if (error instanceof NoAnswer) return unavailable(error.message)
      throw error
    }
  }

async function lookedUp(
  server: ApiServer,
  claims: Parameters<typeof podPath>[0],
  signal: AbortSignal,
): Promise<Reviewed | Refused> {
  const answer = await server.ask({ method: 'GET', path: podPath(claims) }, signal)
  if (answer.status === 404) return { refused: 'pod_gone' }
  if (answer.status !== 200) return unavailable(`answered for the pod with ${answer.status}`)
  return readPod(answer.json, claims)
}

const unavailable = (why: string): Refused => ({ refused: 'review_unavailable', detail: `the API server ${why}` })
