import { readFileSync, statSync, writeFileSync } from 'node:fs'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { hours } from '../../../../infra/testing/facts.ts'
import { identityHistory, NAMES } from '../../../../infra/testing/identity-histories.ts'
import { openFolder, replayed, restored } from '../../../../infra/testing/snapshots.ts'
import { createLog } from '../log.ts'
import { createPrincipals, type Principals } from '../principals.ts'
import { aggregates } from './aggregates.ts'
import { listener, type ReadModel } from './read-model.ts'
import { capture, loadSnapshot, type Mark, openSnapshotFile, writeSnapshot } from './snapshot.ts'

const { folder, remove } = openFolder()
afterAll(remove)

const log = createLog('test', 'silent')
const TIMES = [hours(0), hours(1.5), hours(6)].map((time) => new Date(time))

/** All that can be asked of principals. */
function seen(principals: Principals) {
  const { humans, blueprints, agents, mandates, delegations } = principals
  return {
    states: [humans, blueprints, agents, mandates, delegations].map((kind) =>
      [...kind.all()].map(([id]) => ({ id, ...kind.get(id) })),
    ),
    below: NAMES.map(principals.withDescendants),
    ends: TIMES.map((now) => NAMES.map((id) => [principals.agentEnd(id, now), principals.delegationEnd(id, now)])),
    callers: TIMES.map((now) =>
      [...agents.all()].map(([, agent]) => agent && principals.callerBySpiffeId(agent.spiffe_id, now)),
    ),
  }
}

const dumped = (models: readonly ReadModel[]) => models.map((model) => [...model.dump()])

describe('a snapshot', () => {
  it('and the events after it come to the same as all events, wherever it was taken', async () => {
    await fc.assert(
      fc.asyncProperty(identityHistory, fc.nat(), async (commits, point) => {
        const at = point % (commits.length + 1)
        const { before, after } = await restored(folder, createPrincipals, commits, at)
        expect(seen(before)).toEqual(seen(replayed(createPrincipals, commits.slice(0, at))))
        expect(seen(after)).toEqual(seen(replayed(createPrincipals, commits)))
      }),
      { numRuns: 60 },
    )
  })

  it('is passed over when one byte of it is changed, or its end is missing, and leaves nothing behind', async () => {
    const { path } = await openSnapshotFile(folder, 'test', 'this code', log)
    const empty = dumped(createPrincipals().models)
    await fc.assert(
      fc.asyncProperty(identityHistory, fc.nat(), fc.integer({ min: 1, max: 255 }), async (commits, place, change) => {
        await restored(folder, createPrincipals, commits, commits.length)
        const whole = readFileSync(path)
        const at = place % whole.byteLength
        const changed = Buffer.from(whole)
        changed.writeUInt8((whole.readUInt8(at) ^ change) & 0xff, at)
        for (const content of [changed, whole.subarray(0, at)]) {
          writeFileSync(path, content)
          const { models } = createPrincipals()
          const file = { path, code: 'this code', log }
          expect(await loadSnapshot(file, models, ['IDENTITY'], async () => true)).toBeUndefined()
          expect(dumped(models)).toEqual(empty)
        }
      }),
      { numRuns: 40 },
    )
  })

  const history = fc.sample(identityHistory, { numRuns: 1, seed: 7 })[0] ?? []
  const mark: Mark = { stream: 'IDENTITY', created: 'then', sequence: history.length, id: history.at(-1)?.id ?? '' }
  const written = async (code = 'this code') => {
    const { models } = replayed(createPrincipals, history)
    const file = await openSnapshotFile(folder, 'test', code, log)
    await writeSnapshot(file, capture(code, models, [mark]), async () => undefined)
    return { file, models: createPrincipals().models }
  }
  const held = async () => true

  it('is passed over when other code wrote it', async () => {
    const { file, models } = await written('older code')
    expect(await loadSnapshot(file, models, ['IDENTITY'], held)).toEqual([mark])
    for (const model of models) model.clear()
    expect(await loadSnapshot({ ...file, code: 'this code' }, models, ['IDENTITY'], held)).toBeUndefined()
    expect(dumped(models).flat()).toEqual([])
  })

  it('is passed over when it is of other models or streams', async () => {
    const { file, models } = await written()
    const more = [...models, listener('one/more', () => undefined)]
    expect(await loadSnapshot(file, more, ['IDENTITY'], held)).toBeUndefined()
    expect(await loadSnapshot(file, models.slice(1), ['IDENTITY'], held)).toBeUndefined()
    expect(await loadSnapshot(file, models, ['IDENTITY', 'POLICY'], held)).toBeUndefined()
    expect(await loadSnapshot(file, models, ['POLICY'], held)).toBeUndefined()
  })

  it('is passed over when the stream holds another message there', async () => {
    const { file, models } = await written()
    const asked: Mark[] = []
    const other = async (one: Mark) => {
      asked.push(one)
      return false
    }
    expect(await loadSnapshot(file, models, ['IDENTITY'], other)).toBeUndefined()
    expect(asked).toEqual([mark])
  })

  it('that is no snapshot at all, or is missing, is passed over', async () => {
    const { file, models } = await written()
    for (const content of ['', 'not a snapshot', '\0'.repeat(10_000), JSON.stringify({ format: 1 })]) {
      writeFileSync(file.path, content)
      expect(await loadSnapshot(file, models, ['IDENTITY'], held)).toBeUndefined()
    }
    const none = { ...file, path: `${file.path}.none` }
    expect(await loadSnapshot(none, models, ['IDENTITY'], held)).toBeUndefined()
  })

  it('can be read by its owner only', async () => {
    const { file } = await written()
    expect(statSync(file.path).mode & 0o777).toBe(0o600)
  })

  it('refuses to keep what cannot be cloned, instead of losing it', async () => {
    const odd = { initialState: undefined as unknown, evolve: () => ({ ask: () => 'a function' }) }
    const model = aggregates('identity', 'agent', odd)
    for (const commit of history) model.apply({ ...commit, subject: 'agent/x' })
    const file = await openSnapshotFile(folder, 'odd', 'this code', log)
    await expect(writeSnapshot(file, capture('this code', [model], [mark]), async () => undefined)).rejects.toThrow()
    expect(await loadSnapshot(file, [model], ['IDENTITY'], held)).toBeUndefined()
  })
})
