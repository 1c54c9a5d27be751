/** What is refused is recorded, and a flood neither fills the record nor keeps others from their tokens. */
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { type House, openHouse } from '../../testing/house.ts'
import { type Answer, newKey, tokenClient } from '../../testing/token-client.ts'

let house: House | undefined
afterEach(async () => {
  await house?.close()
  house = undefined
}, 60_000)
afterAll(() => house?.close(), 60_000)

async function open(variables: Record<string, string> = {}) {
  const opened = await openHouse(undefined, variables)
  house = opened
  return { house: opened, http: tokenClient(opened.stack.issuer, opened.stack.authority.caFile) }
}

const factsOf = async (opened: House, type: string) =>
  (await opened.read('IDENTITY')).flatMap(({ facts }) => facts.filter((fact) => fact.type === type)) as {
    data: { client: string; agent?: string; error: string; reason: string; count: number }
  }[]
const CLIENT = 'credence.identity.client.refused.v1'
const TOKEN = 'credence.identity.token.refused.v1'

describe('a refusal', () => {
  it('client-refusal-recorded: RFC 6749 §5.2, with name, error and reason when it was not known who asked, and nothing secret', async () => {
    const { house, http } = await open()
    const worker = await house.worker()
    const asked = worker.spiffeId
    const assertion = await http.assertion(worker)
    await http.send(await http.form(worker, { client_assertion: assertion }), await http.proof(worker))
    const attempts: [string, string, () => Promise<Answer>][] = [
      ['invalid_client', 'assertion_replayed', () => send({ client_assertion: assertion })],
      [
        'invalid_client',
        'signature_mismatch',
        async () => http.exchange(worker, {}, { client: { key: await newKey() } }),
      ],
      [
        'invalid_client',
        'algorithm_mismatch',
        async () => http.exchange(worker, {}, { client: { key: await newKey('EdDSA') } }),
      ],
      ['invalid_client', 'audience_mismatch', () => http.exchange(worker, {}, { client: { aud: http.endpoint } })],
      ['invalid_client', 'assertion_too_long', () => http.exchange(worker, {}, { client: { exp: '1h' } })],
      [
        'invalid_client',
        'not_authenticated',
        () => send({ client_assertion: undefined, client_assertion_type: undefined }),
      ],
      ['invalid_request', 'invalid_request', () => send({ client_secret: 'secret', client_assertion: 'x' })],
    ]
    const send = async (fields: object) => http.send(await http.form(worker, { ...fields }), await http.proof(worker))
    for (const [error, reason, attempt] of attempts) {
      expect(await attempt(), reason).toMatchObject({ error })
      const recorded = (await factsOf(house, CLIENT)).at(-1)?.data
      expect(recorded, reason).toEqual({ client: asked, error, reason, count: 1 })
    }
    await http.exchange({ ...worker, spiffeId: `${asked}x` })
    expect((await factsOf(house, CLIENT)).at(-1)?.data).toMatchObject({ client: `${asked}x`, reason: 'client_unknown' })
    const text = JSON.stringify(await house.read('IDENTITY'))
    expect(text).not.toMatch(/eyJ|"secret"/)
  })

  it('token-refusal-recorded: RFC 6749 §5.2, under the agent, once it has proved who it is, at every endpoint', async () => {
    const { house, http } = await open()
    const worker = await house.worker()
    const attempts: [string, string, () => Promise<{ error?: string }>][] = [
      ['unsupported_grant_type', 'unsupported_grant_type', () => http.exchange(worker, { grant_type: 'password' })],
      [
        'invalid_dpop_proof',
        'proof_from_future',
        () => http.exchange(worker, {}, { proof: { iat: Date.now() / 1000 + 60 } }),
      ],
      ['invalid_grant', 'code_unknown', () => code({ code: 'x' })],
      ['invalid_request', 'missing_parameter', () => code({})],
      ['invalid_request', 'invalid_parameter', () => http.push(worker, { delegation_lifetime: 'long' })],
      ['invalid_dpop_proof', 'no_proof', () => http.push(worker, {}, { proof: false })],
    ]
    const code = (fields: object) =>
      http.exchange(worker, {
        grant_type: 'authorization_code',
        redirect_uri: 'https://agents.acme.example/callback',
        code_verifier: 'v'.repeat(43),
        ...fields,
      })
    for (const [error, reason, attempt] of attempts) {
      expect(await attempt(), reason).toMatchObject({ error })
      expect((await factsOf(house, TOKEN)).at(-1)?.data, reason).toMatchObject({ agent: worker.agentId, error, reason })
    }
    expect(await factsOf(house, TOKEN)).toHaveLength(attempts.length)
    expect(await factsOf(house, CLIENT)).toEqual([])
  })

  it('refusals-counted: the same again is counted, and names that somebody makes up count together', async () => {
    const { house, http } = await open()
    const worker = await house.worker()
    const bad = async () => http.exchange(worker, {}, { client: { aud: 'https://evil.example' } })
    for (let round = 0; round < 10; round++) await Promise.all(Array.from({ length: 20 }, bad))
    const named = (at: number) => http.exchange({ ...worker, spiffeId: `${worker.spiffeId}${at}` })
    for (let round = 0; round < 10; round++)
      await Promise.all(Array.from({ length: 20 }, (_, at) => named(round * 20 + at)))
    // What was counted is recorded when the service ends, at the latest.
    await house.stack.service('identity').stop()
    const facts = (await factsOf(house, CLIENT)).map(({ data }) => data)
    const sum = (reason: string) =>
      facts.filter((data) => data.reason === reason).reduce((total, { count }) => total + count, 0)
    expect(sum('audience_mismatch')).toBe(200)
    expect(sum('client_unknown')).toBe(200)
    expect(facts.length).toBeLessThan(80)
  })
})

