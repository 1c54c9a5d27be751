/** Our own side: the decision point with a company's policies, agents and live grants in it. */
import type { AgentOf, GrantOf } from './company.ts'
import type { Target } from './target.ts'

export type CredenceOptions = {
  folder: string
  /** The policy set to activate. */
  cedar: string
  /** Active, attested with their status; their blueprints are to be made with them. */
  agents: readonly AgentOf[]
  /** Live, each for `<application>.*` on `<resource type>::*` at the application's location. */
  grants: readonly GrantOf[]
  /** The one named location that is trusted; requests come from inside it, or from 198.18.0.0/15. */
  trustedRange: string
}

export type Credence = Pick<Target, 'url' | 'headers' | 'caFile' | 'pids' | 'stop'>

/**
 * Starts it, with AuthZEN's `POST /access/v1/evaluation` over TLS and an enforcement point's token in `headers`.
 * @returns undefined while the service has no such endpoint
 */
export async function startCredence(_options: CredenceOptions): Promise<Credence | undefined> {
  return undefined
}
