/** The decision point: pass the barrier, decide from memory, record, then answer. */
import { isIP } from 'node:net'
import { CredenceError, unavailable } from '@credence/contracts/errors'
import type { DecisionFact } from '@credence/contracts/events/catalog'
import { AgentId, Sensitivity } from '@credence/contracts/events/values'
import { Decision } from '@credence/contracts/gen/credence/policy/v1/policy'
import type { Caller } from '@credence/shared/callers/caller'
import { append } from '@credence/shared/event-store/append'
import { newCommit } from '@credence/shared/event-store/commit'
import { newId } from '@credence/shared/ids'
import { notBefore, waitFor } from '@credence/shared/rpc/fields'
import { method } from '@credence/shared/rpc/server'
import { z } from 'zod'
import { decide, type Known, type Question, sentenceOf } from '../../domain/decision.ts'
import type { Context } from '../context.ts'

const Name = z.string().min(1, 'must not be empty').max(128, 'must be at most 128 characters')

const Check = z.object({
  agentId: AgentId,
  grantId: Name,
  tokenId: Name,
  action: Name.regex(/^[a-z][a-z0-9_.-]*$/, 'must be like "calendar.book"'),
  resource: z.object(
    {
      type: Name.regex(/^[A-Z][A-Za-z0-9]*$/, 'must be like "CalendarEvent"'),
      id: Name.regex(/^[A-Za-z0-9._/@-]+$/, 'must be letters, digits and . _ / @ -'),
      sensitivity: Sensitivity,
    },
    'is missing',
  ),
  location: z
    .string()
    .max(256)
    .regex(/^https:\/\//, 'must be the https URL of the resource server'),
  /** Empty when the socket is gone; a zone index (RFC 4007 §11) says nothing to us. */
  sourceAddress: z
    .string()
    .max(64)
    .transform((text) => text.replace(/%.*$/, ''))
    .refine((text) => text === '' || isIP(text) !== 0, 'must be an IPv4 or IPv6 address'),
  requestId: z.string().max(128, 'must be at most 128 characters'),
  notBefore,
})

export const decisionMethods = (context: Context) => ({
  check: method({
    allow: ['enforcement-point'],
    input: Check,
    handle: async (input, caller) => {
      await context.barrier()
      await waitFor(input.notBefore, context.followers)
      return check(context, input, caller)
    },
  }),
})

async function check(context: Context, input: z.infer<typeof Check>, caller: Caller) {
  const { policies, bus } = context
  const now = context.clock()
  const { agentId, grantId, tokenId, action, resource } = input
  const question: Question = { agentId, grantId, tokenId, action, resource, audience: input.location }
  const known = lookUp(context, input, now)
  const decided = decide(question, known, policies.evaluator(), now)

  const decision = newId('dec')
  const { task, chain, result, location } = known
  const delegations = chain?.map((delegation) => delegation.delegation) ?? []
  const human = chain?.at(-1)?.human
  const fact: DecisionFact = {
    type: 'credence.policy.decision.made.v1',
    data: {
      decision,
      outcome: decided.outcome,
      reasons: decided.reasons,
      agent: agentId,
      action,
      resource: `${resource.type}::${resource.id}`,
      sensitivity: resource.sensitivity,
      audience: input.location,
      location: location.name,
      enforcement_point: caller.id,
      token: tokenId,
      grant: grantId,
      task: task?.task,
      delegations,
      human,
      attestation: result && { result: result.result, status: result.status, expires_at: result.expires_at },
      policy_version: policies.version(),
      policy_ids: [...(decided.verdict?.policyIds ?? []), ...(decided.verdict?.errors ?? [])],
      positions: Object.fromEntries(context.followers.map((follower) => [follower.stream, follower.position()])),
      request: input.requestId || undefined,
    },
  }
  const correlation = { task: task?.task, trigger: task?.trigger.id, delegation: delegations[0], human }
  const actor = { kind: 'agent' as const, id: known.agent?.spiffe_id ?? agentId }
  // What a caller makes up must not become the name of a log.
  const log = known.agent ? agentId : 'unknown'
  const commit = newCommit([fact], {
    actor,
    correlation,
    causation: tokenId,
    source: context.spiffeId,
    subject: `decision/${log}`,
    now,
  })
  // Not before the record is durable: an append that fails makes the call UNAVAILABLE, never an allow.
  const appended = await append(bus, 'DECISIONS', `credence.decision.${log}`, commit).catch((error) => {
    throw unavailable('not_recorded', 'The decision could not be recorded, so there is none. Try again.', error)
  })
  if (appended.kind === 'conflict') throw new CredenceError('internal', 'append_refused', 'The record was refused.')
  return {
    decision: decided.outcome === 'allow' ? Decision.DECISION_ALLOW : Decision.DECISION_DENY,
    decisionId: decision,
    reasons: decided.reasons.map((code) => ({ code, message: sentenceOf(code, decided.verdict) })),
    position: `DECISIONS:${appended.sequence}`,
  }
}

function lookUp({ world, followers }: Context, input: z.infer<typeof Check>, now: Date): Known {
  const { principals } = world
  const task = world.taskOfGrant(input.grantId)
  return {
    agent: principals.agent(input.agentId),
    agentEnd: principals.agentEnd(input.agentId, now),
    tokenRevoked: world.revokedTokens.has(input.tokenId),
    task,
    chain: task && principals.delegationChain(task.delegation),
    delegationEnd: task && principals.delegationEnd(task.delegation, now),
    result: world.result(input.agentId),
    location: world.locate(input.sourceAddress),
    stale: followers.filter((follower) => !follower.fresh()).map(({ stream }) => stream),
  }
}
