/** How people had signed in stands in the delegations that they give, on every way on which they give one. */
import { clientCredentials } from '@credence/shared/rpc/tls'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { wordsOf } from '../../../../infra/dev/person.ts'
import * as facts from '../../../../infra/testing/facts.ts'
import { described } from '../testing/house.ts'
import { openPeopleHouse, type PeopleHouse } from '../testing/people.ts'
import { newKey } from '../testing/token-client.ts'

let house: PeopleHouse
let cora: Awaited<ReturnType<PeopleHouse['signedIn']>>
let began: number
beforeAll(async () => {
  house = await openPeopleHouse()
  began = Date.now() - 1_000
  cora = await house.signedIn('cora')
}, 120_000)
afterAll(() => house?.close(), 60_000)

async function recorded(delegation: string) {
  for (const { facts: all } of await house.read('IDENTITY'))
    for (const { type, data } of all)
      if (type === 'credence.identity.delegation.granted.v1' && data.delegation === delegation) return data
  throw new Error(`${delegation} is not recorded`)
}
const expectPassword = async (delegation: string) => {
  const { sign_in: signIn } = await recorded(delegation)
  expect(signIn).toEqual({ acr: 'urn:acme:password', amr: ['pwd'], at: expect.any(String) })
  expect(Date.parse(signIn?.at ?? '')).toBeGreaterThanOrEqual(began)
  expect(Date.parse(signIn?.at ?? '')).toBeLessThanOrEqual(Date.now())
}
const wanted = { purpose: 'My meetings', lifetimeSeconds: 3_600n, narrow: false, notBefore: [] }

/** Somebody with an access token of which these are claims. */
async function personWith(claims: Record<string, unknown>) {
  const { authority, ports, trustDomain } = house.stack
  const token = await house.tokenFor({ subject: 'dora', name: 'Dora' }, { claims })
  const credentials = clientCredentials(authority.caFile, `spiffe://${trustDomain}/service/identity`)
  const credential = async () => ({ authorization: `Bearer ${token}` })
  return house.connect(`127.0.0.1:${ports.identityPublic}`, credentials, credential)
}
const given = async (claims: Record<string, unknown>, part: { maximumDepth?: number } = {}) => {
  const agent = await house.agent()
  const dora = await personWith(claims)
  const details = { authorizationDetails: [facts.detail()], maximumDepth: 0, ...part }
  const { delegation } = await dora.grantDelegation({ ...wanted, agentId: agent.agentId, ...details })
  return { agent, delegation: delegation?.id ?? '' }
}

describe('how somebody signed in', () => {
  it('on the pages comes from the ID token, and is shown nowhere', async () => {
    const agent = await house.agent()
    const form = await cora.open(house.at(`/delegate/${agent.agentId}`))
    const fields = { 'd0.actions': '0', 'd0.resources': '0', life: '28800', purpose: 'My meetings' }
    const done = await cora.submit(await cora.submit(form, fields, 'Review'), {}, 'Delegate')
    expect(wordsOf(done)).toContain('Delegated.')
    expect(done.text).not.toContain('urn:acme:password')
    await expectPassword(done.url.pathname.split('/').at(-1) ?? '')
  })

  it('is there when a person answers the request of an agent', async () => {
    const agent = await house.agent()
    const { userCode, requestId } = await agent.ask()
    const page = await cora.open(house.at('/requests'))
    const question = await cora.submit(page, { code: userCode }, 'Show the request')
    await cora.submit(question, {}, 'Approve')
    const { delegation } = await agent.client.awaitDelegation({ requestId, waitSeconds: 5 })
    await expectPassword(delegation?.id ?? '')
    expect(JSON.stringify(delegation, (_, value) => (typeof value === 'bigint' ? 0 : value))).not.toContain('acr')
  })

  it('RFC 9068 §2.2.1: by gRPC comes from the access token', async () => {
    const time = Math.floor(Date.now() / 1000) - 600
    const { delegation } = await given({ acr: 'phr', amr: ['hwk', 'user'], auth_time: time })
    const at = new Date(time * 1000).toISOString()
    expect((await recorded(delegation)).sign_in).toEqual({ acr: 'phr', amr: ['hwk', 'user'], at })
  })

  it('is absent when the token does not say when, or says what cannot be', async () => {
    for (const claims of [
      {},
      { acr: 'phr', amr: ['hwk'] },
      { auth_time: Math.floor(Date.now() / 1000) + 3_600 },
      { auth_time: Math.floor(Date.now() / 1000), amr: 'pwd' },
    ])
      expect(await recorded((await given(claims)).delegation)).not.toHaveProperty('sign_in')
  })

  it('stands at the root only: what is passed on has none', async () => {
    const time = Math.floor(Date.now() / 1000)
    const { agent, delegation } = await given({ auth_time: time }, { maximumDepth: 1 })
    const { agent: child } = await agent.client.spawnAgent({ ...described(await newKey()), lifetimeSeconds: 600n })
    const passed = await agent.client.passOnDelegation({
      ...wanted,
      delegationId: delegation,
      agentId: child?.id ?? '',
      authorizationDetails: [facts.detail({ actions: ['calendar.read'] })],
      lifetimeSeconds: 60n,
      maximumDepth: 0,
    })
    expect(await recorded(delegation)).toHaveProperty('sign_in')
    expect(await recorded(passed.delegation?.id ?? '')).not.toHaveProperty('sign_in')
  })
})
