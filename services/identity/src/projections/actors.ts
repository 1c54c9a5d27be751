/** The chain of actors that the delegation tree says (RFC 8693 §4.1): what every token must agree with. */

import type { Actor } from '@credence/contracts/principals/actor'
import { type Delegation, delegationChain } from '@credence/contracts/principals/delegation'
import type { Principals } from './principals.ts'

export type Actors = ReturnType<typeof createActors>

/** @param namespace `spiffe://<trust-domain>`, which gives agents their names: `iss` of every actor of ours */
export function createActors(principals: Pick<Principals, 'agent' | 'delegation'>, namespace: string) {
  const name = (agent: string) => ({ iss: namespace, sub: principals.agent(agent)?.spiffe_id ?? '' })

  /** The holder and the agents above it. Undefined for a delegation whose chain has a gap or is too long. */
  const of = ({ delegation }: Delegation): Actor | undefined =>
    (delegationChain(delegation, principals.delegation) ?? []).reduceRight<Actor | undefined>(
      (act, { agent }) => ({ ...name(agent), sub_profile: 'ai_agent', ...(act ? { act } : {}) }),
      undefined,
    )

  return {
    namespace,
    /** As `may_act` names it. */
    name,
    of,
    /** The agents above the holder, outermost the one that passed it on last. */
    above: (delegation: Delegation): Actor | undefined => of(delegation)?.act,
  }
}
