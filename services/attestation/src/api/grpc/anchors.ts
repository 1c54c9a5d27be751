/** Trust anchors: approved, withdrawn, listed. */
import { invalid } from '@credence/contracts/errors'
import { AnchorId, Prose } from '@credence/contracts/events/values'
import { actorOf } from '@credence/shared/callers/caller'
import { newId } from '@credence/shared/ids'
import { pageFields, pageOf } from '@credence/shared/rpc/pages'
import { method } from '@credence/shared/rpc/server'
import { parseSpiffeId } from '@credence/shared/spiffe/id'
import { z } from 'zod'
import { approveAnchor, withdrawAnchor } from '../../domain/anchor.ts'
import type { Context } from '../context.ts'
import { runningOn } from '../running.ts'
import { AnchorField, anchorMessage } from './messages/anchor.ts'

/** Materials are large: a page must fit into an answer. */
const MOST_ON_PAGE = 50

export const anchorMethods = (context: Context) => {
  const { appraisals, writer, clock } = context
  const { anchors, approvals } = appraisals
  const ourDomain = parseSpiffeId(context.spiffeId).trustDomain
  return {
    approveTrustAnchor: method({
      allow: ['security-operator'],
      input: z.object({ anchor: AnchorField }),
      handle: async ({ anchor: wanted }, caller) => {
        const { material } = wanted
        if (material.type === 'spiffe-trust-domain' && material.trust_domain === ourDomain)
          throw invalid(
            'anchor.spiffe_trust_domain.trust_domain',
            'must be of somebody else: for our own names nobody else vouches',
          )
        const anchor = newId('anc')
        const { position } = await writer.execute(anchors, {
          id: anchor,
          actor: actorOf(caller),
          now: clock(),
          decide: (state) => approveAnchor(state, { anchor, ...wanted }),
        })
        return { anchorId: anchor, position }
      },
    }),
    withdrawTrustAnchor: method({
      allow: ['security-operator'],
      input: z.object({ anchorId: AnchorId, reason: Prose }),
      handle: async ({ anchorId, reason }, caller) => {
        const agents = runningOn(anchorId, context)
        const { position } = await writer.execute(anchors, {
          id: anchorId,
          actor: actorOf(caller),
          now: clock(),
          decide: (state) => withdrawAnchor(state, anchorId, reason),
        })
        return { position, agents }
      },
    }),
    listTrustAnchors: method({
      allow: ['security-operator', 'sponsor', 'auditor'],
      input: z.object({ withdrawn: z.boolean(), ...pageFields }),
      handle: async ({ withdrawn, pageSize, pageToken }) => {
        const ids = [...anchors.all()].map(([id]) => id)
        const page = { pageSize: Math.min(pageSize, MOST_ON_PAGE), pageToken }
        const { shown, nextPageToken } = pageOf('anchors', ids, page, (id) => {
          const state = anchors.get(id).state
          if (!state || (state.withdrawn && !withdrawn)) return undefined
          const { withdrawn: isWithdrawn, ...anchor } = state
          const approved = approvals.approved(id)
          return anchorMessage(anchor, {
            approvedBy: approved?.by ?? '',
            approvedAt: approved && new Date(approved.at),
            withdrawn: isWithdrawn,
            withdrawnBy: approvals.withdrawn(id)?.by ?? '',
          })
        })
        return { anchors: shown, nextPageToken }
      },
    }),
  }
}
