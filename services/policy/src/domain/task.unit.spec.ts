import type { Fact, PolicyFact } from '@credence/contracts/events/catalog'
import { newId } from '@credence/shared/ids'
import { describe, expect, it } from 'vitest'
import { detail, hours, NOW, TRIGGER } from '../../../../infra/testing/facts.ts'
import { abortTask, completeTask, openTask, refuseTask, type Task, type TaskState, taskEvolution } from './task.ts'

const task = newId('tsk')
const grant = newId('grt')
const about = { task, agent: newId('agt'), delegation: newId('dlg'), trigger: TRIGGER, purpose: 'Book a room' }
const expiresAt = new Date(hours(1))
const opened = openTask(undefined, {
  ...about,
  human: newId('hum'),
  grant,
  cut: { given: [detail()], dropped: [] },
  expiresAt,
})
const ended = (cause: string) => ({ type: 'credence.policy.grant.ended.v1', data: { grant, task, cause } })

const given = (facts: Fact[]) => {
  const state = facts.reduce(taskEvolution.evolve, taskEvolution.initialState)
  return {
    when: (command: (state: TaskState) => PolicyFact[]) => ({
      thenDecided: (wanted: unknown[]) => expect(command(state)).toEqual(wanted),
      thenRefused: (reason: string) =>
        expect(() => command(state)).toThrow(expect.objectContaining({ name: 'CredenceError', reason })),
    }),
    state,
  }
}

describe('a task', () => {
  it('opens with its grant in one decision', () => {
    expect(opened.map(({ type }) => type)).toEqual([
      'credence.policy.task.opened.v1',
      'credence.policy.grant.issued.v1',
    ])
    expect(given(opened).state).toMatchObject({
      state: 'open',
      grant: { grant, authorization_details: [detail()], expires_at: expiresAt.toISOString() },
    })
  })

  it('opens once', () => {
    given(opened)
      .when((state) =>
        openTask(state, { ...about, human: newId('hum'), grant, cut: { given: [], dropped: [] }, expiresAt: NOW }),
      )
      .thenRefused('task_exists')
  })

  it('that was refused is no task, and can be opened no more than an unknown one can be ended', () => {
    const refused = refuseTask(about, 'nothing_left', [])
    expect(given(refused).state).toBeUndefined()
    given(refused)
      .when((state) => abortTask(state, 'agent_revoked'))
      .thenDecided([])
  })

  for (const outcome of ['succeeded', 'failed', 'abandoned'] as const)
    it(`that ${outcome} is completed, and its grant ends with it`, () => {
      given(opened)
        .when((state) => completeTask(state as Task, outcome))
        .thenDecided([{ type: 'credence.policy.task.completed.v1', data: { task, outcome } }, ended('task_completed')])
    })

  it('completes once; saying it again changes nothing', () => {
    const completed = completeTask(given(opened).state as Task, 'succeeded')
    given([...opened, ...completed])
      .when((state) => completeTask(state as Task, 'failed'))
      .thenDecided([])
    expect(given([...opened, ...completed]).state).toMatchObject({
      state: 'completed',
      grant: { ended: 'task_completed' },
    })
  })

  it('is aborted from outside, once', () => {
    given(opened)
      .when((state) => abortTask(state, 'delegation_revoked'))
      .thenDecided([
        { type: 'credence.policy.task.aborted.v1', data: { task, cause: 'delegation_revoked' } },
        ended('delegation_revoked'),
      ])
    const aborted = abortTask(given(opened).state, 'delegation_revoked')
    given([...opened, ...aborted])
      .when((state) => abortTask(state, 'agent_revoked'))
      .thenDecided([])
  })

  it('that was aborted cannot be completed', () => {
    given([...opened, ...abortTask(given(opened).state, 'agent_revoked')])
      .when((state) => completeTask(state as Task, 'succeeded'))
      .thenRefused('task_aborted')
  })

  it('that is completed is not aborted when its agent ends later', () => {
    given([...opened, ...completeTask(given(opened).state as Task, 'succeeded')])
      .when((state) => abortTask(state, 'agent_revoked'))
      .thenDecided([])
  })
})
