import type { Fact } from '@credence/contracts/events/catalog'
import { newId } from '@credence/shared/ids'
import { describe, expect, it } from 'vitest'
import { recordedCommit } from '../../../../infra/testing/commits.ts'
import * as facts from '../../../../infra/testing/facts.ts'
import { type Cause, createWatches } from './watches.ts'

const agent = facts.agent()
const result = facts.result()
const [first, second] = [newId('ref'), newId('ref')]
const anchor = newId('anc')
const suspended: Fact = {
  type: 'credence.identity.agent.suspended.v1',
  data: { agent: agent.agent, cause: 'operator', reason: 'x' },
}

function watching(relied: string[], until = Number.POSITIVE_INFINITY, watches = createWatches()) {
  const told: Cause[] = []
  const end = watches.add({ relied, until, tell: (cause) => told.push(cause) })
  return { watches, told, end }
}
const happens = (watches: ReturnType<typeof createWatches>, subject: string, ...made: Fact[]) =>
  watches.apply(recordedCommit('IDENTITY', 1, subject, made.length > 0 ? made : [suspended]))

describe('what somebody relies on', () => {
  it('is told once when it changes', () => {
    const { watches, told } = watching([agent.agent])
    happens(watches, `agent/${agent.agent}`, suspended)
    happens(watches, `agent/${agent.agent}`, suspended)
    expect(told).toEqual(['agent'])
    expect(watches.size()).toBe(0)
  })

  it('is not told of what is not relied on', () => {
    const { watches, told } = watching(['agt_other', 'dlg_1'])
    happens(watches, `agent/${agent.agent}`, suspended)
    expect(told).toEqual([])
  })

  const changes: [cause: Cause, subject: string, relied: string, facts: Fact[]][] = [
    ['delegation', 'delegation/dlg_1', 'dlg_1', []],
    ['human', 'human/hum_1', 'hum_1', []],
    ['mandate', 'mandate/mnd_1', 'mnd_1', []],
    ['blueprint', 'blueprint/meeting-scheduler', 'meeting-scheduler', []],
    ['grant', 'task/tsk_1', 'tsk_1', []],
    ['risk', 'risk/agt_1', 'agt_1', []],
    ['policies', 'live/policies', 'agt_1', []],
    ['locations', 'location/office', 'agt_1', []],
    ['attestation', 'challenge/chl_1', agent.agent, [facts.recorded(facts.result({ agent: agent.agent }))]],
    ['attestation', 'result/att_1', result.agent, [facts.resultRevoked(result)]],
    ['attestation', 'reference/ref_1', first, [facts.referenceWithdrawn(first)]],
    ['attestation', 'reference/all', second, [first, second].map(facts.referenceWithdrawn)],
    ['attestation', 'anchor/anc_1', anchor, [facts.anchorWithdrawn(anchor)]],
    ['attestation', `measurement/${facts.DIGEST}`, facts.DIGEST, [facts.measurement('blocked', facts.DIGEST)]],
    ['attestation', `measurement/${facts.DIGEST}`, facts.DIGEST, [facts.measurement('unblocked', facts.DIGEST)]],
    [
      'token',
      'token/t1',
      't1',
      [
        {
          type: 'credence.identity.token.revoked.v1',
          data: { token: 't1', agent: agent.agent, expires_at: facts.hours(1) },
        } as Fact,
      ],
    ],
  ]
  for (const [cause, subject, relied, made] of changes)
    it(`changes with ${subject}: ${cause}`, () => {
      const { watches, told } = watching([relied])
      happens(watches, subject, ...made)
      expect(told).toEqual([cause])
    })

  it('ends with its time', () => {
    const { watches, told } = watching(['agt_1'], facts.NOW.getTime())
    watches.tick(new Date(facts.NOW.getTime() - 1))
    expect(told).toEqual([])
    watches.tick(facts.NOW)
    expect(told).toEqual(['time'])
  })

  it('is not told any more to whoever has left', () => {
    const { watches, told, end } = watching([agent.agent])
    end()
    happens(watches, `agent/${agent.agent}`, suspended)
    expect([told, watches.size()]).toEqual([[], 0])
  })

  it('is never forgotten in silence', () => {
    const watches = createWatches(2)
    const all = ['a', 'b', 'c'].map((id) => watching([id], Number.POSITIVE_INFINITY, watches).told)
    expect(all).toEqual([['forgotten'], [], []])
  })
})
