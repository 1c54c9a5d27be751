import { HumanId } from '@credence/contracts/events/values'
import { method } from '@credence/shared/rpc/server'
import { z } from 'zod'
import type { Context } from '../context.ts'

export const humanMethods = ({ directory }: Context) => ({
  resolveHuman: method({
    allow: ['service'],
    input: z.object({
      issuer: z.url('must be an issuer URL').max(512),
      subject: z.string().min(1, 'must not be empty').max(255),
      displayName: z.string().max(200),
    }),
    handle: async ({ issuer, subject, displayName }) => ({
      humanId: await directory.resolve(issuer, subject, displayName),
    }),
  }),
  describeHuman: method({
    allow: ['auditor', 'security-operator', 'service'],
    input: z.object({ humanId: HumanId }),
    handle: async ({ humanId }) => ({ humanId, displayName: await directory.nameOf(humanId) }),
  }),
})