describe('a flood', () => {
  it('limit-per-client: RFC 6585 §4, too much of one client is 429 with Retry-After, and others get their tokens', async () => {
    const { house, http } = await open({ CREDENCE_TOKEN_RATE_PER_CLIENT: '5' })
    const [flooding, other] = [await house.worker(), await house.worker()]
    const answers = await Promise.all(Array.from({ length: 60 }, () => http.exchange(flooding)))
    const refused = answers.filter(({ status }) => status === 429)
    expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThan(0)
    expect(refused.length).toBeGreaterThan(0)
    expect(answers.filter(({ status }) => status !== 200 && status !== 429)).toEqual([])
    for (const { error } of refused) expect(error).toBe('temporarily_unavailable')
    expect(await http.exchange(other)).toMatchObject({ status: 200 })
    const body = (await http.form(flooding)).toString()
    const { status, head } = await http.raw({ body, headers: { dpop: await http.proof(flooding) } })
    if (status === 429) expect(head).toMatch(/^retry-after: [1-9]\d*\r?$/im)
    // Made-up names do not get past it, and touch nobody who is known.
    const made = await Promise.all(
      Array.from({ length: 60 }, (_, at) => http.exchange({ ...other, spiffeId: `${other.spiffeId}${at}` })),
    )
    expect(made.filter(({ status }) => status === 429).length).toBeGreaterThan(0)
    expect(made.filter(({ status }) => status !== 401 && status !== 429)).toEqual([])
    expect(await http.exchange(other)).toMatchObject({ status: 200 })
    const recorded = (await factsOf(house, CLIENT)).filter(({ data }) => data.reason === 'rate_limited')
    expect(recorded.length).toBeGreaterThan(0)
    expect(recorded.length).toBeLessThan(6)
  })

  it('limit-body: RFC 9110 §15.5.14, a body is counted while it comes, whatever it says of its length', async () => {
    const { house, http } = await open()
    const worker = await house.worker()
    const form = await http.form(worker, { authorization_details: 'x'.repeat(1024 * 1024) })
    const said = await http.raw({ body: form.toString() })
    expect(said.status).toBe(413)
    const large = form.toString()
    const chunked = `${large.length.toString(16)}\r\n${large}\r\n0\r\n\r\n`
    const headers = { 'transfer-encoding': 'chunked', 'content-length': undefined }
    for (const path of ['/token', '/par']) {
      const counted = await http.raw({ path, body: chunked, headers })
      expect(counted.status).toBe(413)
      expect(counted.text).toMatch(/^\{"error":"invalid_request"/)
    }
    const header = await http.raw({ body: 'x', headers: { 'x-large': 'x'.repeat(40_000) } })
    expect(header.status).toBe(431)
    expect(await http.exchange(worker)).toMatchObject({ status: 200 })
  })
})
