import { blueprintEvolution } from '@credence/contracts/principals/blueprint'
import { describe, it } from 'vitest'
import * as facts from '../../../../infra/testing/facts.ts'
import { given } from '../../../../infra/testing/given.ts'
import { createBlueprint } from './blueprint.ts'

const blueprint = facts.blueprint()

describe('a blueprint', () => {
  it('is created as it was asked for', () =>
    given(blueprintEvolution)
      .when((state) => createBlueprint(state, blueprint))
      .thenFacts({ type: 'credence.identity.blueprint.created.v1', data: blueprint }))
  it('keeps its name: nobody makes another under it, not even the same', () =>
    given(blueprintEvolution, [facts.created(blueprint)])
      .when((state) => createBlueprint(state, { ...blueprint, ceiling: [facts.detail({ actions: ['mail.*'] })] }))
      .thenRefused('blueprint_exists'))
})
