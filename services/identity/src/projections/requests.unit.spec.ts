import type { EventData, Fact } from '@credence/contracts/events/catalog'
import { sha256 } from '@credence/shared/digest'
import { newId } from '@credence/shared/ids'
import { describe, expect, it } from 'vitest'
import { recordedCommit } from '../../../../infra/testing/commits.ts'
import * as facts from '../../../../infra/testing/facts.ts'
import { createRequests } from './requests.ts'
import { createRevocations } from './revocations.ts'

const AGENT = newId('agt')
const CORA = newId('hum')
const at = (minutes: number) => new Date(facts.NOW.getTime() + minutes * 60_000)
const made = (minute: number, part: Partial<EventData<'credence.identity.request.made.v1'>> = {}) => ({
  request: newId('drq'),
  agent: AGENT,
  authorization_details: [facts.detail()],
  lifetime_seconds: 60,
  maximum_depth: 0,
  human: CORA,
  statement_digest: facts.DIGEST,
  code_digest: sha256(newId('drq')),
  expires_at: at(minute + 10).toISOString(),
  ...part,
})

function requestsOf(...all: [request: string, fact: Fact][]) {
  const requests = createRequests()
  for (const [sequence, [request, fact]] of all.entries())
    for (const model of requests.models)
      model.apply(recordedCommit('IDENTITY', sequence + 1, `request/${request}`, [fact]))
  return requests
}
const make = (data: ReturnType<typeof made>): [string, Fact] => [
  data.request,
  { type: 'credence.identity.request.made.v1', data },
]
const approve = ({ request }: { request: string }): [string, Fact] => [
  request,
  { type: 'credence.identity.request.approved.v1', data: { request, human: CORA, delegation: newId('dlg') } },
]
const decline = ({ request }: { request: string }): [string, Fact] => [
  request,
  { type: 'credence.identity.request.declined.v1', data: { request, human: CORA, reported: false } },
]

describe('requests that weigh on an agent and a person (RFC 10027)', () => {
  const [a, b, c] = [made(0), made(1), made(2)]
  it('are those that wait, and those that were declined until their time is over; not those that were approved', () => {
    const requests = requestsOf(make(a), make(b), make(c), approve(a), decline(b))
    expect(requests.waiting(AGENT, CORA, at(3))).toEqual({ agent: 2, human: 2 })
    expect(requests.waitingFor(CORA, at(3)).map(({ request }) => request)).toEqual([c.request])
    expect(requests.waiting(AGENT, CORA, at(11.5))).toEqual({ agent: 1, human: 1 })
    expect(requests.waiting(AGENT, CORA, at(13))).toEqual({ agent: 0, human: 0 })
    expect(requests.waiting(AGENT, undefined, at(3))).toEqual({ agent: 2, human: 0 })
  })
  it('stay counted when a later one comes, and are found by the digest of their code', () => {
    const late = made(9)
    const requests = requestsOf(make(a), make(b), make(late))
    expect(requests.waiting(AGENT, CORA, at(9.5)).agent).toBe(3)
    expect(requests.byCodeDigest(b.code_digest)?.request).toBe(b.request)
    expect(requests.byCodeDigest('f'.repeat(64))).toBeUndefined()
  })
  it('are the same when they are taken back from a snapshot', () => {
    const before = requestsOf(make(a), make(b), make(c), approve(a), decline(b))
    const after = createRequests()
    for (const [index, model] of before.models.entries())
      for (const entry of model.dump()) after.models[index]?.load(structuredClone(entry))
    for (const minute of [3, 11.5, 13])
      expect(after.waiting(AGENT, CORA, at(minute))).toEqual(before.waiting(AGENT, CORA, at(minute)))
    expect(after.byCodeDigest(c.code_digest)).toEqual(before.byCodeDigest(c.code_digest))
    expect(after.get(a.request)?.state).toBe('approved')
  })
  it('wake whoever waits for the answer, and nobody else', async () => {
    const requests = requestsOf(make(a), make(b))
    let woken = ''
    const [first, second] = [a, b].map(({ request }) =>
      requests.answered(request, 60_000).then(() => {
        woken += request
      }),
    )
    const [request, fact] = decline(a)
    for (const model of requests.models) model.apply(recordedCommit('IDENTITY', 9, `request/${request}`, [fact]))
    await first
    expect(woken).toBe(a.request)
    const [other, another] = approve(b)
    for (const model of requests.models) model.apply(recordedCommit('IDENTITY', 10, `request/${other}`, [another]))
    await second
  })
})

describe('how delegations were ended', () => {
  it('says who, why and when', () => {
    const revocations = createRevocations()
    const delegation = newId('dlg')
    revocations.apply(
      recordedCommit('IDENTITY', 1, `delegation/${delegation}`, [
        { type: 'credence.identity.delegation.revoked.v1', data: { delegation, reason: 'Back' } },
      ]),
    )
    expect(revocations.get(delegation)).toMatchObject({ reason: 'Back' })
    expect(revocations.get(newId('dlg'))).toBeUndefined()
  })
})
