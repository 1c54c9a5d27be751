/** Sender-constrained tokens (RFC 9449) at the token endpoint, as somebody who holds a proof too many meets them. */
import { randomUUID } from 'node:crypto'
import { decodeJwt, exportJWK } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePorts } from '../../../../../infra/dev/ports.ts'
import { waitUntilServing } from '../../../../../infra/dev/readiness.ts'
import { type House, openHouse, type Worker } from '../../testing/house.ts'
import {
  type Answer,
  newKey,
  outcomes,
  type ProofParts,
  refusal,
  tokenClient,
  tokensIssued,
  unsecured,
  workersOf,
} from '../../testing/token-client.ts'

let house: House
let worker: Worker
let http: ReturnType<typeof tokenClient>
let outcome: ReturnType<typeof outcomes>

beforeAll(async () => {
  house = await openHouse()
  http = tokenClient(house.stack.issuer, house.stack.authority.caFile)
  outcome = outcomes(() => house.read('IDENTITY'))
  worker = await house.worker()
}, 120_000)
afterAll(() => house?.close(), 60_000)

const badProof = refusal('invalid_dpop_proof')
const now = () => Math.floor(Date.now() / 1000)
/** A good exchange but for its proof. */
const withProof = (proof: ProofParts) => outcome(() => http.exchange(worker, {}, { proof }))
const sent = (dpop: string | undefined, headers: Record<string, string> = {}) =>
  outcome(async () => http.send(await http.form(worker), dpop, headers))

/** RFC 9449 §8: what the server offers with an answer, here with one that refuses. */
async function nonceOffered(): Promise<string> {
  const dpop = await http.proof(worker, { claims: { nonce: 'invented' } })
  const { head } = await http.raw({ body: (await http.form(worker)).toString(), headers: { dpop } })
  return /^dpop-nonce: (\S+)/im.exec(head)?.[1] ?? ''
}

