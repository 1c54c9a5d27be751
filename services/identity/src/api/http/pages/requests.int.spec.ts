/** An agent asks, a person answers: over real HTTPS, through a real sign-in, without scripts. */
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { wordsOf } from '../../../../../../infra/testing/person.ts'
import { openPeopleHouse, type PeopleHouse } from '../../../testing/people.ts'

let house: PeopleHouse
beforeAll(async () => {
  house = await openPeopleHouse()
}, 120_000)
afterAll(() => house?.close(), 60_000)

describe('a request', () => {
  it('is approved by whoever types its code, and the agent gets the delegation token', async () => {
    const cora = await house.signedIn('cora')
    const agent = await house.agent()
    const { requestId, userCode, verificationUri } = await agent.ask()
    expect(verificationUri).toBe(`${house.stack.issuer}/requests`)
    const waiting = agent.client.awaitDelegation({ requestId, waitSeconds: 30 })
    const form = await cora.open(verificationUri)
    const page = await cora.submit(form, { code: userCode.toLowerCase() }, 'Show the request')
    expect(page.status, wordsOf(page)).toBe(200)
    const after = await cora.submit(page, {}, 'Approve')
    expect(after.status, wordsOf(after)).toBe(200)
    const answer = await waiting
    expect(answer.state).toBe('DELEGATION_REQUEST_STATE_APPROVED')
    expect(decodeJwt(answer.delegationToken)).toMatchObject({ sub: cora.human, jti: answer.delegation?.id })
  })
})
