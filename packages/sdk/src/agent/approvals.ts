/** An agent whose act was held back asks people to approve it, and waits. */
import { forbidden } from '@credence/contracts/errors'
import { ApprovalState } from '@credence/contracts/gen/credence/policy/v1/policy'
import type { Clients } from '../clients.ts'

/** Where the decision lies that held the act back: as the enforcement point passed it on. */
export type HeldBack = { decisionId: string; position: string }
export type AskedApproval = { approvalId: string; state: ApprovalWord; expiresAt: Date }
export type ApprovalWord = 'pending' | 'approved' | 'refused' | 'expired' | 'used'

export type Approvals = {
  /**
   * Asks people. The same decision, and any other one on exactly the same act, is asked about once.
   * @param statement why, in the agent’s own words: one paragraph of at most 500 characters, or none
   */
  requestApproval(heldBack: HeldBack, statement?: string): Promise<AskedApproval>
  /**
   * Waits for people, until they have answered or the deadline is over. Then do the very same act again, before `expiresAt`:
   * another amount, argument or resource is another act, and an approval counts once.
   * @throws CredenceError `permission_denied`, with `refused`, `expired` or `used` as its reason
   */
  awaitApproval(approvalId: string): Promise<AskedApproval>
}

/** How long one call waits; the next goes on waiting. */
const AWAIT_SECONDS = 20

export function createApprovals(clients: Pick<Clients, 'policy'>): Approvals {
  return {
    requestApproval: async ({ decisionId, position }, statement = '') => {
      const { approval } = await clients.policy.requestApproval({ decisionId, position, statement })
      return told(approval)
    },
    awaitApproval: async (approvalId) => {
      for (;;) {
        const deadlineMs = (AWAIT_SECONDS + 5) * 1000
        const wait = { approvalId, waitSeconds: AWAIT_SECONDS, notBefore: [] }
        const one = told((await clients.policy.getApproval(wait, { deadlineMs })).approval)
        if (one.state === 'approved') return one
        if (one.state !== 'pending') throw forbidden(one.state, SENTENCES[one.state])
      }
    },
  }
}

const SENTENCES = {
  refused: 'People have refused this act. Do not ask for it again.',
  expired: 'Nobody approved it in time, or what it hangs on has ended.',
  used: 'What was approved was done already; it counts once.',
}

type Told = { id: string; state: ApprovalState; expiresAt?: Date | undefined }

/** A state that this version does not know is none that lets anything happen. */
function told(approval: Told | undefined): AskedApproval {
  const { id = '', state = ApprovalState.APPROVAL_STATE_EXPIRED, expiresAt = new Date() } = approval ?? {}
  const word = state.replace('APPROVAL_STATE_', '').toLowerCase()
  return { approvalId: id, state: isWord(word) ? word : 'expired', expiresAt }
}

const isWord = (word: string): word is ApprovalWord => word in SENTENCES || word === 'pending' || word === 'approved'
