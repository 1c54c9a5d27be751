import { newId } from '@credence/shared/ids'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { recordedCommit } from '../../../../infra/testing/commits.ts'
import * as facts from '../../../../infra/testing/facts.ts'
import { AGENTS, DELEGATIONS, identityHistory, NAMES } from '../../../../infra/testing/identity-histories.ts'
import { openFolder, replayed, restored } from '../../../../infra/testing/snapshots.ts'
import { createGrants } from './grants.ts'
import { createPrincipals } from './principals.ts'

const { folder, remove } = openFolder()
afterAll(remove)

const GRANTS = Array.from({ length: 3 }, () => ({ grant: newId('grt'), task: newId('tsk') }))

function make() {
  const principals = createPrincipals()
  const grants = createGrants()
  return { principals, grants, models: [...principals.models, grants] }
}

/** Of all models, what they keep; and what is asked of them. */
const seen = ({ principals, grants, models }: ReturnType<typeof make>) => ({
  kept: models.map((model) => [...model.dump()]),
  below: NAMES.map(principals.withDescendants),
  records: AGENTS.map(principals.agentIndex.record),
  alike: principals.agentIndex.having('blueprint', 'meeting-scheduler'),
  held: AGENTS.map(principals.delegationsOf),
  grants: GRANTS.map(({ grant }) => grants.get(grant)),
})

const history = fc
  .tuple(identityHistory, fc.array(fc.tuple(fc.nat(GRANTS.length - 1), fc.nat(4), fc.boolean()), { maxLength: 8 }))
  .map(([commits, steps]) => [
    ...commits,
    ...steps.map(([index, other, ends], at) => {
      const { grant, task } = GRANTS[index] as (typeof GRANTS)[number]
      const issued = {
        grant,
        task,
        agent: AGENTS[other] as string,
        delegation: DELEGATIONS[other] as string,
        authorization_details: [facts.detail()],
        dropped: [],
        expires_at: facts.hours(1),
      }
      return recordedCommit('POLICY', commits.length + at + 1, `task/${task}`, [
        ends
          ? { type: 'credence.policy.grant.ended.v1', data: { grant, task, cause: 'task_completed' } }
          : { type: 'credence.policy.grant.issued.v1', data: issued },
      ])
    }),
  ])

describe('what identity holds in memory', () => {
  it('is the same from a snapshot and the events after it as from all events', async () => {
    await fc.assert(
      fc.asyncProperty(history, fc.nat(), async (commits, point) => {
        const at = point % (commits.length + 1)
        const { before, after } = await restored(folder, make, commits, at)
        expect(seen(before)).toEqual(seen(replayed(make, commits.slice(0, at))))
        expect(seen(after)).toEqual(seen(replayed(make, commits)))
      }),
      { numRuns: 60 },
    )
  })
})
