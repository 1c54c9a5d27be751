/** Clients that show an SVID: mutual TLS (RFC 8705) and JWT-SVIDs (draft-ietf-oauth-spiffe-client-auth). */
import { createHash, X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeJwt, decodeProtectedHeader, exportPKCS8, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openAuthority } from '../../../../../infra/dev/pki.ts'
import { type House, openHouse, type Worker } from '../../testing/house.ts'
import { type Fields, newKey, outcomes, type ProofParts, refusal, tokenClient } from '../../testing/token-client.ts'

let house: House
let worker: Worker
let http: ReturnType<typeof tokenClient>
let outcome: ReturnType<typeof outcomes>
const folder = mkdtempSync(join(tmpdir(), 'credence-svid-'))

beforeAll(async () => {
  house = await openHouse()
  http = tokenClient(house.stack.issuer, house.stack.authority.caFile)
  outcome = outcomes(() => house.read('IDENTITY'))
  worker = await house.worker()
}, 120_000)
afterAll(async () => {
  await house?.close()
  rmSync(folder, { recursive: true, force: true })
}, 60_000)

type Certificate = { certFile: string; keyFile: string }
const notTheClient = refusal('invalid_client', 401)
const noAssertion = { client_assertion: undefined, client_assertion_type: undefined }

/** An agent's own X.509-SVID, as the service issues it. */
async function svidOf(of: Worker): Promise<Certificate> {
  const { certificateChain } = await of.client.issueX509Svid({ lifetimeSeconds: 0n })
  const files = { certFile: join(folder, `${of.agentId}.pem`), keyFile: join(folder, `${of.agentId}-key.pem`) }
  writeFileSync(files.certFile, certificateChain)
  writeFileSync(files.keyFile, await exportPKCS8(of.key.privateKey))
  return files
}
/** A certificate of the deployment's own CA, for whatever name. */
const meshCertificate = (name: string, spiffeId: string) => house.stack.authority.issue(name, spiffeId)

/** An exchange over a connection with this certificate, without an assertion and without a proof unless said. */
const byCertificate = (certificate: Certificate, fields: Fields = {}, proof?: ProofParts) =>
  outcome(() => sentBy(certificate, fields, proof))
async function sentBy(certificate: Certificate, fields: Fields = {}, proof?: ProofParts) {
  const connection = tokenClient(house.stack.issuer, house.stack.authority.caFile, { certificate })
  const dpop = proof && (await http.proof(worker, proof))
  return connection.send(await http.form(worker, { ...noAssertion, ...fields }), dpop)
}
const thumbprintOf = ({ certFile }: Certificate) =>
  createHash('sha256')
    .update(new X509Certificate(readFileSync(certFile)).raw)
    .digest('base64url')

describe('mutual TLS', () => {
  it('mtls-svid: RFC 8705 §2.1 and §3, an X.509-SVID is the client, and the token is bound to the certificate', async () => {
    const certificate = await svidOf(worker)
    const answer = await sentBy(certificate)
    expect(answer).toMatchObject({ status: 200, token_type: 'Bearer' })
    expect(decodeJwt(answer.access_token ?? '')).toMatchObject({
      client_id: worker.spiffeId,
      cnf: { 'x5t#S256': thumbprintOf(certificate) },
    })
    const withProof = await sentBy(certificate, {}, {})
    expect(withProof).toMatchObject({ status: 200, token_type: 'DPoP' })
    expect(decodeJwt(withProof.access_token ?? '').cnf).toEqual({ jkt: worker.key.thumbprint })
    // RFC 8705 §3: with an assertion as well, the certificate binds.
    const assertion = await sentBy(certificate, {
      client_assertion: await http.assertion(worker),
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    })
    expect(decodeJwt(assertion.access_token ?? '').cnf).toEqual({ 'x5t#S256': thumbprintOf(certificate) })
  })

  it('mtls-client-id: RFC 8705 §2, client_id has to be there and to be the name in the certificate', async () => {
    const certificate = await svidOf(worker)
    const other = await house.worker()
    expect(await byCertificate(certificate, { client_id: undefined })).toEqual(refusal('invalid_request'))
    expect(await byCertificate(certificate, { client_id: other.spiffeId })).toEqual(notTheClient)
    expect(await byCertificate(await svidOf(other))).toEqual(notTheClient)
  })

  it('mtls-untrusted: RFC 8705 §2.1, X509-SVID §5: no certificate of another authority or of nobody’s agent is a client', async () => {
    const stranger = await openAuthority(join(folder, 'other-pki'), house.stack.trustDomain)
    expect(await byCertificate(await stranger.issue('evil', worker.spiffeId))).toEqual(notTheClient)
    expect(await byCertificate(await meshCertificate('hr', `spiffe://${house.stack.trustDomain}/platform/hr`))).toEqual(
      notTheClient,
    )
    const elsewhere = worker.spiffeId.replace(house.stack.trustDomain, 'evil.example')
    expect(await byCertificate(await meshCertificate('evil', elsewhere))).toEqual(notTheClient)
    const none = tokenClient(house.stack.issuer, house.stack.authority.caFile)
    expect(await outcome(async () => none.send(await http.form(worker, noAssertion)))).toEqual(notTheClient)
    // Whatever a header says of a certificate, only the connection counts (RFC 8705 §6.4).
    const pem = encodeURIComponent(readFileSync((await svidOf(worker)).certFile, 'utf8'))
    for (const header of ['x-ssl-cert', 'ssl-client-cert', 'x-forwarded-client-cert', 'client-cert'])
      expect(
        await outcome(async () => none.send(await http.form(worker, noAssertion), undefined, { [header]: pem })),
      ).toEqual(notTheClient)
  })

  it('mtls-binding-own: RFC 8705 §3, the certificate of another client binds nothing', async () => {
    const other = await svidOf(await house.worker())
    const fields = {
      client_assertion: await http.assertion(worker),
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    }
    expect(await byCertificate(other, fields)).toEqual(refusal('invalid_dpop_proof'))
  })

  it('mtls-ended: an agent that was revoked is no client, however long its certificate lives', async () => {
    const gone = await house.worker()
    const certificate = await svidOf(gone)
    await house.security.revokeAgent({ agentId: gone.agentId, reason: 'test' })
    const connection = tokenClient(house.stack.issuer, house.stack.authority.caFile, { certificate })
    const form = await http.form(gone, noAssertion)
    expect(await outcome(() => connection.send(form))).toEqual(notTheClient)
  })
})

