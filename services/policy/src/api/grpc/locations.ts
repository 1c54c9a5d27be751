/** Named networks, for conditions. */
import { Slug } from '@credence/contracts/events/values'
import { actorOf } from '@credence/shared/callers/caller'
import { method } from '@credence/shared/rpc/server'
import { z } from 'zod'
import { defineLocation } from '../../domain/location.ts'
import type { Context } from '../context.ts'

export const locationMethods = ({ world, writer, clock }: Context) => ({
  defineLocation: method({
    allow: ['security-operator'],
    input: z.object({
      name: Slug.refine((name) => name !== 'unknown', 'must not be "unknown": that is where nothing fits'),
      ranges: z.array(z.string().max(64)).min(1, 'must not be empty').max(256),
      trusted: z.boolean(),
    }),
    handle: async (location, caller) => {
      const command = { id: location.name, actor: actorOf(caller), now: clock() }
      const { position } = await writer.execute(world.locations, {
        ...command,
        decide: (state) => defineLocation(state, location),
      })
      return { position }
    },
  }),
})
