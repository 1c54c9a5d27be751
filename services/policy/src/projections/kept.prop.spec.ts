import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { AGENTS, NAMES } from '../../../../infra/testing/identity-histories.ts'
import { openFolder, replayed, restored } from '../../../../infra/testing/snapshots.ts'
import { ANCHORS, DIGESTS, history, REFERENCES, TASKS, VERSIONS } from '../testing/histories.ts'
import { createWorld } from './world.ts'

const { folder, remove } = openFolder()
afterAll(remove)

const ADDRESSES = ['10.0.0.1', '10.1.0.1', '192.0.2.1']

function make() {
  const world = createWorld()
  const { IDENTITY, ATTESTATION, POLICY } = world.models
  return { world, models: [...IDENTITY, ...ATTESTATION, ...POLICY] }
}

const seen = ({ world, models }: ReturnType<typeof make>) => ({
  kept: models.map((model) => [...model.dump()]),
  below: NAMES.map(world.principals.withDescendants),
  open: NAMES.map(world.openTasksOf),
  tasks: TASKS.map(({ grant }) => world.taskOfGrant(grant)),
  results: AGENTS.map(world.result),
  withdrawals: [...REFERENCES, ...ANCHORS, ...DIGESTS].map(world.lookup.withdrawal),
  places: ADDRESSES.map(world.locate),
  policies: VERSIONS.map((version) => [world.policySets.get(version), world.policySets.placesOf(version)]),
  counting: world.policySets.counting(),
})

describe('what policy holds in memory', () => {
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