const JWT_SPIFFE = 'urn:ietf:params:oauth:client-assertion-type:jwt-spiffe'
const jwtSvid = async (audience = house.stack.issuer, of = worker) =>
  (await of.client.issueJwtSvid({ audience, lifetimeSeconds: 0n })).token
/** An exchange with a JWT-SVID as its assertion, and a good proof. */
const bySvid = (client_assertion: string, fields: Fields = {}, headers: Record<string, string> = {}) =>
  outcome(async () =>
    http.send(
      await http.form(worker, { client_assertion, client_assertion_type: JWT_SPIFFE, ...fields }),
      await http.proof(worker),
      headers,
    ),
  )

describe('a JWT-SVID as client assertion', () => {
  it('spiffe-jwt-client: draft-ietf-oauth-spiffe-client-auth, ours is the client, with client_id and without', async () => {
    expect(await bySvid(await jwtSvid())).toMatchObject({ status: 200, issued: 1 })
    expect(await bySvid(await jwtSvid(), { client_id: undefined })).toMatchObject({ status: 200, issued: 1 })
    const other = await house.worker()
    expect(await bySvid(await jwtSvid(), { client_id: other.spiffeId })).toEqual(refusal('invalid_request'))
    const par = await http.push(worker, { client_assertion: await jwtSvid(), client_assertion_type: JWT_SPIFFE })
    expect(par.status).toBe(201)
  })

  it('spiffe-jwt-aud-sole: draft-ietf-oauth-spiffe-client-auth, the issuer is its only audience', async () => {
    for (const audience of [`${house.stack.issuer}/token`, `${house.stack.issuer}/`, 'https://evil.example'])
      expect(await bySvid(await jwtSvid(audience))).toEqual(notTheClient)
  })

  it('spiffe-jwt-once: RFC 7523 §3, it counts once', async () => {
    const token = await jwtSvid()
    const answers = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const form = await http.form(worker, { client_assertion: token, client_assertion_type: JWT_SPIFFE })
        return http.send(form, await http.proof(worker))
      }),
    )
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(19)
  })

  it('spiffe-jwt-forged: JWT-SVID §5, no other key, algorithm, header or type; and not as another kind of assertion', async () => {
    const { iat: _, ...claims } = decodeJwt(await jwtSvid())
    const { kid } = decodeProtectedHeader(await jwtSvid())
    const sign = async (header: object, key = worker.key) =>
      new SignJWT(claims).setProtectedHeader({ alg: key.algorithm, kid, ...header } as never).sign(key.privateKey)
    const ed = await newKey('EdDSA')
    const forged = [await sign({}), await sign({ kid: 'x' }), await sign({ typ: 'at+jwt' }), await sign({}, ed)]
    for (const token of [
      ...forged,
      await sign({ jku: 'https://evil.example/jwks' }),
      await sign({ jwk: worker.key.publicJwk }),
      'x',
      'a.b.c',
    ])
      expect(await bySvid(token)).toEqual(notTheClient)
    const bearer = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
    expect(await bySvid(await jwtSvid(), { client_assertion_type: bearer })).toEqual(notTheClient)
    expect(await bySvid(await http.assertion(worker))).toEqual(notTheClient)
    expect(await bySvid(worker.delegationToken)).toEqual(notTheClient)
  })

  it('spiffe-jwt-two-methods: RFC 6749 §2.3, with another mechanism beside it the request is refused', async () => {
    const twice = refusal('invalid_request')
    const basic = `Basic ${Buffer.from('a:b').toString('base64')}`
    expect(await bySvid(await jwtSvid(), {}, { authorization: basic })).toEqual(twice)
    expect(await bySvid(await jwtSvid(), {}, { 'oauth-client-attestation': 'a.b.c' })).toEqual(twice)
    expect(await bySvid(await jwtSvid(), { client_secret: 'x' })).toEqual(twice)
    const two = { client_assertion: [await jwtSvid(), await jwtSvid()] }
    expect(await bySvid('', two)).toEqual(twice)
    expect(await bySvid(await jwtSvid(), { client_assertion_type: [JWT_SPIFFE, JWT_SPIFFE] })).toEqual(twice)
  })
})
