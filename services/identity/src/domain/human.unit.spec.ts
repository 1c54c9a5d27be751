import type { Fact } from '@credence/contracts/events/catalog'
import { humanEvolution } from '@credence/contracts/principals/human'
import { describe, expect, it } from 'vitest'
import { given } from '../../../../infra/testing/given.ts'
import { recogniseHuman } from './human.ts'

const recognised: Fact = { type: 'credence.identity.human.recognised.v1', data: { human: 'hum_1' } }

describe('recognising a person', () => {
  it('records the pseudonym and nothing else', () => {
    given(humanEvolution)
      .when((state) => recogniseHuman(state, 'hum_1'))
      .thenFacts({ type: 'credence.identity.human.recognised.v1', data: { human: 'hum_1' } })
    expect(Object.keys(recogniseHuman(undefined, 'hum_1')[0]?.data ?? {})).toEqual(['human'])
  })
  it('happens once', () =>
    given(humanEvolution, [recognised])
      .when((state) => recogniseHuman(state, 'hum_1'))
      .thenNothing())
})
