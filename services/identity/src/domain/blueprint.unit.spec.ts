import type { Fact } from '@credence/contracts/events/catalog'
import { blueprintEvolution } from '@credence/contracts/principals/blueprint'
import { describe, expect, it } from 'vitest'
import * as facts from '../../../../infra/testing/facts.ts'
import { given } from '../../../../infra/testing/given.ts'
import * as decide from './blueprint.ts'

const data = facts.blueprint()
const { blueprint, sponsor, owner } = data
const created = facts.created(data)
const proposed = (to: string) =>
  facts.fact('credence.identity.blueprint.sponsor_proposed.v1', { blueprint, sponsor: to })
const withdrawn = facts.fact('credence.identity.blueprint.withdrawn.v1', { blueprint, reason: 'test' })
const after = (...history: Fact[]) => given(blueprintEvolution, history)
const folded = (...history: Fact[]) => history.reduce(blueprintEvolution.evolve, blueprintEvolution.initialState)

describe('a blueprint', () => {
  it('is created as it was asked for', () =>
    after()
      .when((state) => decide.createBlueprint(state, data))
      .thenFacts({ type: 'credence.identity.blueprint.created.v1', data }))
  it('name-reuse-inherits-nothing: its name is given once, not even for the same', () =>
    after(created)
      .when((state) => decide.createBlueprint(state, { ...data, ceiling: [facts.detail({ actions: ['mail.*'] })] }))
      .thenRefused('blueprint_exists'))
})

describe('another sponsor', () => {
  const propose = (to: string, isActive: boolean, ...history: Fact[]) =>
    after(...history).when((state) => decide.proposeSponsor(state, { blueprint, sponsor: to, isActive }))
  const accept = (human: string, isActive: boolean, ...history: Fact[]) =>
    after(...history).when((state) => decide.acceptSponsorship(state, { blueprint, human, isActive }))

  it('is asked first', () => {
    propose('hum_2', true, created).thenFacts({
      type: 'credence.identity.blueprint.sponsor_proposed.v1',
      data: { sponsor: 'hum_2' },
    })
    expect(folded(created, proposed('hum_2'))).toMatchObject({ sponsor, proposedSponsor: 'hum_2' })
  })
  it('is asked once', () => propose('hum_2', true, created, proposed('hum_2')).thenNothing())
  it('is somebody who is there', () => propose('hum_2', false, created).thenRefused('invalid_field', 'sponsor'))
  it('is not asked any more when the sponsor is proposed again', () => {
    propose(sponsor, true, created).thenNothing()
    propose(sponsor, true, created, proposed('hum_2')).thenFacts({
      type: 'credence.identity.blueprint.sponsor_proposed.v1',
      data: { sponsor },
    })
    expect(folded(created, proposed('hum_2'), proposed(sponsor))?.proposedSponsor).toBeUndefined()
    accept('hum_2', true, created, proposed('hum_2'), proposed(sponsor)).thenRefused('not_proposed')
  })
  it('transfer-needs-acceptance: becomes it by their own word', () => {
    accept('hum_2', true, created, proposed('hum_2')).thenFacts({
      type: 'credence.identity.blueprint.sponsor_changed.v1',
      data: { sponsor: 'hum_2', previous: sponsor, cause: 'accepted' },
    })
    accept('hum_3', true, created, proposed('hum_2')).thenRefused('not_proposed')
    accept('hum_2', true, created).thenRefused('not_proposed')
  })
  it('accepts once', () => accept(sponsor, true, created).thenNothing())
  it('does not become it after leaving', () =>
    accept('hum_2', false, created, proposed('hum_2')).thenRefused('human_deactivated'))
  it('needs a blueprint', () => {
    propose('hum_2', true).thenRefused('blueprint_not_found')
    accept('hum_2', true).thenRefused('blueprint_not_found')
  })

  const succeed = (left: string, successor: Parameters<typeof decide.succeedSponsor>[2], ...history: Fact[]) =>
    after(...history).when((state) => decide.succeedSponsor(state, left, successor))
  it('sponsor-leaves-successor: follows one who left, by rule', () => {
    for (const cause of ['manager', 'group'] as const)
      succeed(sponsor, { human: 'hum_2', cause }, created).thenFacts({
        type: 'credence.identity.blueprint.sponsor_changed.v1',
        data: { sponsor: 'hum_2', previous: sponsor, cause },
      })
  })
  it('agent-last-sponsor-cannot-leave: nobody in line, and the one who left stays named', () =>
    succeed(sponsor, undefined, created).thenNothing())
  it('follows nobody who is not the sponsor, and only where there is a blueprint', () => {
    succeed('hum_9', { human: 'hum_2', cause: 'manager' }, created).thenNothing()
    succeed(sponsor, { human: 'hum_2', cause: 'manager' }).thenNothing()
  })
})

describe('another owner', () => {
  const change = (to: string, ...history: Fact[]) =>
    after(...history).when((state) => decide.changeOwner(state, { blueprint, owner: to, reason: 'test' }))
  it('is an event with the one before, and why', () =>
    change('hum_2', created).thenFacts({
      type: 'credence.identity.blueprint.owner_changed.v1',
      data: { owner: 'hum_2', previous: owner, reason: 'test' },
    }))
  it('is not the same one', () => change(owner, created).thenNothing())
  it('needs a blueprint', () => change('hum_2').thenRefused('blueprint_not_found'))
})

describe('withdrawing and restoring', () => {
  const withdraw = (...history: Fact[]) =>
    after(...history).when((state) => decide.withdrawBlueprint(state, blueprint, 'test'))
  const restore = (sponsorIsActive: boolean, ...history: Fact[]) =>
    after(...history).when((state) => decide.restoreBlueprint(state, { blueprint, reason: 'test', sponsorIsActive }))

  it('says why, once', () => {
    withdraw(created).thenFacts({ type: 'credence.identity.blueprint.withdrawn.v1', data: { reason: 'test' } })
    withdraw(created, withdrawn).thenNothing()
    withdraw().thenRefused('blueprint_not_found')
  })
  it('goes back, once, for a sponsor who is there', () => {
    restore(true, created, withdrawn).thenFacts({ type: 'credence.identity.blueprint.restored.v1' })
    restore(false, created, withdrawn).thenRefused('no_sponsor')
    restore(true, created).thenNothing()
    restore(true).thenRefused('blueprint_not_found')
  })
  it('is not undone by a second creation', () => expect(folded(created, withdrawn, created)?.withdrawn).toBe(true))
})
