/** Decisions by gRPC: one, many at once, and on a stream that says when to ask again. */
import { isIP } from 'node:net'
import { CredenceError } from '@credence/contracts/errors'
import { AgentId, Sensitivity } from '@credence/contracts/events/values'
import {
  type CheckResponse,
  type CheckStreamResponse,
  Decision,
  Semantic,
} from '@credence/contracts/gen/credence/policy/v1/policy'
import { Amount } from '@credence/contracts/limits'
import type { Caller } from '@credence/shared/callers/caller'
import { notBefore } from '@credence/shared/rpc/fields'
import { method } from '@credence/shared/rpc/server'
import { eachAtOnce, type Outlet, streamMethod } from '@credence/shared/rpc/stream'
import { z } from 'zod'
import type { Answer, Ask, Asked, Asker, Relied } from '../ask.ts'
import type { Context } from '../context.ts'
import { askEach, type Semantic as Words } from '../semantics.ts'
import type { Cause } from '../watches.ts'

const Name = z.string().min(1, 'must not be empty').max(128, 'must be at most 128 characters')

/** A JSON object as text, or nothing. What is in it is read against the schema. */
const JsonObject = z
  .string()
  .max(16_384, 'must be at most 16,384 characters')
  .refine((text) => text === '' || isJsonObject(text), 'must be a JSON object, or empty')
  .transform((text) => (text === '' ? undefined : text))

const isJsonObject = (text: string): boolean => {
  try {
    const value = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
  } catch {
    return false
  }
}

const Check = z
  .object({
    agentId: AgentId,
    grantId: Name,
    tokenId: Name,
    action: Name.regex(/^[a-z][a-z0-9_.-]*$/, 'must be like "calendar.book"'),
    resource: z.object(
      {
        type: Name.regex(/^[A-Z][A-Za-z0-9]*$/, 'must be like "CalendarEvent"'),
        id: Name.regex(/^[A-Za-z0-9._/@-]+$/, 'must be letters, digits and . _ / @ -'),
        sensitivity: Sensitivity,
        properties: JsonObject,
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
    amount: Amount.optional(),
    arguments: JsonObject,
    supportedObligations: z.array(Name).max(16),
    receipt: z.boolean(),
  })
  .transform(
    ({ location, amount, arguments: told, resource, notBefore: positions, ...rest }): Asked => ({
      ...rest,
      audience: location,
      resource: {
        type: resource.type,
        id: resource.id,
        sensitivity: resource.sensitivity,
        ...(resource.properties ? { properties: resource.properties } : {}),
      },
      notBefore: positions,
      ...(amount ? { amount } : {}),
      ...(told ? { arguments: told } : {}),
    }),
  )

const MAX_BATCH = 100
/** Of one stream; more wait in the socket. */
const IN_FLIGHT = 256
const WATCHED = 10_000

export const decisionMethods = (context: Context, ask: Ask) => ({
  check: method({
    allow: ['enforcement-point'],
    input: Check,
    handle: async (asked, caller) => shown(await ask(asked, askerOf(caller, 'grpc'))),
  }),
  batchCheck: method({
    allow: ['enforcement-point'],
    input: z.object({
      checks: z.array(Check).min(1, 'must not be empty').max(MAX_BATCH, `must be at most ${MAX_BATCH}`),
      semantic: z.enum(Semantic),
    }),
    handle: async ({ checks, semantic }, caller) => {
      const asker = askerOf(caller, 'grpc')
      const one = (asked: Asked) => ask(asked, asker)
      const answers = await askEach(checks, semanticOf(semantic), one, ({ outcome }) => outcome === 'allow')
      return { answers: answers.map(shown) }
    },
  }),
  checkStream: streamMethod({
    allow: ['enforcement-point'],
    input: z.object({
      correlationId: z.string().max(128, 'must be at most 128 characters'),
      check: Check,
      watch: z.boolean(),
    }),
    stream: async (inputs, caller, outlet: Outlet<CheckStreamResponse>) => {
      const asker = askerOf(caller, 'stream')
      const watching = new Set<() => void>()
      const push = (message: CheckStreamResponse) => void outlet.send(message).catch(() => undefined)
      try {
        await eachAtOnce(inputs, IN_FLIGHT, async ({ correlationId, check: asked, watch }) => {
          const watched = watch ? watchFor(context, watching) : undefined
          try {
            const answer = await ask(asked, asker, watched?.begin)
            const told = outlet.send({ correlationId, event: { $case: 'answer', value: shown(answer) } })
            watched?.told((cause) =>
              push({ correlationId, event: { $case: 'askAgain', value: { decisionId: answer.decision, cause } } }),
            )
            await told
          } catch (error) {
            watched?.end()
            if (outlet.left.aborted) throw error
            await outlet.send({ correlationId, event: { $case: 'failure', value: failureOf(error) } })
          }
        })
      } finally {
        for (const end of watching) end()
      }
    },
  }),
})

/** Watches from the moment of the decision on; what changes before the answer is told is told after it. */
function watchFor({ watches }: Context, watching: Set<() => void>) {
  let changed: Cause | undefined
  let tell: ((cause: Cause) => void) | undefined
  let stop = () => {}
  const hear = (cause: Cause) => {
    watching.delete(end)
    if (tell) tell(cause)
    else changed = cause
  }
  const end = () => {
    watching.delete(end)
    stop()
  }
  return {
    begin: ({ ids, until }: Relied) => {
      if (watching.size >= WATCHED) return hear('forgotten')
      watching.add(end)
      stop = watches.add({ relied: ids, until, tell: hear })
    },
    told: (whom: (cause: Cause) => void) => {
      tell = whom
      if (changed) whom(changed)
    },
    end,
  }
}

const SEMANTICS: Partial<Record<string, Words>> = {
  [Semantic.SEMANTIC_DENY_ON_FIRST_DENY]: 'deny_on_first_deny',
  [Semantic.SEMANTIC_PERMIT_ON_FIRST_PERMIT]: 'permit_on_first_permit',
}

const semanticOf = (semantic: string): Words => SEMANTICS[semantic] ?? 'execute_all'

const askerOf = (caller: Caller, protocol: Asker['protocol']): Asker => ({
  id: caller.id,
  address: caller.address ?? '',
  protocol,
})

const DECISIONS = {
  allow: Decision.DECISION_ALLOW,
  deny: Decision.DECISION_DENY,
  ask: Decision.DECISION_ASK,
} as const

const shown = ({ outcome, decision, receipt, approvalNeeded, ...answer }: Answer): CheckResponse => ({
  ...answer,
  decision: DECISIONS[outcome],
  decisionId: decision,
  receipt: receipt ?? '',
  approvalNeeded: approvalNeeded && { ...approvalNeeded, withinSeconds: BigInt(approvalNeeded.withinSeconds) },
})

function failureOf(error: unknown) {
  if (error instanceof CredenceError)
    return { reason: error.reason, message: error.message, status: error.status.toUpperCase() }
  return { reason: 'internal', message: 'The decision failed.', status: 'INTERNAL' }
}