describe('a proof counts once', () => {
  it('dpop-replay-parallel-50: RFC 9449 §11.1, one proof sent 50 times at once gives one token', async () => {
    const dpop = await http.proof(worker)
    const forms = await Promise.all(Array.from({ length: 50 }, () => http.form(worker)))
    const before = tokensIssued(await house.read('IDENTITY')).length
    const answers: Answer[] = await Promise.all(forms.map((form) => http.send(form, dpop)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    const refused = answers.filter(({ status, error }) => status === 400 && error === 'invalid_dpop_proof')
    expect(refused).toHaveLength(49)
    expect(tokensIssued(await house.read('IDENTITY')).length - before).toBe(1)
  })

  it('dpop-jti-scoped-by-key: RFC 9449 §11.1, the same jti by the key of another agent burns nothing', async () => {
    const other = await house.worker('EdDSA')
    const jti = randomUUID()
    const first = await http.exchange(other, {}, { proof: { jti } })
    expect(first.status).toBe(200)
    expect(await withProof({ jti })).toMatchObject({ status: 200, issued: 1 })
    expect(await withProof({ jti })).toEqual(badProof)
  })
})

describe('two replicas', () => {
  it('dpop-replay-across-nodes: RFC 9449 §11.1, a proof and an assertion used at one replica are used at the other', async () => {
    const [mesh = 0, open = 0, port = 0] = await freePorts(3)
    const { stack } = house
    const running = await stack.replica('identity', { mesh, public: open, http: port })
    await waitUntilServing(running, `localhost:${open}`, stack.authority.caFile)
    const there = tokenClient(stack.issuer, stack.authority.caFile, { replica: port })
    const before = tokensIssued(await house.read('IDENTITY')).length
    const dpop = await http.proof(worker)
    expect(await http.send(await http.form(worker), dpop)).toMatchObject({ status: 200 })
    expect(await there.send(await there.form(worker), dpop)).toMatchObject({ status: 400, error: 'invalid_dpop_proof' })
    const client_assertion = await http.assertion(worker)
    const form = await http.form(worker, { client_assertion })
    expect(await there.send(form, await there.proof(worker))).toMatchObject({ status: 200 })
    expect(await http.send(form, await http.proof(worker))).toMatchObject({ status: 401, error: 'invalid_client' })
    const both = await http.proof(worker)
    const answers = await Promise.all(
      Array.from({ length: 20 }, async (_, at) => (at % 2 ? there : http).send(await http.form(worker), both)),
    )
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    // The nonce of one is that of the other.
    const nonce = await nonceOffered()
    expect(await there.exchange(worker, {}, { proof: { claims: { nonce } } })).toMatchObject({ status: 200 })
    expect(tokensIssued(await house.read('IDENTITY')).length - before).toBe(4)
    await running.stop()
  })
})

describe('a proof is of now', () => {
  it('dpop-future-iat: RFC 9449 §11.1, a proof from more than 15 s ahead is refused', async () => {
    for (const ahead of [30, 120, 295]) expect(await withProof({ iat: now() + ahead })).toEqual(badProof)
    // So far off that its clock is wrong: it is told to use a nonce instead, and with one it is from the future still.
    expect(await withProof({ iat: now() + 86_400 })).toEqual(refusal('use_dpop_nonce'))
    const nonce = await nonceOffered()
    for (const ahead of [30, 86_400])
      expect(await withProof({ iat: now() + ahead, claims: { nonce } })).toEqual(badProof)
    expect(await withProof({ iat: now() + 5 })).toMatchObject({ status: 200, issued: 1 })
  })

  it('dpop-old-iat-nonce: RFC 9449 §4.3 and §8, a proof older than 300 s is refused, with an invented nonce too', async () => {
    for (const age of [320, 3_600]) {
      const iat = now() - age
      for (const claims of [{}, { nonce: 'invented' }, { nonce: '' }, { nonce: 7 }]) {
        const answer = await withProof({ iat, claims })
        expect(answer).toMatchObject({ status: 400, issued: 0 })
        expect(['invalid_dpop_proof', 'use_dpop_nonce']).toContain(answer.error)
      }
    }
    const nonce = await nonceOffered()
    expect(await withProof({ iat: now() - 3_600, claims: { nonce } })).toEqual(badProof)
    for (const iat of [undefined, null, 'now', String(now()), 0])
      expect(await withProof({ claims: { iat } })).toEqual(badProof)
    expect(await withProof({ claims: { iat: -1 } })).toEqual(refusal('use_dpop_nonce'))
  })

  it('dpop-nonce: RFC 9449 §8 and §8.2, a nonce is offered with every answer, and an invented one is refused', async () => {
    const nonce = await nonceOffered()
    expect(nonce).toMatch(/^[\w-]{20,}$/)
    expect(await withProof({ claims: { nonce } })).toMatchObject({ status: 200, issued: 1 })
    expect(await withProof({ claims: { nonce } })).toMatchObject({ status: 200, issued: 1 })
    for (const invented of ['invented', `${nonce}x`, nonce.slice(1), nonce.toUpperCase()]) {
      expect(await withProof({ claims: { nonce: invented } })).toEqual(refusal('use_dpop_nonce'))
    }
    for (const odd of [7, null, [nonce], {}]) expect(await withProof({ claims: { nonce: odd } })).toEqual(badProof)
  })
})

describe('a proof is for this endpoint', () => {
  it('dpop-htu-host-spoof: RFC 9449 §4.3, the expected htu does not follow the Host header', async () => {
    const evil = await http.proof(worker, { url: 'https://evil.example/token' })
    const spoofed = await sent(evil, { host: 'evil.example' })
    expect(spoofed).toMatchObject({ issued: 0, error: expect.any(String) })
    expect([400, 421]).toContain(spoofed.status)
    for (const header of ['x-forwarded-host', 'forwarded', 'x-original-host']) {
      const value = header === 'forwarded' ? 'host=evil.example;proto=https' : 'evil.example'
      const again = await http.proof(worker, { url: 'https://evil.example/token' })
      expect(await sent(again, { [header]: value })).toEqual(badProof)
    }
  })

  it('dpop-htu-query-ignored: RFC 9449 §4.3, query and fragment of htu do not count; another path does', async () => {
    expect(await withProof({ url: `${http.endpoint}?a=1#b` })).toMatchObject({ status: 200, issued: 1 })
    for (const path of ['/', '/jwks', '/token/', '/token/x', '/Token', '/x?/token'])
      expect(await withProof({ url: house.stack.issuer + path })).toEqual(badProof)
    const plain = http.endpoint.replace('https:', 'http:')
    expect(await withProof({ url: plain })).toEqual(badProof)
  })

  it('dpop-htu-types: RFC 9449 §4.2, an htu or htm that is not the right string is refused, not stumbled over', async () => {
    for (const htu of [undefined, null, 1, true, '', 'token', [http.endpoint], { href: http.endpoint }])
      expect(await withProof({ claims: { htu } })).toEqual(badProof)
    for (const htm of [undefined, null, 1, '', 'GET', 'post', ['POST']])
      expect(await withProof({ claims: { htm } })).toEqual(badProof)
    for (const jti of [undefined, null, 1, '', [randomUUID()], { id: 1 }])
      expect(await withProof({ claims: { jti } })).toEqual(badProof)
  })
})

describe('a proof is by the key of the agent', () => {
  it('dpop-private-key-in-jwk: RFC 9449 §4.3, a proof that holds a private key is refused', async () => {
    const jwk = await exportJWK(worker.key.privateKey)
    expect(jwk.d).toBeDefined()
    expect(await withProof({ header: { jwk } })).toEqual(badProof)
  })

  it('dpop-alg-none-hs: RFC 9449 §4.3, no proof without a signature or with a symmetric one', async () => {
    const { publicJwk } = worker.key
    const header = { typ: 'dpop+jwt', jwk: publicJwk }
    const claims = { htm: 'POST', htu: http.endpoint, jti: randomUUID(), iat: now() }
    expect(await sent(unsecured(header, claims))).toEqual(badProof)
    const secret = Buffer.from(JSON.stringify(publicJwk))
    const oct = { kty: 'oct', k: secret.toString('base64url') }
    for (const jwk of [publicJwk, oct])
      for (const alg of ['HS256', 'HS512'])
        expect(await withProof({ header: { alg, jwk }, signer: secret })).toEqual(badProof)
    for (const bent of [{ typ: 'JWT' }, { typ: undefined }, { jwk: undefined }, { jwk: (await newKey()).publicJwk }])
      expect(await withProof({ header: bent })).toEqual(badProof)
  })

  it('tx-rebind-binds-new-key: RFC 9449 §6, cnf.jkt is the key of the agent that asked, and nobody else’s', async () => {
    const child = await workersOf(house).childOf(worker)
    for (const holder of [worker, child]) {
      const { access_token = '' } = await http.exchange(holder)
      expect(decodeJwt(access_token).cnf).toEqual({ jkt: holder.key.thumbprint })
    }
    for (const key of [worker.key, await newKey()])
      expect(await outcome(() => http.exchange(child, {}, { proof: { key } }))).toEqual(badProof)
  })

  it('dpop-every-grant: RFC 9449 §5, no grant type gives a token without a proof by the registered key', async () => {
    const metadata = await http.raw({ method: 'GET', path: '/.well-known/oauth-authorization-server' })
    const served: string[] = JSON.parse(metadata.text).grant_types_supported
    expect(served.length).toBeGreaterThan(0)
    const others = ['client_credentials', 'refresh_token', 'authorization_code']
    for (const grant_type of new Set([...served, ...others])) {
      const bare = await outcome(async () => http.send(await http.form(worker, { grant_type })))
      expect(bare).toMatchObject({ status: 400, issued: 0 })
      expect(bare).not.toHaveProperty('token')
      if (grant_type.endsWith(':token-exchange')) expect(bare.error).toBe('invalid_dpop_proof')
    }
    for (const dpop of ['', 'x', 'a.b.c', `${await http.proof(worker)}, ${await http.proof(worker)}`])
      expect(await sent(dpop || undefined, { dpop })).toEqual(badProof)
    expect(await withProof({ key: await newKey() })).toEqual(badProof)
  })
})

describe('a server that demands nonces', () => {
  it('dpop-nonce-required: RFC 9449 §8, a proof without a nonce is refused with one to use, which is good then', async () => {
    const strict = await openHouse(undefined, { CREDENCE_DPOP_NONCE: 'required' })
    try {
      const agent = await strict.worker()
      const there = tokenClient(strict.stack.issuer, strict.stack.authority.caFile)
      const body = (await there.form(agent)).toString()
      const first = await there.raw({ body, headers: { dpop: await there.proof(agent) } })
      expect(first.status).toBe(400)
      expect(JSON.parse(first.text)).toMatchObject({ error: 'use_dpop_nonce' })
      const nonce = /^dpop-nonce: (\S+)/im.exec(first.head)?.[1]
      expect(await there.exchange(agent, {}, { proof: { claims: { nonce } } })).toMatchObject({ status: 200 })
      expect(await there.push(agent)).toMatchObject({ status: 400, error: 'use_dpop_nonce' })
      expect(await there.push(agent, {}, { proof: { claims: { nonce } } })).toMatchObject({ status: 201 })
    } finally {
      await strict.close()
    }
  })
})

describe('without the memory of proofs', () => {
  it('dpop-replay-store-down-fails-closed: RFC 9449 §11.1, no replay store, no token: 503 temporarily_unavailable', async () => {
    const before = tokensIssued(await house.read('IDENTITY')).length
    const dpop = await http.proof(worker)
    const form = await http.form(worker)
    await house.stack.nats.process().stop()
    const answer = await http.send(form, dpop)
    const pushed = await http.push(worker)
    const invented = await http.exchange({ ...worker, spiffeId: `${worker.spiffeId}x` })
    const alive = house.stack.service('identity').running()
    await house.stack.nats.restart()
    expect(answer).toMatchObject({ status: 503, error: 'temporarily_unavailable' })
    expect(answer).not.toHaveProperty('access_token')
    expect(pushed).toMatchObject({ status: 503, error: 'temporarily_unavailable' })
    expect(pushed).not.toHaveProperty('request_uri')
    // Refused in any case; what cannot be recorded is not told apart.
    expect(invented).toMatchObject({ status: 503, error: 'temporarily_unavailable' })
    expect(alive).toBe(true)
    expect(tokensIssued(await house.read('IDENTITY')).length).toBe(before)
  })
})
