/** People: pseudonyms in the record, names in the erasable directory, their place in the company, and their leaving. */
import { unauthenticated } from '@credence/contracts/errors'
import type { IdentityFact } from '@credence/contracts/events/catalog'
import { HumanId, Prose } from '@credence/contracts/events/values'
import type { HumanState } from '@credence/contracts/principals/human'
import type { ResolveHuman } from '@credence/shared/callers/bearer'
import { actorOf, type Caller } from '@credence/shared/callers/caller'
import { method } from '@credence/shared/rpc/server'
import { z } from 'zod'
import { deactivateHuman, forgetHuman, placeHuman, reactivateHuman } from '../../domain/human.ts'
import type { Context } from '../context.ts'
import { GroupName } from './schemas.ts'

const Issuer = z.url('must be an issuer URL').max(512)
const Subject = z.string().min(1, 'must not be empty').max(255)
const Why = z.object({ humanId: HumanId, reason: Prose })

/** Whom a bearer token names. Who has left is nobody here, whatever their identity provider still says. */
export const admitHuman =
  ({ directory, principals }: Pick<Context, 'directory' | 'principals'>): ResolveHuman =>
  async (issuer, subject, displayName) => {
    const human = await directory.resolve(issuer, subject, displayName)
    if (principals.human(human)?.active === false)
      throw unauthenticated('human_deactivated', 'This person has left, and was not brought back.')
    return human
  }

export const humanMethods = (context: Context) => {
  const { directory, principals, writer, clock } = context
  const admit = admitHuman(context)
  const change = async (human: string, caller: Caller, decide: (state: HumanState, now: Date) => IdentityFact[]) => {
    const now = clock()
    const about = { id: human, actor: actorOf(caller), correlation: { human }, now }
    const { position } = await writer.execute(principals.humans, { ...about, decide: (state) => decide(state, now) })
    return { position }
  }

  return {
    resolveHuman: method({
      allow: ['service'],
      input: z.object({ issuer: Issuer, subject: Subject, displayName: z.string().max(200) }),
      handle: async ({ issuer, subject, displayName }) => ({ humanId: await admit(issuer, subject, displayName) }),
    }),
    describeHuman: method({
      allow: ['auditor', 'security-operator', 'service'],
      input: z.object({ humanId: HumanId }),
      handle: async ({ humanId }) => ({ humanId, displayName: await directory.nameOf(humanId) }),
    }),
    placeHuman: method({
      allow: ['platform'],
      input: z
        .object({
          issuer: Issuer,
          subject: Subject,
          displayName: z.string().max(200),
          managerSubject: z.string().max(255),
          groups: z.array(GroupName).max(64, 'must be at most 64'),
        })
        .refine(({ subject, managerSubject }) => subject !== managerSubject, {
          path: ['managerSubject'],
          message: 'must be another person',
        }),
      handle: async ({ issuer, subject, displayName, managerSubject, groups }, caller) => {
        const human = await directory.place(issuer, subject, displayName)
        const manager = managerSubject ? await directory.resolve(issuer, managerSubject, '') : undefined
        const place = { human, manager, groups: [...new Set(groups)].sort() }
        return { humanId: human, ...(await change(human, caller, (state) => placeHuman(state, place))) }
      },
    }),
    deactivateHuman: method({
      allow: ['platform', 'security-operator'],
      input: Why,
      handle: ({ humanId, reason }, caller) =>
        change(humanId, caller, (state, now) => deactivateHuman(state, humanId, reason, now)),
    }),
    reactivateHuman: method({
      allow: ['platform', 'security-operator'],
      input: Why,
      handle: ({ humanId, reason }, caller) =>
        change(humanId, caller, (state) => reactivateHuman(state, humanId, reason)),
    }),
    forgetHuman: method({
      allow: ['platform'],
      input: z.object({ humanId: HumanId }),
      handle: async ({ humanId }, caller) => {
        // Erased before it is recorded: from the event on, no replica finds the person any more.
        await context.barrier()
        forgetHuman(principals.human(humanId), humanId)
        await directory.forget(humanId)
        return change(humanId, caller, (state) => forgetHuman(state, humanId))
      },
    }),
  }
}
