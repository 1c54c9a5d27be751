/** What autonomous agents of a blueprint may do, signed off by its sponsor. */
import { notFound } from '@credence/contracts/errors'
import { MandateId, Prose, Slug } from '@credence/contracts/events/values'
import type { Mandate as Shown } from '@credence/contracts/gen/credence/identity/v1/identity'
import type { Mandate } from '@credence/contracts/principals/mandate'
import { actorOf } from '@credence/shared/callers/caller'
import { newId } from '@credence/shared/ids'
import { notBefore, seconds, waitFor } from '@credence/shared/rpc/fields'
import { method } from '@credence/shared/rpc/server'
import { z } from 'zod'
import { MAX_LIFETIME_SECONDS } from '../../domain/delegation.ts'
import { drawMandate, grantMandate, revokeMandate } from '../../domain/mandate.ts'
import type { Context } from '../context.ts'
import { handOut } from './delegation-view.ts'
import { Details } from './schemas.ts'
import { asAgent, knownAgent, knownBlueprint, refuseUnlessSponsor } from './standing.ts'

export const mandateMethods = (context: Context) => {
  const { principals, writer, clock, barrier } = context
  const known = (id: string): Mandate => {
    const found = principals.mandate(id)
    if (!found) throw notFound('mandate', id)
    return found
  }

  return {
    grantMandate: method({
      allow: ['human'],
      input: z.object({
        blueprint: Slug,
        authorizationDetails: Details,
        purpose: Prose,
        lifetimeSeconds: seconds(MAX_LIFETIME_SECONDS),
        maximumDepth: z.int().min(0, 'must be from 0 to 8').max(8, 'must be from 0 to 8'),
      }),
      handle: async (input, caller) => {
        await barrier()
        refuseUnlessSponsor(caller, knownBlueprint(principals, input.blueprint).sponsor, [])
        const now = clock()
        const mandate = newId('mnd')
        const { position } = await writer.execute(principals.mandates, {
          id: mandate,
          actor: actorOf(caller),
          correlation: { human: caller.id },
          now,
          decide: (state) => {
            const blueprint = knownBlueprint(principals, input.blueprint)
            const sponsor = principals.human(caller.id)
            return grantMandate(state, { ...input, mandate }, { sponsor, blueprint, now })
          },
        })
        return { mandate: shown(known(mandate)), position }
      },
    }),
    revokeMandate: method({
      allow: ['security-operator', 'human'],
      input: z.object({ mandateId: MandateId, reason: Prose }),
      handle: async ({ mandateId, reason }, caller) => {
        const { blueprint, human } = known(mandateId)
        refuseUnlessSponsor(caller, knownBlueprint(principals, blueprint).sponsor, ['security-operator'])
        const { position } = await writer.execute(principals.mandates, {
          id: mandateId,
          actor: actorOf(caller),
          correlation: { human },
          now: clock(),
          decide: (state) => revokeMandate(state, mandateId, reason),
        })
        return { endedDelegationIds: principals.withDescendants(mandateId).slice(1), position }
      },
    }),
    drawMandate: method({
      allow: ['agent'],
      input: z.object({ mandateId: MandateId, notBefore }),
      handle: async (input, anyone) => {
        const caller = asAgent(anyone)
        await waitFor(input.notBefore, context.followers)
        await barrier()
        const now = clock()
        const delegation = newId('dlg')
        const { position } = await writer.execute(principals.delegations, {
          id: delegation,
          actor: actorOf(caller),
          correlation: { delegation, human: known(input.mandateId).human },
          causation: input.mandateId,
          now,
          decide: (state) => {
            const agent = knownAgent(principals, caller.agent)
            const agentEnd = principals.agentEnd(caller.agent, now)
            const mandate = principals.mandate(input.mandateId)
            return drawMandate(state, delegation, { mandate, id: input.mandateId, agent, agentEnd, now })
          },
        })
        const { dropped: _, ...given } = await handOut(context, delegation)
        return { ...given, position }
      },
    }),
  }
}

const shown = (mandate: Mandate): Shown => ({
  id: mandate.mandate,
  blueprint: mandate.blueprint,
  human: mandate.human,
  authorizationDetails: mandate.authorization_details,
  purpose: mandate.purpose,
  expiresAt: new Date(mandate.expires_at),
  maximumDepth: mandate.maximum_depth,
})
