/**
 * There are no refresh tokens here: what lasts is the delegation, and every token is asked for anew. So whatever goes wrong
 * with refresh tokens elsewhere has to come out right at the next exchange.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CEILING, type House, openHouse, type Worker } from '../../testing/house.ts'
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

  it('rar-refresh-after-shrink: RFC 9396 §6, what the grant no longer holds is in no later token', async () => {
    const worker = await house.worker()
    const [whole = CEILING[0]] = CEILING
    expect((await http.exchange(worker)).authorization_details).toMatchObject([{ actions: whole?.actions }])
    const less = [{ ...whole, actions: ['calendar.read'] }] as typeof CEILING
    const smaller = { ...worker, ...(await house.grant(worker.delegation, { authorization_details: less })) }
    expect((await http.exchange(smaller)).authorization_details).toMatchObject([{ actions: ['calendar.read'] }])
    const before = { authorization_details: JSON.stringify([whole]) }
    expect(await outcome(() => http.exchange(smaller, before))).toEqual(refusal('invalid_authorization_details'))
  })

  it('rar-and-scope-both-needed: RFC 9396 §3.1, a scope adds nothing to the details: it is refused, not granted beside them', async () => {
    const worker = await house.worker()
    for (const scope of ['calendar.*', 'openid', '*'])
      expect(await outcome(() => http.exchange(worker, { scope })), scope).toMatchObject({ status: 400, issued: 0 })
    expect(await http.exchange(worker)).not.toHaveProperty('scope')
  })
})
