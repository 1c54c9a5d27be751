import type { Fact } from '@credence/contracts/events/catalog'
import { type Human, humanEvolution } from '@credence/contracts/principals/human'
import { describe, expect, it } from 'vitest'
import * as facts from '../../../../infra/testing/facts.ts'
import { NOW } from '../../../../infra/testing/facts.ts'
import { given } from '../../../../infra/testing/given.ts'
import { deactivateHuman, placeHuman, reactivateHuman, recogniseHuman, successorOf } from './human.ts'

const human = 'hum_1'
const recognised = facts.recognised(human)
const placed = facts.fact('credence.identity.human.placed.v1', { human, manager: 'hum_2', groups: ['sales'] })
const left_at = NOW.toISOString()
const gone = facts.fact('credence.identity.human.deactivated.v1', { human, reason: 'test', left_at })
const back = facts.fact('credence.identity.human.reactivated.v1', { human, reason: 'test' })
const after = (...history: Fact[]) => given(humanEvolution, history)
const folded = (...history: Fact[]) => history.reduce(humanEvolution.evolve, humanEvolution.initialState)

describe('recognising a person', () => {
  it('records the pseudonym and nothing else', () => {
    after()
      .when((state) => recogniseHuman(state, human))
      .thenFacts({ type: 'credence.identity.human.recognised.v1', data: { human } })
    expect(Object.keys(recogniseHuman(undefined, human)[0]?.data ?? {})).toEqual(['human'])
  })
  it('happens once', () =>
    after(recognised)
      .when((state) => recogniseHuman(state, human))
      .thenNothing())
  it('does not bring one back who has left', () => expect(folded(recognised, gone, recognised)?.active).toBe(false))
})

describe('placing a person', () => {
  const place = (manager: string | undefined, groups: string[], ...history: Fact[]) =>
    after(...history).when((state) => placeHuman(state, { human, manager, groups }))
  it('says where they stand', () =>
    place('hum_2', ['sales'], recognised).thenFacts({
      type: 'credence.identity.human.placed.v1',
      data: { human, manager: 'hum_2', groups: ['sales'] },
    }))
  it('says it once', () => place('hum_2', ['sales'], recognised, placed).thenNothing())
  it('can take the manager away', () => {
    place(undefined, ['sales'], recognised, placed).thenFacts({ type: 'credence.identity.human.placed.v1' })
    const alone = facts.fact('credence.identity.human.placed.v1', { human, groups: [] })
    expect(folded(placed, alone)?.manager).toBeUndefined()
  })
  it('nobody under themselves', () => place(human, []).thenRefused('invalid_field', 'manager_subject'))
  it('brings nobody back', () => expect(folded(recognised, gone, placed)?.active).toBe(false))
})

describe('leaving and returning', () => {
  const leave = (...history: Fact[]) => after(...history).when((state) => deactivateHuman(state, human, 'test', NOW))
  const comeBack = (...history: Fact[]) => after(...history).when((state) => reactivateHuman(state, human, 'test'))
  it('says when and why, once', () => {
    leave(recognised).thenFacts({
      type: 'credence.identity.human.deactivated.v1',
      data: { human, reason: 'test', left_at },
    })
    leave(recognised, gone).thenNothing()
    leave().thenRefused('human_not_found')
  })
  it('a return is said once, and does not forget the leaving', () => {
    comeBack(recognised, gone).thenFacts({ type: 'credence.identity.human.reactivated.v1', data: { human } })
    comeBack(recognised).thenNothing()
    comeBack().thenRefused('human_not_found')
    expect(folded(recognised, gone, back)).toMatchObject({ active: true, leftAt: left_at })
  })
})

describe('who follows a sponsor who left', () => {
  const company = (...people: Partial<Human>[]) => {
    const known = new Map(people.map((one) => [one.human as string, facts.person(one)]))
    const left = known.get(human) ?? facts.person({ human, active: false })
    return (group?: string) =>
      successorOf(
        left,
        group,
        (id) => known.get(id),
        () => known.entries(),
      )
  }
  const left = { human, active: false, manager: 'hum_2' }
  const [away, there] = [{ active: false }, { active: true }]

  it('the manager', () =>
    expect(company(left, { human: 'hum_2', ...there })()).toEqual({ human: 'hum_2', cause: 'manager' }))
  it('the next manager who is there', () => {
    const find = company(left, { human: 'hum_2', ...away, manager: 'hum_3' }, { human: 'hum_3', ...there })
    expect(find()).toEqual({ human: 'hum_3', cause: 'manager' })
  })
  it('else who was recognised first of the group, and is there', () => {
    const groups = ['stewards']
    const find = company(
      left,
      { human: 'hum_7', groups, ...there },
      { human: 'hum_5', groups, ...there },
      { human: 'hum_4', groups, ...away },
      { human: 'hum_3', groups: ['other'], ...there },
    )
    expect(find('stewards')).toEqual({ human: 'hum_5', cause: 'group' })
    expect(find('nobody')).toBeUndefined()
    expect(find()).toBeUndefined()
  })
  it('never themselves, not even when their leaving is not known yet', () => {
    expect(company({ ...left, ...there, groups: ['stewards'] })('stewards')).toBeUndefined()
    const loop = company({ ...left, ...there }, { human: 'hum_2', ...away, manager: human })
    expect(loop()).toBeUndefined()
  })
  it('ends where managers go round in a circle, or up without end', () => {
    const circle = company(
      left,
      { human: 'hum_2', ...away, manager: 'hum_3' },
      { human: 'hum_3', ...away, manager: 'hum_2' },
    )
    expect(circle()).toBeUndefined()
    const ladder = Array.from({ length: 40 }, (_, at) => ({
      human: `hum_${at + 2}`,
      ...away,
      manager: `hum_${at + 3}`,
    }))
    expect(company(left, ...ladder, { human: 'hum_42', ...there })()).toBeUndefined()
  })
})
