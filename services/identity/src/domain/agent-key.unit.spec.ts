import type { Fact } from '@credence/contracts/events/catalog'
import { agentEvolution, livingKeys } from '@credence/contracts/principals/agent'
import { describe, expect, it } from 'vitest'
import * as facts from '../../../../infra/testing/facts.ts'
import { hours, NOW } from '../../../../infra/testing/facts.ts'
import { given } from '../../../../infra/testing/given.ts'
import { bindKey, boundKeyEvolution, MAX_OVERLAP_SECONDS, rotateKey, withdrawKey } from './agent-key.ts'

const agent = facts.agent({ key_thumbprint: 'first' })
const id = agent.agent
const active = [facts.registered(agent), facts.activated(id, hours(2))]
const restored = facts.fact('credence.identity.agent.restored.v1', { agent: id, reason: 'test' })
const rotated = (key_thumbprint: string, previous: string, previous_ends_at = hours(1)): Fact =>
  facts.fact('credence.identity.agent.key_rotated.v1', {
    agent: id,
    public_jwk: agent.public_jwk,
    key_thumbprint,
    previous,
    previous_ends_at,
  })
const withdrawn = (key_thumbprint: string): Fact =>
  facts.fact('credence.identity.agent.key_withdrawn.v1', { agent: id, key_thumbprint, reason: 'test' })

const rotate = (part: object, ...history: Fact[]) => {
  const command = { id, publicJwk: agent.public_jwk, keyThumbprint: 'new', overlapSeconds: 60, ...part }
  return given(agentEvolution, history).when((state) => rotateKey(state, command, NOW))
}
const withdraw = (thumbprint: string, ...history: Fact[]) =>
  given(agentEvolution, history).when((state) => withdrawKey(state, { id, thumbprint, reason: 'test' }, NOW))
const keys = (...history: Fact[]) => {
  const state = history.reduce(agentEvolution.evolve, agentEvolution.initialState)
  return state && livingKeys(state, NOW).map(({ thumbprint }) => thumbprint)
}
const withdrawal = { type: 'credence.identity.agent.key_withdrawn.v1' } as const
const quarantine = { type: 'credence.identity.agent.quarantined.v1', data: { cause: 'key_compromised' } } as const

describe('a key', () => {
  const bound = facts.fact('credence.identity.key.bound.v1', { agent: id, key_thumbprint: 'first' })
  const bind = (by: string, ...history: Fact[]) =>
    given(boundKeyEvolution, history).when((state) => bindKey(state, by, 'first'))
  it('belongs to who is first', () =>
    bind(id).thenFacts({ type: 'credence.identity.key.bound.v1', data: { agent: id } }))
  it('may be bound again by the same, as after a crash', () => bind(id, bound).thenNothing())
  it('never belongs to another', () => bind('agt_other', bound).thenRefused('key_taken'))
})

describe('rotating', () => {
  it('lets the key before count on for the overlap', () => {
    rotate({ overlapSeconds: 3_600 }, ...active).thenFacts({
      type: 'credence.identity.agent.key_rotated.v1',
      data: { key_thumbprint: 'new', previous: 'first', previous_ends_at: hours(1) },
    })
    expect(keys(...active, rotated('new', 'first'))).toEqual(['new', 'first'])
    expect(keys(...active, rotated('new', 'first', hours(0)))).toEqual(['new'])
  })
  it('leaves two keys at most', () =>
    expect(keys(...active, rotated('second', 'first'), rotated('third', 'second'))).toEqual(['third', 'second']))
  it('overlaps for a day at most', () => {
    rotate({ overlapSeconds: MAX_OVERLAP_SECONDS }, ...active).thenFacts({
      type: 'credence.identity.agent.key_rotated.v1',
    })
    for (const overlapSeconds of [-1, MAX_OVERLAP_SECONDS + 1, Number.NaN])
      rotate({ overlapSeconds }, ...active).thenRefused('invalid_field', 'overlap_seconds')
  })
  it('takes a new key, none that the agent has or ever had', () => {
    const history = [...active, rotated('second', 'first'), rotated('third', 'second')]
    for (const keyThumbprint of ['first', 'second', 'third'])
      rotate({ keyThumbprint }, ...history).thenRefused('invalid_field', 'public_jwk')
  })
  it('brings no withdrawn key back', () => {
    const history = [...active, rotated('second', 'first'), withdrawn('first'), restored]
    rotate({ keyThumbprint: 'first' }, ...history).thenRefused('invalid_field', 'public_jwk')
  })
  it('after the newest key was withdrawn: the key before, if it still counts, is not made to count longer', () => {
    const history = [...active, rotated('second', 'first'), withdrawn('second'), restored]
    expect(keys(...history)).toEqual(['first'])
    expect(keys(...history, rotated('third', 'second', hours(9)))).toEqual(['third', 'first'])
  })
})

describe('withdrawing', () => {
  it('ends the key at once and puts the agent into quarantine', () => {
    withdraw('first', ...active).thenFacts(withdrawal, quarantine)
    expect(keys(...active, withdrawn('first'))).toEqual([])
  })
  it('of the key before leaves the newest', () => {
    withdraw('first', ...active, rotated('second', 'first')).thenFacts(withdrawal, quarantine)
    expect(keys(...active, rotated('second', 'first'), withdrawn('first'))).toEqual(['second'])
  })
  it('of one that was followed long ago is a quarantine too: it was known to others while it counted', () => {
    withdraw('first', ...active, rotated('second', 'first', hours(-1))).thenFacts(withdrawal, quarantine)
    withdraw('first', ...active, rotated('second', 'first'), rotated('third', 'second')).thenFacts(
      withdrawal,
      quarantine,
    )
  })
  it('happens once', () => withdraw('first', ...active, withdrawn('first')).thenNothing())
  it('is about keys of this agent', () => withdraw('other', ...active).thenRefused('invalid_field', 'key_thumbprint'))
})
