import { forbidden } from '@credence/contracts/errors'
import { ApprovalId, DecisionId, Prose } from '@credence/contracts/events/values'
import type { ApprovalState as ApprovalStateName } from '@credence/contracts/gen/credence/policy/v1/policy'
import { actorOf, type Caller } from '@credence/shared/callers/caller'
import { enumName, notBefore, waitFor } from '@credence/shared/rpc/fields'
import { method } from '@credence/shared/rpc/server'
import { z } from 'zod'
import { type Answerer, type Approval, notYours } from '../../domain/approval.ts'
import type { Told } from '../acts.ts'
import { type Desk, partsOf, type Requester } from '../approvals.ts'
import type { Context } from '../context.ts'
import { createWaiters } from '../waiters.ts'

const MAX_WAIT_SECONDS = 30
const MAX_PAGE = 100
const PAGE = 20

/** Words of an agent or a person: may be left out. */
const Words = z.literal('').or(Prose)

export const approvalMethods = ({ world, clock, followers, barrier }: Context, desk: Desk) => {
  const { approvals } = world
  const waiters = createWaiters()

  /** @param told shown to those who may answer, and to nobody else */
  function shown(approval: Approval, told: Told | undefined, toAgent = false) {
    const { resource, sensitivity, approvedBy, refusedBy, expires_at: expiresAt } = approval
    return {
      id: approval.approval,
      state: enumName<ApprovalStateName>('APPROVAL_STATE_', desk.standing(approval, clock())),
      agentId: approval.agent,
      grantId: approval.grant,
      action: approval.action,
      resource: { ...partsOf(resource), sensitivity, properties: '' },
      location: approval.audience,
      amount: told?.amount,
      arguments: told?.arguments ?? '',
      statement: told?.statement ?? '',
      approver: approval.approver,
      persons: approval.persons,
      // An agent is told how it stands, and not whom it could turn to.
      approvedBy: toAgent ? [] : approvedBy,
      refusedBy: toAgent ? '' : (refusedBy ?? ''),
      expiresAt: new Date(expiresAt),
      humanId: approval.human,
      purpose: world.taskOfGrant(approval.grant)?.purpose ?? '',
      policyId: approval.policy,
    }
  }
  /** As this caller may see it. */
  const view = async (approval: Approval, caller: Caller) => {
    const told = desk.isAsked(approval, answererOf(caller)) ? await desk.toldOf(approval) : undefined
    return shown(approval, told, caller.kind === 'agent')
  }
  function refuseStranger(approval: Approval, caller: Caller): void {
    if (caller.kind === 'agent' && caller.agent !== approval.agent)
      throw forbidden('approval_of_another_agent', 'The approval was asked for by another agent.')
    if (caller.kind === 'human' && !oversees(caller) && !desk.isAsked(approval, answererOf(caller))) throw notYours()
  }

  /** What this caller may see of a listing, from a place in it. */
  function* listed(caller: Caller, all: boolean, from: number | undefined) {
    const now = clock()
    const source = all ? approvals.all(from) : approvals.pending(now, from)
    for (const { approval, order } of source) {
      if (!oversees(caller) && !desk.isAsked(approval, answererOf(caller))) continue
      if (all || desk.standing(approval, now) === 'pending') yield { approval, order }
    }
  }

  return {
    requestApproval: method({
      allow: ['agent', 'enforcement-point'],
      input: z.object({
        decisionId: DecisionId,
        position: z.string().regex(/^DECISIONS:\d{1,15}$/, 'must be like "DECISIONS:123", as the answer said'),
        statement: Words,
      }),
      handle: async ({ decisionId, position, statement }, caller) => {
        const by: Requester =
          caller.kind === 'agent'
            ? { actor: actorOf(caller), agent: caller.agent }
            : { actor: actorOf(caller), enforcementPoint: caller.id }
        const asked = await desk.request({ decision: decisionId, position, statement }, by)
        return { approval: shown(asked.approval, undefined, caller.kind === 'agent'), position: asked.position }
      },
    }),
    getApproval: method({
      allow: ['agent', 'human', 'enforcement-point', 'security-operator', 'auditor'],
      input: z.object({
        approvalId: ApprovalId,
        waitSeconds: z
          .int()
          .min(0, `must be from 0 to ${MAX_WAIT_SECONDS}`)
          .max(MAX_WAIT_SECONDS, `must be from 0 to ${MAX_WAIT_SECONDS}`),
        notBefore,
      }),
      handle: async ({ approvalId, waitSeconds, notBefore: positions }, caller) => {
        await barrier()
        await waitFor(positions, followers)
        const approval = desk.known(approvalId)
        refuseStranger(approval, caller)
        const left = Math.min(waitSeconds * 1_000, Date.parse(approval.expires_at) - clock().getTime())
        if (left > 0 && desk.standing(approval, clock()) === 'pending')
          await waiters.wait(caller, () => approvals.changed(approvalId, left))
        return { approval: await view(desk.known(approvalId), caller) }
      },
    }),
    listApprovals: method({
      allow: ['human', 'security-operator', 'auditor'],
      input: z.object({
        all: z.boolean(),
        pageSize: z.int().min(0, `must be from 0 to ${MAX_PAGE}`).max(MAX_PAGE, `must be from 0 to ${MAX_PAGE}`),
        pageToken: z.string().regex(/^\d{0,15}$/, 'must be one that an earlier page gave'),
      }),
      handle: async ({ all, pageSize, pageToken }, caller) => {
        await barrier()
        const most = pageSize || PAGE
        const found: { approval: Approval; order: number }[] = []
        for (const one of listed(caller, all, pageToken ? Number(pageToken) : undefined))
          if (found.push(one) > most) break
        const page = found.slice(0, most)
        return {
          approvals: await Promise.all(page.map(({ approval }) => view(approval, caller))),
          nextPageToken: found.length > most ? String(page.at(-1)?.order ?? '') : '',
        }
      },
    }),
    answerApproval: method({
      allow: ['human'],
      input: z.object({ approvalId: ApprovalId, approve: z.boolean(), comment: Words }),
      handle: async ({ approvalId, approve, comment }, caller) => {
        const answer = { approval: approvalId, approve, comment }
        const { approval, position } = await desk.answer(answer, answererOf(caller))
        return { approval: await view(approval, caller), position }
      },
    }),
  }
}

/** Only people answer: a workload with a role is none. */
const answererOf = (caller: Caller): Answerer =>
  caller.kind === 'human' ? { human: caller.id, roles: caller.roles } : { human: '', roles: new Set() }

const oversees = ({ roles }: Caller): boolean => roles.has('security-operator') || roles.has('auditor')
