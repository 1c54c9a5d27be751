import type { Fact } from '@credence/contracts/events/catalog'
import type { RecordedCommit } from '@credence/shared/event-store/commit'
import { createPrincipals } from '@credence/shared/principals'
import { describe, expect, it } from 'vitest'
import * as facts from '../../../../infra/testing/facts.ts'
import { createAgentIndex } from './agent-index.ts'

/** An index that folds facts one by one, as commits with ascending sequences. */
function folded() {
  const shared = createPrincipals()
  const index = createAgentIndex(shared)
  let sequence = 0
  const apply = (subject: string, fact: Fact) => {
    sequence++
    const time = new Date(facts.NOW.getTime() + sequence * 1000).toISOString()
    const commit = { facts: [fact], subject, sequence, time } as RecordedCommit
    shared.apply(commit)
    index.model.apply(commit)
  }
  const register = (part: Parameters<typeof facts.agent>[0] = {}) => {
    const agent = facts.agent(part)
    apply(`agent/${agent.agent}`, facts.registered(agent))
    return agent
  }
  return { shared, index, apply, register }
}

describe('the index of agents', () => {
  it('keeps the order of registration, whatever the ids say, and where metadata is the same', () => {
    const { index, register } = folded()
    const [late, early] = [facts.agent().agent, facts.agent().agent].sort().reverse()
    register({ agent: late, labels: { team: 'a' } })
    register({ agent: early, labels: { team: 'a' } })
    register({ labels: { team: 'b' } })
    expect([index.at(0)?.id, index.at(1)?.id, index.count()]).toEqual([late, early, 3])
    expect(index.having('labels.team', 'a')).toEqual([0, 1])
    expect(index.having('labels.team', 'c')).toEqual([])
    expect(index.having('blueprint', 'meeting-scheduler')).toEqual([0, 1, 2])
    // What has no index, or is not there, must be looked for.
    expect([index.having('purpose', 'x'), index.having('labels.team', '')]).toEqual([undefined, undefined])
  })

  it('tells whom a commit changed: an end reaches down to those who do not survive, a token is no change', () => {
    const { index, apply, register } = folded()
    const root = register()
    const child = register({ parent: root.agent })
    const survivor = register({ parent: root.agent, survives_parent: true })
    const told: (readonly string[])[] = []
    index.listen((agents) => told.push(agents))
    apply(`agent/${root.agent}`, facts.agentRevoked(root.agent))
    expect(told).toEqual([[root.agent, child.agent]])
    const issued = {
      agent: survivor.agent,
      token: 't',
      grant: 'grt_x',
      delegation: 'dlg_x',
      audience: 'https://x.example',
      authorization_details: [facts.detail()],
      key_thumbprint: 'x',
      expires_at: facts.hours(1),
    }
    apply(`token/${survivor.agent}`, { type: 'credence.identity.token.issued.v1', data: issued })
    expect(told).toHaveLength(1)
    expect(index.record(survivor.agent)).toMatchObject({ first: 3, changed: 3, usedAt: facts.NOW.getTime() + 5_000 })
    expect(index.changedSince(3)).toEqual([
      { id: root.agent, changed: 4 },
      { id: child.agent, changed: 4 },
    ])
  })

  it('is the same when it is taken back from what it gave out, and what it gave out does not change', () => {
    const { shared, index, apply, register } = folded()
    const agents = ['a', 'b', 'a', 'c'].map((team) => register({ labels: { team } }))
    const kept = [...index.model.dump()]
    const copy = structuredClone(kept)
    const again = createAgentIndex(shared)
    for (const entry of copy) again.model.load(entry)
    expect([...again.model.dump()]).toEqual(kept)
    expect(again.having('labels.team', 'a')).toEqual([0, 2])
    apply(`agent/${agents[0]?.agent}`, facts.agentRevoked(agents[0]?.agent ?? ''))
    expect(kept).toEqual(copy)
    again.model.clear()
    expect([again.count(), [...again.model.dump()], again.having('labels.team', 'a')]).toEqual([0, [], []])
  })
})
