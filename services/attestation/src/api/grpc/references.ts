/** Reference values: approved, withdrawn, listed. */
import { invalid, notFound } from '@credence/contracts/errors'
import { Prose, ReferenceId, Slug } from '@credence/contracts/events/values'
import { actorOf } from '@credence/shared/callers/caller'
import { newId } from '@credence/shared/ids'
import { pageFields, pageOf } from '@credence/shared/rpc/pages'
import { method } from '@credence/shared/rpc/server'
import { z } from 'zod'
import { vouchesFor } from '../../domain/anchor.ts'
import { approveReference, withdrawReference } from '../../domain/reference.ts'
import type { Context } from '../context.ts'
import { runningOn } from '../running.ts'
import { ReferenceField, referenceMessage, type Wanted } from './messages/reference.ts'
import { refuseUnlessAnswersFor } from './standing.ts'

export const referenceMethods = (context: Context) => {
  const { appraisals, writer, clock } = context
  const { references, approvals } = appraisals
  return {
    approveReferenceValue: method({
      allow: ['security-operator', 'sponsor'],
      input: z.object({ reference: ReferenceField }),
      handle: async ({ reference: wanted }, caller) => {
        await refuseUnlessAnswersFor(wanted.blueprint, caller, context)
        refuseUnknownSigner(wanted)
        const reference = newId('ref')
        const { position } = await writer.execute(references, {
          id: reference,
          actor: actorOf(caller),
          now: clock(),
          decide: (state) => approveReference(state, { reference, ...wanted }),
        })
        return { referenceId: reference, position }
      },
    }),
    withdrawReferenceValue: method({
      allow: ['security-operator', 'sponsor'],
      input: z.object({ referenceId: ReferenceId, reason: Prose }),
      handle: async ({ referenceId, reason }, caller) => {
        const found = references.get(referenceId).state
        if (!found) throw notFound('reference', referenceId)
        await refuseUnlessAnswersFor(found.blueprint, caller, context)
        const agents = runningOn(referenceId, context)
        const { position } = await writer.execute(references, {
          id: referenceId,
          actor: actorOf(caller),
          now: clock(),
          decide: (state) => withdrawReference(state, referenceId, reason),
        })
        return { position, agents }
      },
    }),
    listReferenceValues: method({
      allow: ['security-operator', 'sponsor', 'auditor'],
      input: z.object({ blueprint: z.union([z.literal(''), Slug]), withdrawn: z.boolean(), ...pageFields }),
      handle: async ({ blueprint, withdrawn, ...page }) => {
        const ids = blueprint ? appraisals.referenceIds(blueprint) : [...references.all()].map(([id]) => id)
        const { shown, nextPageToken } = pageOf('references', ids, page, (id) => {
          const state = references.get(id).state
          if (!state || (state.withdrawn && !withdrawn)) return undefined
          const { withdrawn: isWithdrawn, ...reference } = state
          const approved = approvals.approved(id)
          return referenceMessage(reference, {
            approvedBy: approved?.by ?? '',
            approvedAt: approved && new Date(approved.at),
            withdrawn: isWithdrawn,
            withdrawnBy: approvals.withdrawn(id)?.by ?? '',
          })
        })
        return { references: shown, nextPageToken }
      },
    }),
  }

  function refuseUnknownSigner({ blueprint, value }: Wanted): void {
    if (value.type !== 'model' || !value.signer) return
    const anchor = appraisals.anchors.get(value.signer).state
    if (!anchor || anchor.withdrawn || !vouchesFor(anchor, 'model-signing', blueprint))
      throw invalid('reference.model.signer', 'must be a trust anchor for model-signing of this blueprint')
  }
}
