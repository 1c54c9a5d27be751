/** Why a delegation does not count (`delegationEnd`, `agentEnd`), for the person who gave it. */
import { instantInWords } from './time-in-words.ts'

const WORDS: Record<string, string> = {
  delegation_revoked: 'it was ended',
  delegation_not_yet: 'it has not begun',
  delegation_unknown: 'a part of its record is missing',
  delegator_ended: 'an agent that passed it on has ended',
  delegator_held: 'an agent that passed it on is held; it counts again if that is lifted',
  human_deactivated: 'your account was deactivated, and what you had delegated ended with it',
  mandate_ended: 'the mandate behind it has ended',
  agent_unknown: 'its agent is not known',
  agent_revoked: 'its agent was stopped for good',
  agent_retired: 'its agent has finished its work',
  agent_expired: 'the life of its agent is over',
  agent_suspended: 'its agent is suspended; it counts again if that is lifted',
  agent_quarantined: 'its agent is in quarantine; it counts again if that is lifted',
  blueprint_withdrawn: 'the class of its agent was withdrawn',
  parent_ended: 'the agent that started its agent has ended',
}

export const endInWords = (code: string, expiresAt: string): string =>
  code === 'delegation_expired'
    ? `its time was over on ${instantInWords(expiresAt)}`
    : (WORDS[code] ?? 'it no longer counts')
