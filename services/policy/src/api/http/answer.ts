/** From an answer to AuthZEN's decision: bare unless the caller asked for more, since there are clients that compare exactly. */
import { REQUESTABLE_SECONDS } from '../approvals.ts'
import type { Answer } from '../ask.ts'
import type { Question } from './read.ts'

const BARE = { allow: '{"decision":true}', deny: '{"decision":false}', ask: '{"decision":false}' } as const

export type Answering = {
  /** Where people are asked; undefined where nobody can be. */
  requestEndpoint: string | undefined
  now: () => Date
}

/**
 * Authorization API 1.0 §decision, as JSON text. Obligations stand in it whether asked for or not: an answer that has some
 * was given to a caller who said that it carries them out.
 */
export function decisionText(question: Question, answer: Answer, answering: Answering): string {
  const { details, asked, shownApproval } = question
  const plain = !details && shownApproval === undefined && !asked.receipt && answer.obligations.length === 0
  if (plain) return BARE[answer.outcome]
  return JSON.stringify(decisionOf(question, answer, answering))
}

function decisionOf({ details, shownApproval }: Question, answer: Answer, answering: Answering): object {
  const { outcome, obligations } = answer
  return {
    decision: outcome === 'allow',
    context: {
      ...(obligations.length > 0 ? { obligations } : {}),
      ...(answer.receipt === undefined ? {} : { receipt: answer.receipt }),
      ...(details ? detailsOf(answer) : {}),
      ...(details || shownApproval !== undefined ? requestable(answer, answering) : {}),
      ...(shownApproval === undefined ? {} : afterApproval(shownApproval, answer)),
    },
  }
}

const detailsOf = ({ decision, position, reasons, reliedUntil }: Answer): object => ({
  decision_id: decision,
  position,
  reasons,
  ...(reliedUntil ? { relied_until: reliedUntil.toISOString() } : {}),
})

/** Access request profile §requestable-denial-context. */
function requestable(answer: Answer, answering: Answering): object {
  const { outcome, approvalNeeded, reasons } = answer
  const { requestEndpoint } = answering
  if (outcome !== 'ask' || !approvalNeeded || requestEndpoint === undefined) return {}
  const now = answering.now()
  return {
    evaluation_id: evaluationId(answer),
    evaluated_at: now.toISOString(),
    reason: reasons[0]?.code ?? 'approval_required',
    access_request: {
      endpoint: requestEndpoint,
      expires_at: new Date(now.getTime() + REQUESTABLE_SECONDS * 1000).toISOString(),
      display: {
        title: 'People have to approve this',
        description: `${approvalNeeded.persons} × ${approvalNeeded.approver}, within ${approvalNeeded.withinSeconds} seconds`,
      },
    },
  }
}

/** Access request profile §completion-semantics: what to do when an approval was shown, and it is a denial all the same. */
function afterApproval(id: string, { outcome, approvalNeeded }: Answer): object {
  if (outcome === 'allow') return { approval: { id } }
  return outcome === 'ask' && approvalNeeded
    ? { next_action: 'request' }
    : { next_action: 'none', reason: 'policy_denied' }
}

/** Decision and place of its record, as one word that only we take apart. */
export const evaluationId = ({ decision, position }: Pick<Answer, 'decision' | 'position'>): string =>
  `${decision}@${position}`

/** @returns undefined for anything that is not one of ours */
export function parseEvaluationId(text: string): { decision: string; position: string } | undefined {
  const [, decision, position] = /^(dec_[0-9a-z]{26})@([A-Z]+(?:\/[0-9]+)?:[0-9]{1,15})$/.exec(text) ?? []
  return decision && position ? { decision, position } : undefined
}
