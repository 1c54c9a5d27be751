/**
 * The form of a token exchange (RFC 8693 §2.1), and the parameters that are ours:
 *
 * - `grant_id`: the grant of a task that is open already. Without it the task is opened by this very request, with
 *   `purpose` (that of the delegation by default), `task_lifetime` (seconds; as long as a token may live by default) and
 *   what made the agent act: `trigger_type` (message, ticket, schedule or webhook), `trigger_source`, `trigger_id`,
 *   `trigger_digest` (SHA-256), all four or none. None: the trigger is this token request.
 * - `delegation_id`: which delegation is used, when the subject token leaves that open.
 * - `not_before`: positions that the answer must not be older than, separated by spaces.
 *
 * One token is for one resource (RFC 8707 §2), named by `resource` or `audience`.
 */
import { DelegationId, Prose, Trigger } from '@credence/contracts/events/values'
import type { KoaContextWithOIDC } from 'oidc-provider'
import { z } from 'zod'
import { MAX_TOKEN_SECONDS } from '../../domain/exchange.ts'
import { readAuthorizationDetails } from './authorization-details.ts'
import { invalidRequest, refuse } from './oauth-error.ts'
import { COMMON, TOKEN_TYPE } from './token-endpoint.ts'

const TASK = ['trigger_type', 'trigger_source', 'trigger_id', 'trigger_digest', 'purpose', 'task_lifetime']
const TOKENS = ['subject_token', 'subject_token_type', 'actor_token', 'actor_token_type', 'requested_token_type']
export const PARAMETERS = [
  ...TOKENS,
  'resource',
  'audience',
  'scope',
  'grant_id',
  'delegation_id',
  'not_before',
  ...TASK,
]
/** They may come several times, so that this can be refused with `invalid_target`. */
export const REPEATABLE = ['resource', 'audience']
const KNOWN = new Set([...COMMON, ...PARAMETERS, 'authorization_details'])
const TYPES: string[] = [TOKEN_TYPE.jwt, TOKEN_TYPE.access]
const MAX_TASK_SECONDS = 86_400

export type ExchangeRequest = ReturnType<typeof readExchange>

/** @throws Refused */
export function readExchange(ctx: KoaContextWithOIDC) {
  refuseUnknown(ctx, KNOWN)
  const parameters = ctx.oidc.params as Record<string, string | undefined>
  if (parameters.scope !== undefined)
    throw refuse('invalid_scope', 'scope_unsupported', 'scope: ask by authorization_details (RFC 9396) instead')
  if (parameters.requested_token_type !== undefined && parameters.requested_token_type !== TOKEN_TYPE.access)
    throw invalidRequest('unsupported_type', `requested_token_type: must be ${TOKEN_TYPE.access}`)
  return {
    subject: tokenIn(parameters, 'subject') ?? missing('subject_token'),
    actor: tokenIn(parameters, 'actor'),
    resource: targetOf(ctx),
    authorizationDetails: detailsIn(ctx),
    grantId: parameters.grant_id,
    delegationId: field(parameters, 'delegation_id', DelegationId),
    notBefore: parameters.not_before?.split(' ').slice(0, 8) ?? [],
    task: taskIn(parameters),
  }
}

/** RFC 6749 §3.2 lets a server ignore what it does not know; where authority is handed out, a misspelt limit must not pass. */
export function refuseUnknown(ctx: KoaContextWithOIDC, known: ReadonlySet<string>): void {
  for (const name of Object.keys((ctx.oidc.body ?? {}) as object))
    if (!known.has(name)) throw invalidRequest('unknown_parameter', `${shown(name)}: there is no such parameter here`)
}

const shown = (name: string) => name.replace(/[^\w.-]/g, '?').slice(0, 64)

const missing = (name: string): never => {
  throw invalidRequest('missing_parameter', `${name}: is missing`)
}

/** A token and its type come together (RFC 8693 §2.1). */
function tokenIn(parameters: Record<string, string | undefined>, role: 'subject' | 'actor') {
  const [name, typeName] = [`${role}_token`, `${role}_token_type`]
  const [value, type] = [parameters[name], parameters[typeName]]
  if (value === undefined && type === undefined) return undefined
  if (value === undefined) return missing(name)
  if (type === undefined) return missing(typeName)
  if (!TYPES.includes(type)) throw invalidRequest('unsupported_type', `${typeName}: must be one of ${TYPES.join(', ')}`)
  return { value, type }
}

/** RFC 8693 §2.1 and RFC 8707 §2: every target that is named is granted, or none; here a token is for one. */
function targetOf(ctx: KoaContextWithOIDC): string {
  const { resource, audience } = ctx.oidc.params as Record<string, string | string[] | undefined>
  const targets = new Set([resource ?? [], audience ?? []].flat())
  const [only] = targets
  if (targets.size === 1 && only) return only
  const rule = targets.size === 0 ? 'is missing' : 'a token is for one resource'
  throw refuse('invalid_target', targets.size === 0 ? 'missing_resource' : 'several_resources', `resource: ${rule}`)
}

/** From the body itself: the engine’s own reading takes an empty array for no parameter, and `[]` must never become all. */
function detailsIn(ctx: KoaContextWithOIDC) {
  const { authorization_details: text } = (ctx.oidc.body ?? {}) as Record<string, string | string[] | undefined>
  if (Array.isArray(text)) throw invalidRequest('repeated_parameter', 'authorization_details: must come once')
  return text ? readAuthorizationDetails(text) : undefined
}

function field<T>(parameters: Record<string, string | undefined>, name: string, schema: z.ZodType<T>): T | undefined {
  const value = parameters[name]
  if (value === undefined) return undefined
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  throw invalidRequest('invalid_field', `${name}: ${parsed.error.issues[0]?.message}`)
}

const Lifetime = z
  .string()
  .regex(/^\d{1,6}$/, `must be from 1 to ${MAX_TASK_SECONDS} seconds`)
  .transform(Number)
  .refine((seconds) => seconds >= 1 && seconds <= MAX_TASK_SECONDS, `must be from 1 to ${MAX_TASK_SECONDS} seconds`)
const { type: TriggerType, source: Source, id: Id, digest: Digest } = Trigger.shape

function taskIn(parameters: Record<string, string | undefined>) {
  const named = TASK.filter((name) => parameters[name] !== undefined)
  if (parameters.grant_id !== undefined && named.length > 0)
    throw invalidRequest('task_is_open', `${named[0]}: the task of grant_id is open, and has its own`)
  const parts = {
    type: field(parameters, 'trigger_type', TriggerType),
    source: field(parameters, 'trigger_source', Source),
    id: field(parameters, 'trigger_id', Id),
    digest: field(parameters, 'trigger_digest', Digest),
  }
  const absent = Object.entries(parts).filter(([, value]) => value === undefined)
  if (absent.length > 0 && absent.length < 4)
    throw invalidRequest('missing_parameter', `trigger_${absent[0]?.[0]}: is missing; a trigger has all four`)
  return {
    trigger: absent.length === 0 ? (parts as Trigger) : undefined,
    purpose: field(parameters, 'purpose', Prose),
    lifetimeSeconds: field(parameters, 'task_lifetime', Lifetime) ?? MAX_TOKEN_SECONDS,
  }
}
