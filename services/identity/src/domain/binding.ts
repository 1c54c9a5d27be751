/** How a token is bound to its holder: the claim `cnf` of RFC 9449 §6.1 (a key) or RFC 8705 §3.1 (a certificate). */
import { type Agent, livingKeys } from '@credence/contracts/principals/agent'

export type Binding = { jkt: string } | { 'x5t#S256': string }

export const thumbprintOf = (binding: Binding): string => ('jkt' in binding ? binding.jkt : binding['x5t#S256'])

/** A key and a certificate are never the same, whatever their thumbprints. */
export const isSameBinding = (one: Binding, other: Binding): boolean =>
  'jkt' in one === 'jkt' in other && thumbprintOf(one) === thumbprintOf(other)

/** Whether an agent may prove itself in this way now. A certificate of ours stands for the newest key of the agent. */
export function isLiving(binding: Binding, agent: Agent, now: Date): boolean {
  const keys = livingKeys(agent, now)
  return 'jkt' in binding ? keys.some(({ thumbprint }) => thumbprint === binding.jkt) : !agent.keyWithdrawn
}
