/** Approvals as every protocol works with them: who may ask, who may answer, and what they are shown. */
import { CredenceError, notFound, precondition } from '@credence/contracts/errors'
import { ROLES } from '@credence/shared/callers/roles'
import type { Actor, Correlation } from '@credence/shared/event-store/commit'
import { newId } from '@credence/shared/ids'
import { createTurns } from '@credence/shared/turns'
import {
  type Answerer,
  type Approval,
  type ApprovalStanding,
  approve,
  DELEGATOR,
  mayAnswer,
  notYours,
  refuse,
  requestApproval,
} from '../domain/approval.ts'
import type { Recorded } from '../domain/replay.ts'
import type { Told } from './acts.ts'
import type { Context } from './context.ts'
import { recordOf } from './recorded.ts'

/** How long after a decision its approval may be asked for. */
export const REQUESTABLE_SECONDS = 600

/** Who asks: the agent that wants to act, or the enforcement point that asked for the decision. */
export type Requester = { actor: Actor; agent: string } | { actor: Actor; enforcementPoint: string }

export type Desk = ReturnType<typeof createDesk>

export function createDesk(context: Context) {
  const { world, acts, writer, clock, barrier } = context
  const { approvals, principals } = world

  /** Why nothing that is approved can be done any more. */
  function endOf({ agent, grant }: Pick<Approval, 'agent' | 'grant'>, now: Date): string | undefined {
    const task = world.taskOfGrant(grant)
    if (!task?.grant) return 'grant_unknown'
    if (task.grant.ended) return 'grant_ended'
    if (!(new Date(task.grant.expires_at) > now)) return 'grant_expired'
    return principals.agentEnd(agent, now) ?? principals.delegationEnd(task.delegation, now)
  }
  const known = (id: string): Approval => {
    const found = approvals.get(id)
    if (!found) throw notFound('approval', id)
    return found
  }
  /** A sign-in can outlive an employment. */
  const isAsked = (approval: Approval, who: Answerer): boolean =>
    principals.human(who.human)?.active === true && mayAnswer(approval, who)

  /** What was told of the act, if it is what the approval is about; undefined when it was erased, or altered. */
  async function toldOf(approval: Approval): Promise<Told | undefined> {
    const told = (await acts.told(approval.decision)) ?? {}
    return digestOf(approval, told) === approval.act ? told : undefined
  }
  function digestOf({ agent, grant, action, resource, audience }: ActParts, told: Told): string | undefined {
    const { amount, arguments: text } = told
    const act = { agent, grant, action, resource: partsOf(resource), audience, amount, arguments: text }
    try {
      return acts.digest(act)
    } catch (error) {
      if (error instanceof CredenceError && error.status === 'invalid_argument') return undefined
      throw error
    }
  }
  const correlationOf = ({ grant, task, human }: Pick<Approval, 'grant' | 'task' | 'human'>): Correlation => {
    const { trigger, delegation } = world.taskOfGrant(grant) ?? {}
    return { task, trigger: trigger?.id, delegation, human }
  }

  /** One agent after the other: many at once are counted as many. (What another replica writes now is not seen.) */
  const inTurn = createTurns()

  /** The request of a decision's own people and act. @throws CredenceError as RequestApproval does */
  function requestOf(recorded: Recorded, needed: NonNullable<Recorded['approval_needed']>) {
    const task = world.taskOfGrant(recorded.grant)
    const act = recorded.act ?? digestOf(recorded, {})
    if (!task?.grant || act === undefined) throw precondition('grant_unknown', 'There is no such grant any more.')
    if (needed.approver !== DELEGATOR && !ROLES.some((role) => role === needed.approver))
      throw precondition(
        'approver_unknown',
        `The policy wants an approval by "${needed.approver}", a role that is none.`,
      )
    const { decision, agent, grant, action, resource, sensitivity, audience } = recorded
    return {
      approval: newId('apr'),
      decision,
      agent,
      human: principals.delegationChain(task.delegation)?.at(-1)?.human ?? task.human,
      task: task.task,
      grant,
      action,
      resource,
      sensitivity,
      audience,
      act,
      policy: needed.policy,
      approver: needed.approver,
      persons: needed.persons,
      withinSeconds: needed.within_seconds,
      grantExpiresAt: task.grant.expires_at,
    }
  }

  async function ask(recorded: Recorded, statement: string, actor: Actor) {
    const { decision, agent, approval_needed: needed } = recorded
    if (recorded.outcome !== 'ask' || !needed)
      throw precondition('nothing_to_approve', 'This decision asks nobody: only one with DECISION_ASK can be approved.')
    const position = `POLICY:${context.followers.find(({ stream }) => stream === 'POLICY')?.position() ?? 0}`
    const earlier = approvals.ofDecision(decision)
    if (earlier) return { approval: earlier, position }
    const { grantExpiresAt, ...request } = requestOf(recorded, needed)
    const decide = (state: Approval | undefined) => {
      const now = clock()
      const weighing = approvals.weighing(agent, now)
      return requestApproval(state, request, { ended: endOf(recorded, now), weighing, grantExpiresAt, now })
    }
    const { act } = request
    const open = approvals.byAct.get(act).state
    if (decide(open).length === 0 && open) return { approval: open, position }
    // Before the event: whoever is asked finds the words as soon as they are asked.
    if (statement) await acts.keep(decision, { ...(await acts.told(decision)), statement })
    const written = await writer.execute(approvals.byAct, {
      id: act,
      actor,
      correlation: correlationOf(request),
      causation: decision,
      now: clock(),
      decide,
    })
    return { approval: approvals.byAct.get(act).state ?? known(request.approval), position: written.position }
  }

  return {
    known,
    isAsked,
    toldOf,
    /** The state that counts: what hangs on something that has ended is over as well. */
    standing: (approval: Approval, now: Date): ApprovalStanding => {
      const own = approvals.standing(approval, now)
      return (own === 'pending' || own === 'approved') && endOf(approval, now) ? 'expired' : own
    },
    /**
     * Asks people, or joins the approval of the same act that is open.
     * @throws CredenceError `not_found` for a decision that does not lie there, or is none of the caller's;
     * `failed_precondition`, `resource_exhausted`
     */
    request: async (of: { decision: string; position: string; statement: string }, by: Requester) => {
      await barrier()
      const { commit, recorded } = await recordOf(context, of.decision, of.position)
      const own = 'agent' in by ? recorded.agent === by.agent : recorded.enforcement_point === by.enforcementPoint
      if (!own) throw notFound('decision', of.decision)
      if (clock().getTime() - Date.parse(commit.time) > REQUESTABLE_SECONDS * 1000)
        throw precondition(
          'decision_too_old',
          `A decision can be approved within ${REQUESTABLE_SECONDS} seconds: let it be decided again.`,
        )
      return inTurn(recorded.agent, () => ask(recorded, of.statement, by.actor))
    },
    /** @throws CredenceError `permission_denied`; `failed_precondition` when it is too late, or the act cannot be shown */
    answer: async (of: { approval: string; approve: boolean; comment: string }, who: Answerer) => {
      await barrier()
      const approval = known(of.approval)
      if (!isAsked(approval, who)) throw notYours()
      const told = await toldOf(approval)
      if (of.approve && !told)
        throw precondition('act_erased', 'What is to be done can no longer be shown, so nobody can approve it.')
      const { position } = await writer.execute(approvals.byAct, {
        id: approval.act,
        actor: { kind: 'human', id: who.human },
        correlation: correlationOf(approval),
        causation: approval.decision,
        now: clock(),
        decide: (state) => {
          const now = clock()
          const answering = { approval: of.approval, who, ended: endOf(approval, now), now }
          return of.approve ? approve(state, answering) : refuse(state, answering)
        },
      })
      if (of.comment) await keepComment(approval, { human: who.human, text: of.comment })
      return { approval: known(of.approval), position }
    },
  }

  async function keepComment({ decision }: Approval, comment: { human: string; text: string }): Promise<void> {
    const told = await acts.told(decision)
    await acts.keep(decision, { ...told, comments: [...(told?.comments ?? []), comment] })
  }
}

type ActParts = Pick<Approval, 'agent' | 'grant' | 'action' | 'resource' | 'audience'>

/** `CalendarEvent::2026/11` → type and id. An id holds no colons; the name of a type may. */
export function partsOf(resource: string): { type: string; id: string } {
  const at = resource.lastIndexOf('::')
  return { type: resource.slice(0, at), id: resource.slice(at + 2) }
}
