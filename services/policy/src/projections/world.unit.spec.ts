import type { Fact } from '@credence/contracts/events/catalog'
import type { RecordedCommit } from '@credence/shared/event-store/commit'
import { newId } from '@credence/shared/ids'
import { describe, expect, it } from 'vitest'
import * as facts from '../../../../infra/testing/facts.ts'
import { abortTask, completeTask, openTask, type Task } from '../domain/task.ts'
import { createWorld, type World } from './world.ts'

let sequence = 0
const commit = (subject: string, made: Fact[]): RecordedCommit => {
  sequence += 1
  return { subject, sequence, facts: made } as unknown as RecordedCommit
}

function open(world: World, part: { agent?: string; delegation?: string } = {}) {
  const task = newId('tsk')
  const grant = newId('grt')
  const about = { agent: newId('agt'), delegation: newId('dlg'), human: newId('hum'), ...part }
  const described = { task, ...about, trigger: facts.TRIGGER, purpose: 'Book a room' }
  const cut = { given: [facts.detail()], dropped: [] }
  const expiresAt = new Date(facts.hours(1))
  world.applyPolicy(commit(`task/${task}`, openTask(undefined, { ...described, grant, cut, expiresAt })))
  return { task, grant, ...about }
}

describe('the world, folded from events', () => {
  it('finds a task by its grant, for as long as there is a record of it', () => {
    const world = createWorld()
    const { task, grant } = open(world)
    expect(world.taskOfGrant(grant)).toMatchObject({ task, state: 'open' })
    const state = world.tasks.get(task).state as Task
    world.applyPolicy(commit(`task/${task}`, completeTask(state, 'succeeded')))
    expect(world.taskOfGrant(grant)).toMatchObject({ state: 'completed', grant: { ended: 'task_completed' } })
    expect(world.taskOfGrant(newId('grt'))).toBeUndefined()
  })

  it('knows the open tasks of an agent and under a delegation, and forgets those that ended', () => {
    const world = createWorld()
    const first = open(world)
    const second = open(world, { agent: first.agent })
    expect(world.openTasksOf(first.agent)).toEqual([first.task, second.task])
    expect(world.openTasksOf(first.delegation)).toEqual([first.task])
    const state = world.tasks.get(first.task).state
    world.applyPolicy(commit(`task/${first.task}`, abortTask(state, 'delegation_revoked')))
    expect(world.openTasksOf(first.agent)).toEqual([second.task])
    expect(world.openTasksOf(first.delegation)).toEqual([])
  })

  it('takes the newest attestation result, though an older one was better', () => {
    const world = createWorld()
    const agent = newId('agt')
    const accepted = facts.result({ agent, expires_at: facts.hours(9) })
    const refused = facts.result({ agent, accepted: false })
    for (const result of [accepted, refused])
      world.applyAttestation(commit(`result/${result.result}`, [facts.recorded(result)]))
    expect(world.result(agent)).toMatchObject({ result: refused.result, accepted: false })
    expect(world.result(newId('agt'))).toBeUndefined()
  })

  it('places addresses by the definitions that are in force now', () => {
    const world = createWorld()
    const define = (name: string, trusted: boolean, ...ranges: string[]) => {
      const data = { name, trusted, ranges }
      world.applyPolicy(commit(`location/${name}`, [{ type: 'credence.policy.location.defined.v1', data }]))
    }
    expect(world.locate('10.0.0.1')).toEqual({ name: 'unknown', trusted: false })
    define('office', true, '10.0.0.0/8')
    define('guests', false, '10.1.0.0/16')
    expect([world.locate('10.0.0.1').name, world.locate('10.1.0.1').name]).toEqual(['office', 'guests'])
    define('guests', false, '192.0.2.0/24')
    expect([world.locate('10.1.0.1').name, world.locate('192.0.2.1').name]).toEqual(['office', 'guests'])
  })

  it('follows a delegation up to its root', () => {
    const world = createWorld()
    const root = facts.delegation()
    const held = facts.delegation({ parent: root.delegation })
    for (const one of [root, held]) world.applyIdentity(commit(`delegation/${one.delegation}`, [facts.granted(one)]))
    const chain = () => world.principals.delegationChain(held.delegation)
    expect(chain()?.map(({ delegation, revoked }) => [delegation, revoked])).toEqual([
      [held.delegation, false],
      [root.delegation, false],
    ])
    world.applyIdentity(commit(`delegation/${root.delegation}`, [facts.delegationRevoked(root.delegation)]))
    expect(chain()?.at(-1)?.revoked).toBe(true)
    expect(world.principals.delegationChain(newId('dlg'))).toBeUndefined()
  })
})
