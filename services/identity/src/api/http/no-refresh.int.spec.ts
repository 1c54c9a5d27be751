/**
 * There are no refresh tokens here: what lasts is the delegation, and every token is asked for anew. So whatever goes wrong
 * with refresh tokens elsewhere has to come out right at the next exchange.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type House, openHouse, type Worker } from '../../testing/house.ts'
import { newKey, outcomes, refusal, tokenClient } from '../../testing/token-client.ts'

let house: House
let http: ReturnType<typeof tokenClient>
let outcome: ReturnType<typeof outcomes>

beforeAll(async () => {
  house = await openHouse()
  http = tokenClient(house.stack.issuer, house.stack.authority.caFile)
  outcome = outcomes(() => house.read('IDENTITY'))
}, 120_000)
afterAll(() => house?.close(), 60_000)

const because = { reason: 'test' }
const given = expect.objectContaining({ status: 200, issued: 1, token: true })
/** The grant of RFC 6749 §6, with whatever there is to refresh with. */
const refresh = (worker: Worker, token: string | undefined) =>
  outcome(() =>
    http.exchange(worker, { grant_type: 'refresh_token', refresh_token: token ?? 'x', subject_token: undefined }),
  )
const unsupported = refusal('unsupported_grant_type')

describe('no refresh tokens', () => {
  it('refresh-reuse-revokes: RFC 9700 §4.14, none is given with a token, and nothing can be used as one', async () => {
    const worker = await house.worker()
    const answer = await http.exchange(worker)
    expect(answer.status).toBe(200)
    expect(answer).not.toHaveProperty('refresh_token')
    for (const token of [answer.access_token, worker.delegationToken, 'x'])
      expect(await refresh(worker, token)).toEqual(unsupported)
  })

  it('refresh-after-lock: RFC 6749 §6, an agent that was suspended gets nothing by any grant, and all of it when restored', async () => {
    const worker = await house.worker()
    expect(await outcome(() => http.exchange(worker))).toEqual(given)
    await house.security.suspendAgent({ agentId: worker.agentId, ...because })
    for (const send of [
      () => http.exchange(worker),
      () => http.exchange(worker, { grant_type: 'client_credentials' }),
    ]) {
      const { issued, token } = await outcome(send)
      expect({ issued, token }).toEqual({ issued: 0, token: undefined })
    }
    await house.security.restoreAgent({ agentId: worker.agentId, ...because })
    expect(await outcome(() => http.exchange(worker))).toEqual(given)
  })

  it('dpop-refresh-other-key: RFC 9449 §5, another key than the agent’s gets no token, however long the delegation lasts', async () => {
    const worker = await house.worker()
    const key = await newKey()
    expect(await outcome(() => http.exchange(worker, {}, { proof: { key } }))).toEqual(refusal('invalid_dpop_proof'))
    expect(await outcome(() => http.exchange(worker))).toEqual(given)
  })
})
