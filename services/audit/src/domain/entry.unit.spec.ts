import { describe, expect, it } from 'vitest'
import { decodeEntry, encodeEntry, placeOf } from './entry.ts'

const headers: Record<string, string> = {
  'ce-id': 'evt_1',
  'ce-type': 'credence.policy.task.completed.v1',
  'ce-source': 'spiffe://a.example/service/policy',
  'ce-subject': 'task/tsk_1',
  'ce-time': '2026-11-24T12:00:00.000Z',
}
const data =
  '{"facts":[{"type":"credence.policy.task.completed.v1","data":{"task":"tsk_1","outcome":"succeeded"}}],"actor":{"kind":"agent","id":"x"},"correlation":{}}'
const recorded = (part: object = {}) => ({
  origin: 'POLICY' as const,
  sequence: 12,
  subject: 'credence.policy.task.tsk_1',
  header: (name: string) => headers[name] ?? '',
  data,
  ...part,
})

describe('an entry of the trail', () => {
  it('is the same bytes whoever writes it', () => {
    expect(encodeEntry(recorded())).toEqual(encodeEntry(recorded()))
    expect(encodeEntry(recorded()).toString()).toBe(
      `{"origin":"POLICY","sequence":12,"subject":"credence.policy.task.tsk_1","event":{"specversion":"1.0","id":"evt_1","type":"credence.policy.task.completed.v1","source":"spiffe://a.example/service/policy","subject":"task/tsk_1","time":"2026-11-24T12:00:00.000Z","datacontenttype":"application/json","data":${data}}}`,
    )
  })
  it('reads back, and tells its place from its first bytes', () => {
    const bytes = encodeEntry(
      recorded({ header: (name: string) => (name === 'traceparent' ? '00-a-b-01' : (headers[name] ?? '')) }),
    )
    expect(decodeEntry(bytes)).toMatchObject({
      origin: 'POLICY',
      sequence: 12,
      event: { traceparent: '00-a-b-01', data: { actor: { id: 'x' } } },
    })
    expect(placeOf(bytes)).toEqual({ origin: 'POLICY', sequence: 12 })
  })
  it('is refused when it is something else', () => {
    expect(() => placeOf(Buffer.from('{"origin":"OTHER","sequence":1,'))).toThrow()
    expect(() => placeOf(Buffer.from('{}'))).toThrow()
    expect(() => decodeEntry(Buffer.from('{"origin":"POLICY","sequence":0}'))).toThrow()
  })
})
