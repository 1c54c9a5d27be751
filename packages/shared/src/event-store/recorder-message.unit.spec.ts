import type { Fact } from '@credence/contracts/events/catalog'
import { newId } from '@credence/shared/ids'
import { MsgHdrsImpl } from '@nats-io/transport-node'
import { describe, expect, it } from 'vitest'
import { type Commit, decodeCommit, encodeCommit, MAX_COMMIT_BYTES, newCommit } from './commit.ts'
import { encodeRecord } from './recorder-message.ts'

const SOURCE = 'spiffe://test.local/service/policy'
const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

function aCommit(change: Partial<Commit> = {}): Commit {
  const fact: Fact = {
    type: 'credence.policy.task.aborted.v1',
    data: { task: newId('tsk'), cause: 'Zürich – “ended”' },
  }
  const about = { actor: { kind: 'workload' as const, id: SOURCE }, source: SOURCE, subject: 'decision/x' }
  return { ...newCommit([fact], { ...about, now: new Date() }), ...change }
}
const headersOf = (commit: Commit): Record<string, string[]> => {
  const { headers } = encodeRecord('DECISIONS', commit)
  return MsgHdrsImpl.decode((headers as MsgHdrsImpl).encode()).toRecord()
}

describe('the message of a record', () => {
  it.each([{}, { traceparent: TRACE }])(
    'is that of any other append, byte by byte and header by header: %j',
    (change) => {
      const commit = aCommit(change)
      const usual = encodeCommit(commit)
      usual.headers.set('Nats-Msg-Id', `DECISIONS:${commit.id}`)
      usual.headers.set('Nats-Expected-Stream', 'DECISIONS')
      expect(headersOf(commit)).toEqual((usual.headers as MsgHdrsImpl).toRecord())
      expect(encodeRecord('DECISIONS', commit).payload).toEqual(usual.payload)
    },
  )

  it('reads back as the commit that it was', () => {
    const commit = aCommit({ traceparent: TRACE })
    const { headers, payload } = encodeRecord('DECISIONS', commit)
    const received = MsgHdrsImpl.decode((headers as MsgHdrsImpl).encode())
    const message = { subject: 'credence.decision.x', headers: received, data: payload }
    const { id, facts, time, source, traceparent } = decodeCommit(message, 'DECISIONS', 1)
    expect({ id, facts, time, source, traceparent }).toEqual({
      id: commit.id,
      facts: commit.facts,
      time: commit.time,
      source: SOURCE,
      traceparent: TRACE,
    })
  })

  it.each(['x\r\nNats-Msg-Id: other', 'x\n', 'x\r', 'ü', 'a\u0000b', '\u2028'])('has no header %j', (value) => {
    for (const name of ['id', 'source', 'subject', 'time'] as const)
      expect(() => encodeRecord('DECISIONS', aCommit({ [name]: value }))).toThrow(/is not plain text/)
    expect(() => encodeRecord('DECISIONS', aCommit({ traceparent: value }))).toThrow(/is not plain text/)
  })

  it('is refused for a fact that does not fit its schema, for none, and for one too large', () => {
    const type = 'credence.policy.task.aborted.v1'
    const wrong = { type, data: { task: 'tsk_1', cause: 'x' } } as Fact
    expect(() => encodeRecord('DECISIONS', aCommit({ facts: [wrong] }))).toThrow(/task must be an id/)
    expect(() => encodeRecord('DECISIONS', aCommit({ facts: [] }))).toThrow(/at least one fact/)
    const large = { type, data: { task: newId('tsk'), cause: 'x'.repeat(MAX_COMMIT_BYTES) } } as Fact
    expect(() => encodeRecord('DECISIONS', aCommit({ facts: [large] }))).toThrow(/at most 60000 fit/)
  })
})
