/** Who may say what counts for a blueprint: its sponsor, or security for all of them. */
import { forbidden, notFound } from '@credence/contracts/errors'
import type { Caller } from '@credence/shared/callers/caller'
import type { Context } from '../context.ts'

/**
 * @throws CredenceError `permission_denied` (`not_the_sponsor`) for a sponsor who does not answer for this blueprint,
 *   `not_found` for a blueprint that nobody made
 */
export async function refuseUnlessAnswersFor(
  blueprint: string,
  caller: Caller,
  { principals, barrier }: Pick<Context, 'principals' | 'barrier'>,
): Promise<void> {
  if (caller.roles.has('security-operator')) return
  // It may have been made, or handed over, a moment ago.
  await barrier()
  const found = principals.blueprint(blueprint)
  if (!found) throw notFound('blueprint', blueprint)
  if (caller.kind === 'human' && caller.id === found.sponsor) return
  throw forbidden(
    'not_the_sponsor',
    'This call is for the sponsor, who answers for the blueprint, or for: security-operator.',
  )
}
