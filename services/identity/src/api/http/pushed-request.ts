/**
 * What an agent pushes (RFC 9126) to ask a person for a delegation: authorization details (RFC 9396), and in words of
 * our own its purpose, lifetime in seconds and how often it may be passed on. All of it is checked before it is kept.
 */
import { type AuthorizationDetail, AuthorizationDetails } from '@credence/contracts/authority'
import { CredenceError } from '@credence/contracts/errors'
import { Prose } from '@credence/contracts/events/values'
import { livingKeys } from '@credence/contracts/principals/agent'
import { errors, type KoaContextWithOIDC, type Provider } from 'oidc-provider'
import { z } from 'zod'
import { MAX_LIFETIME_SECONDS, refuseOutside } from '../../domain/delegation.ts'
import type { Principals } from '../../projections/principals.ts'
import { certificateOf } from './client-authentication.ts'
import { type Limits, withinLimit } from './limits.ts'
import { checkProof, freshAssertion, type ProofParts } from './proofs.ts'
import { Refused } from './refusals.ts'

const whole = (least: number, most: number) => {
  const rule = `must be a whole number from ${least} to ${most}`
  return z
    .string({ error: 'is missing' })
    .regex(/^(0|[1-9]\d{0,8})$/, rule)
    .transform(Number)
    .refine((value) => value >= least && value <= most, rule)
}

const Asked = z.object({
  authorization_details: z.string({ error: 'is missing' }),
  delegation_purpose: z.string({ error: 'is missing' }).pipe(Prose),
  delegation_lifetime: whole(1, MAX_LIFETIME_SECONDS),
  delegation_depth: whole(0, 8).default(0),
})

export type Asked = {
  authorizationDetails: AuthorizationDetail[]
  purpose: string
  lifetimeSeconds: number
  maximumDepth: number
}

/** @throws Refused naming the parameter and what is allowed */
export function readAsked(parameters: Record<string, unknown>): Asked {
  const read = Asked.safeParse(parameters)
  if (!read.success) {
    const [issue] = read.error.issues
    throw new Refused('invalid_request', 'invalid_parameter', `${issue?.path.join('.')}: ${issue?.message}`)
  }
  const { authorization_details, delegation_purpose, delegation_lifetime, delegation_depth } = read.data
  return {
    authorizationDetails: readDetails(authorization_details),
    purpose: delegation_purpose,
    lifetimeSeconds: delegation_lifetime,
    maximumDepth: delegation_depth,
  }
}

function readDetails(text: string): AuthorizationDetail[] {
  try {
    return AuthorizationDetails.parse(JSON.parse(text))
  } catch {
    throw new Refused(
      'invalid_authorization_details',
      'malformed',
      'authorization_details: must be a non-empty array of agent_permission objects',
    )
  }
}

export type PushedRequestParts = ProofParts & { principals: Principals; limits: Limits }

/** Parameters of the authorization request that are ours, for the engine’s `extraParams`; one check sees them all. */
export const pushedParameters = (engine: () => Provider, parts: PushedRequestParts) => ({
  authorization_details: (ctx: KoaContextWithOIDC) => check(engine(), parts, ctx),
  delegation_purpose: null,
  delegation_lifetime: null,
  delegation_depth: null,
})

async function check(provider: Provider, parts: PushedRequestParts, ctx: KoaContextWithOIDC): Promise<void> {
  if (ctx.oidc.route !== 'pushed_authorization_request') return
  await withinLimit(parts.limits, ctx)
  await Promise.all([freshAssertion(ctx), ctx.get('dpop') ? checkProof(provider, parts, ctx) : undefined])
  const agent = parts.principals.bySpiffeId(ctx.oidc.client?.clientId ?? '')
  if (!agent) throw new errors.InvalidClientAuth('no such agent')
  const thumbprint = ctx.oidc.params?.dpop_jkt
  const bound = livingKeys(agent, parts.clock()).some((key) => key.thumbprint === thumbprint)
  if (thumbprint === undefined && certificateOf(ctx.req)?.client !== agent.spiffe_id)
    throw new Refused('invalid_dpop_proof', 'no_proof', 'Send a DPoP proof by the key of the agent.')
  if (thumbprint !== undefined && !bound)
    throw new Refused('invalid_dpop_proof', 'other_key', 'The DPoP proof must be by a registered key of the agent.')
  const { authorizationDetails } = readAsked(ctx.oidc.params ?? {})
  const blueprint = parts.principals.blueprint(agent.blueprint)
  if (blueprint) refuseAbove(authorizationDetails, blueprint)
}

function refuseAbove(...asked: Parameters<typeof refuseOutside>): void {
  try {
    refuseOutside(...asked)
  } catch (error) {
    if (!(error instanceof CredenceError)) throw error
    throw new Refused('invalid_authorization_details', error.reason, error.message)
  }
}
