/** What the cluster itself says of a token and its pod, asked by an adapter: the verifier does no network. */
import type { Refused, Token } from './token.ts'

export type Reviewed = {
  /** Digests of the images that the pod’s containers run, sorted. */
  imageDigests: string[]
  /** Where the pod runs; the token may not say. */
  node: string
}

/**
 * Asks the API server of a cluster. Whatever is not a full yes is refused; no answer in time is `review_unavailable`.
 * @param audience that the anchor of the cluster names
 */
export type Review = (token: Token, audience: string) => Promise<Reviewed | Refused>

/** By issuer; undefined for a cluster whose API server this service is not configured to ask. */
export type ReviewOf = (issuer: string) => Review | undefined
