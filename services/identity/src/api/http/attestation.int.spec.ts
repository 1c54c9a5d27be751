/** Attestation-based client authentication (draft-ietf-oauth-attestation-based-client-auth-12), as an attacker meets it. */
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type House, openHouse, type Worker } from '../../testing/house.ts'
import {
  type Bent,
  type Key,
  newKey,
  outcomes,
  type ProofParts,
  refusal,
  tokenClient,
} from '../../testing/token-client.ts'

const ATTESTER = 'https://attester.acme.example'
const folder = mkdtempSync(join(tmpdir(), 'credence-attesters-'))
let house: House
let worker: Worker
let attester: Key
let http: ReturnType<typeof tokenClient>
let outcome: ReturnType<typeof outcomes>

beforeAll(async () => {
  attester = await newKey()
  const file = join(folder, 'attesters.json')
  const keys = [{ ...attester.publicJwk, kid: 'a1', alg: 'ES256', use: 'sig' }]
  writeFileSync(file, JSON.stringify({ [ATTESTER]: { keys } }))
  house = await openHouse(undefined, { CREDENCE_CLIENT_ATTESTERS_FILE: file })
  http = tokenClient(house.stack.issuer, house.stack.authority.caFile)
  outcome = outcomes(() => house.read('IDENTITY'))
  worker = await house.worker()
}, 120_000)
afterAll(async () => {
  await house?.close()
  rmSync(folder, { recursive: true, force: true })
}, 60_000)

/** §5.1: the attester says that this key is the client’s. */
const attestation = (bent: Bent & { key?: Key } = {}) =>
  new SignJWT({
    iss: ATTESTER,
    sub: worker.spiffeId,
    exp: Math.floor(Date.now() / 1000) + 300,
    cnf: { jwk: (bent.key ?? worker.key).publicJwk },
    ...bent.claims,
  })
    .setProtectedHeader({ alg: 'ES256', typ: 'oauth-client-attestation+jwt', kid: 'a1', ...bent.header })
    .setIssuedAt()
    .sign(bent.signer ?? attester.privateKey)

/** §5.2: the client shows that it holds the key. */
const possession = (challenge: string | undefined, bent: Bent & { key?: Key } = {}) =>
  new SignJWT({ aud: house.stack.issuer, jti: randomUUID(), challenge, ...bent.claims })
    .setProtectedHeader({ alg: 'ES256', typ: 'oauth-client-attestation-pop+jwt', ...bent.header })
    .setIssuedAt()
    .sign(bent.signer ?? (bent.key ?? worker.key).privateKey)

async function challenge(): Promise<string> {
  const { status, text } = await http.raw({ path: '/challenge', headers: { 'content-type': undefined } })
  expect(status).toBe(200)
  return JSON.parse(text).attestation_challenge
}

type Sent = { attestation?: string; pop?: string | undefined; fields?: object; proof?: ProofParts }
const send = async (sent: Sent) => {
  const fields = { client_assertion: undefined, client_assertion_type: undefined, ...sent.fields }
  const headers = {
    'oauth-client-attestation': sent.attestation ?? (await attestation()),
    ...(sent.pop === undefined ? {} : { 'oauth-client-attestation-pop': sent.pop }),
  }
  return http.send(await http.form(worker, fields), await http.proof(worker, sent.proof), headers)
}
const result = (sent: Sent) => outcome(() => send(sent))
const notTheClient = refusal('invalid_client', 401)
const good = { status: 200, issued: 1, token: true }

describe('an attestation', () => {
  it('attest-basic: §7, of a known attester, with proof of possession over our challenge, is the client', async () => {
    expect(await result({ pop: await possession(await challenge()) })).toEqual(good)
    const without = { client_id: undefined }
    expect(await result({ pop: await possession(await challenge()), fields: without })).toEqual(good)
  })

  it('attest-challenge-required: §8, without a challenge of ours it is told to fetch one, and an invented one is none', async () => {
    const told = refusal('use_attestation_challenge')
    for (const invented of [undefined, '', 'invented', `${await challenge()}x`])
      expect(await result({ pop: await possession(invented) })).toEqual(told)
    const pop = await possession(await challenge())
    expect(await result({ pop })).toEqual(good)
    expect(await result({ pop })).toEqual(notTheClient)
  })

  it('attest-dpop-combined: §7.3, a DPoP proof with our nonce may take the place of the other proof', async () => {
    expect(await result({})).toEqual(refusal('use_dpop_nonce'))
    const { head } = await http.raw({ path: '/challenge', headers: { 'content-type': undefined } })
    const nonce = /^dpop-nonce: (\S+)/im.exec(head)?.[1]
    expect(await result({ proof: { claims: { nonce } } })).toEqual(good)
    expect(await result({ proof: { claims: { nonce }, key: await newKey() } })).toEqual(notTheClient)
  })

  it('attest-jku-allow-list: RFC 8725 §3.10, keys come from our configuration; what a header names is never fetched', async () => {
    let connections = 0
    const trap = createServer((socket) => {
      connections += 1
      socket.destroy()
    })
    await new Promise<void>((resolve) => trap.listen(0, '127.0.0.1', resolve))
    const url = `https://127.0.0.1:${(trap.address() as { port: number }).port}/jwks`
    const other = await newKey()
    const headers = [{ jku: url }, { x5u: url }, { jwk: other.publicJwk }, { x5c: ['MIIB'] }]
    for (const header of headers)
      for (const signer of [attester, other]) {
        const made = await attestation({ header, signer: signer.privateKey })
        expect(await result({ attestation: made, pop: await possession(await challenge()) })).toEqual(notTheClient)
      }
    expect(connections).toBe(0)
    await new Promise<void>((resolve) => trap.close(() => resolve()))
  })

  it('attest-forged: §7, no other attester, type, subject, time or key', async () => {
    const other = await newKey()
    const bends: (Bent & { key?: Key })[] = [
      { signer: other.privateKey },
      { claims: { iss: 'https://evil.example' } },
      { claims: { iss: undefined } },
      { claims: { iss: '__proto__' } },
      { claims: { exp: 1 } },
      { claims: { exp: undefined } },
      { claims: { cnf: undefined } },
      { header: { typ: 'JWT' } },
      { header: { kid: 'a2' } },
      { header: { alg: 'HS256' }, signer: Buffer.from(JSON.stringify(attester.publicJwk)) },
    ]
    for (const bent of bends)
      expect(await result({ attestation: await attestation(bent), pop: await possession(await challenge()) })).toEqual(
        notTheClient,
      )
    // An attester confirms the key that the agent registered; it cannot give it another.
    const strange = { attestation: await attestation({ key: other }) }
    expect(await result({ ...strange, pop: await possession(await challenge(), { key: other }) })).toEqual(notTheClient)
    for (const bent of [{ key: other }, { claims: { aud: http.endpoint } }, { claims: { aud: [house.stack.issuer] } }])
      expect(await result({ pop: await possession(await challenge(), bent) })).toEqual(notTheClient)
  })

  it('attest-two-methods: RFC 6749 §2.3, not beside another mechanism', async () => {
    const client_assertion = await http.assertion(worker)
    const fields = { client_assertion, client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer' }
    expect(await result({ pop: await possession(await challenge()), fields })).toEqual(refusal('invalid_request'))
  })
})
