/** A chain of delegations (draft-asor-wimse-agent-delegation-chain names the cases): every link is ours, whole, and alive now. */
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type House, openHouse, type Worker } from '../../testing/house.ts'
import { serverKeyOf } from '../../testing/server-key.ts'
import { newKey, outcomes, refusal, resigned, tokenClient, unsecured, workersOf } from '../../testing/token-client.ts'

let house: House
let parent: Worker
let child: Worker
let http: ReturnType<typeof tokenClient>
let outcome: ReturnType<typeof outcomes>

beforeAll(async () => {
  house = await openHouse()
  http = tokenClient(house.stack.issuer, house.stack.authority.caFile)
  outcome = outcomes(() => house.read('IDENTITY'))
  parent = await house.worker()
  child = await workersOf(house).childOf(parent)
}, 120_000)
afterAll(() => house?.close(), 60_000)

const given = { status: 200, issued: 1, token: true }
const invalid = refusal('invalid_request')
const withSubject = (subject_token: string) => outcome(() => http.exchange(child, { subject_token }))

describe('the chain from the human to the agent', () => {
  it('chain-signed-by-other-key: RFC 8693 §2.1, a link by the key of an agent of the chain is no link', async () => {
    expect(await withSubject(child.delegationToken)).toEqual(given)
    for (const { privateKey, publicJwk } of [parent.key, child.key, await newKey()])
      for (const header of [{}, { kid: undefined }, { jwk: publicJwk }])
        expect(await withSubject(await resigned(child.delegationToken, { header }, privateKey))).toEqual(invalid)
  })

  it('chain-alg-list: RFC 8725 §3.1, only what the server signs with; none, symmetric or another key type is refused', async () => {
    const serverKey = await serverKeyOf(house)
    const secret = Buffer.from(JSON.stringify(serverKey.publicJwk))
    for (const alg of ['HS256', 'HS512'])
      expect(await withSubject(await resigned(child.delegationToken, { header: { alg } }, secret))).toEqual(invalid)
    const other = await newKey('EdDSA')
    const asEdDsa = await resigned(child.delegationToken, { header: { alg: 'EdDSA' } }, other.privateKey)
    const unsigned = unsecured({ typ: 'delegation+jwt' }, decodeJwt(child.delegationToken))
    for (const token of [asEdDsa, unsigned]) expect(await withSubject(token)).toEqual(invalid)
  })

  it('tx-client-not-in-audience-rejected: RFC 8693 §2.2.2, who is named neither as client nor in may_act gets nothing', async () => {
    const stranger = await house.worker()
    const access = (await http.exchange(child)).access_token
    const use = (subject_token: string | undefined, kind: string) =>
      outcome(() =>
        http.exchange(stranger, { subject_token, subject_token_type: `urn:ietf:params:oauth:token-type:${kind}` }),
      )
    for (const answer of [await use(access, 'access_token'), await use(child.delegationToken, 'jwt')]) {
      expect(answer).toMatchObject({ status: 400, issued: 0 })
      expect(['actor_unauthorized', 'invalid_dpop_proof']).toContain(answer.error)
    }
  })

  it('chain-stale-revocation-set-denies: RFC 8693 §5, a server that cannot know what was revoked gives nothing', async () => {
    const [form, dpop] = [await http.form(child), await http.proof(child)]
    const nats = house.stack.nats.process()
    // It hears nothing and is not told so: what it knows may be old.
    nats.kill('SIGSTOP')
    const answer = await http.send(form, dpop)
    nats.kill('SIGCONT')
    expect(answer).toMatchObject({ status: 503, error: 'temporarily_unavailable' })
    expect(answer).not.toHaveProperty('access_token')
    expect((await http.exchange(child)).status).toBe(200)
  })
})
