import { Prose, Sha256, Slug } from '@credence/contracts/events/values'
import { actorOf } from '@credence/shared/callers/caller'
import { newId } from '@credence/shared/ids'
import { oneOf, seconds } from '@credence/shared/rpc/fields'
import { method } from '@credence/shared/rpc/server'
import { z } from 'zod'
import { defineProfile } from '../../domain/profile.ts'
import { approveReference } from '../../domain/reference.ts'
import type { Context } from '../context.ts'

const MAX_AGE_SECONDS = 30 * 86_400

export const referenceMethods = ({ appraisals, writer, clock }: Context) => ({
  defineProfile: method({
    allow: ['security-operator', 'sponsor'],
    input: z.object({
      blueprint: Slug,
      requiredKinds: z.array(z.literal('software', 'must be "software"')).min(1, 'must not be empty').max(8),
      worstAcceptableStatus: oneOf('ATTESTATION_STATUS_', ['affirming', 'warning']),
      maximumAgeSeconds: seconds(MAX_AGE_SECONDS),
    }),
    handle: async (input, caller) => {
      const wanted = {
        blueprint: input.blueprint,
        required_kinds: input.requiredKinds,
        worst_acceptable_status: input.worstAcceptableStatus,
        maximum_age_seconds: input.maximumAgeSeconds,
      }
      const command = { id: input.blueprint, actor: actorOf(caller), now: clock() }
      const { position } = await writer.execute(appraisals.profiles, {
        ...command,
        decide: (state) => defineProfile(state, wanted),
      })
      return { version: appraisals.profile(input.blueprint)?.version ?? 0, position }
    },
  }),
  approveReferenceValue: method({
    allow: ['security-operator', 'sponsor'],
    input: z.object({
      blueprint: Slug,
      composition: z.object({ program: Sha256, prompt: Sha256, toolManifest: Sha256, model: Sha256 }, 'is missing'),
      label: Prose,
    }),
    handle: async ({ blueprint, composition, label }, caller) => {
      const { toolManifest, ...parts } = composition
      const reference = newId('ref')
      const approved = { reference, blueprint, composition: { ...parts, tool_manifest: toolManifest }, label }
      const command = { id: reference, actor: actorOf(caller), now: clock() }
      const { position } = await writer.execute(appraisals.references, {
        ...command,
        decide: (state) => approveReference(state, approved),
      })
      return { referenceId: reference, position }
    },
  }),
})
