/** What an agent's developer is told: one sentence for each reason of a decision. */
import type { Verdict } from '@credence/policies/policies'

export const SENTENCES: Readonly<Record<string, string>> = {
  agent_unknown: 'No such agent is registered.',
  agent_not_active: 'The agent is not active: it has to attest first.',
  agent_suspended: 'The agent is suspended, until it attests again, or its sponsor or a security operator restores it.',
  agent_quarantined: 'The agent is in quarantine.',
  agent_revoked: 'The agent was revoked.',
  agent_retired: 'The agent was retired.',
  blueprint_withdrawn: 'The blueprint of the agent was withdrawn.',
  agent_expired: 'The life of the agent is over.',
  parent_ended: 'An agent above this one has ended, and this one with it.',
  token_revoked: 'The access token was revoked.',
  grant_unknown: 'There is no such grant. Open a task.',
  grant_of_another_agent: 'The grant belongs to another agent.',
  grant_ended: 'The grant has ended with its task.',
  grant_expired: 'The grant has expired.',
  outside_grant: 'The grant does not cover this action on this resource here.',
  outside_window: 'The grant covers this action at other times only.',
  limit_exceeded: 'The grant covers this action within limits that it exceeds.',
  amount_misfit: 'Policies cannot read the amount: at most 14 digits before and 4 after the point.',
  arguments_misfit: 'The arguments are not what the schema of the policies declares for this action.',
  properties_misfit: 'The properties are not what the schema of the policies declares for this type of resource.',
  resource_misfit: 'The schema of the policies does not let this action be done on this type of resource.',
  limit_unverifiable:
    'The grant limits the amount, the count or the arguments of this action, which cannot be verified here.',
  delegation_unknown: 'The delegation behind the grant is not known.',
  delegation_revoked: 'A delegation between the human and this agent was revoked.',
  delegation_expired: 'A delegation between the human and this agent has expired.',
  delegation_not_yet: 'A delegation between the human and this agent has not begun.',
  delegator_ended: 'An agent that passed the delegation on has ended.',
  delegator_held: 'An agent that passed the delegation on is suspended or in quarantine.',
  human_unknown: 'The human at the root of the delegation is not known.',
  human_deactivated: 'The human who gave the delegation has left.',
  mandate_ended: 'The mandate of the blueprint is over.',
  attestation_missing: 'The agent has no attestation result.',
  attestation_not_accepted: 'The newest attestation result of the agent was not accepted.',
  attestation_revoked: 'The attestation result of the agent was revoked: attest again.',
  attestation_withdrawn:
    'What the attestation result rests on was withdrawn or blocked: a reference value, a trust anchor or a measurement.',
  attestation_of_former_key:
    'The key that attested is none of the agent’s keys any more: attest again with its newest key.',
  attestation_expired: 'The attestation result of the agent has expired: attest again.',
  attestation_insufficient:
    'The attestation result is not enough for resources of this sensitivity, or no longer: attest again, with the evidence that the profile asks for.',
  policy_none: 'No policies are active.',
  policy_error: 'A policy could not be evaluated.',
  policy_forbids: 'A policy forbids this.',
  policy_no_permit: 'No policy permits this.',
  approval_required: 'People have to approve this first: request an approval for this decision.',
  approval_pending: 'An approval was requested, and people have not answered yet.',
  approval_impossible: 'Several policies ask different people to approve this: no approval can satisfy them all.',
  approval_refused: 'The approval was refused.',
  obligation_unsupported: 'The policy permits this with an obligation that the enforcement point does not carry out.',
  stale_state: 'The decision point is not up to date, and does not decide on what may be old: try again.',
}

/** One sentence for the agent's developer, with the policies that it is about. */
export function sentenceOf(reason: string, verdict: Verdict | undefined): string {
  const about = { policy_forbids: verdict?.forbids, policy_error: verdict?.erroredForbids }[reason] ?? []
  const sentence = SENTENCES[reason] ?? 'Denied.'
  return about.length > 0 ? `${sentence} (${about.join(', ')})` : sentence
}
