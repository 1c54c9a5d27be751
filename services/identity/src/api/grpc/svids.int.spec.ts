/** SVIDs and the trust bundle, by the real service: what stands in them, who gets them, and that they are on record. */
import 'reflect-metadata'
import { X509Certificate } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Fact } from '@credence/contracts/events/catalog'
import { append } from '@credence/shared/event-store/append'
import { newCommit } from '@credence/shared/event-store/commit'
import { parseBundle } from '@credence/shared/spiffe/bundle'
import { verifyJwtSvid } from '@credence/shared/spiffe/jwt-svid'
import { certificatesIn, verifyX509Svid } from '@credence/shared/spiffe/x509-svid'
import * as x509 from '@peculiar/x509'
import { calculateJwkThumbprint, decodeJwt, decodeProtectedHeader } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePorts } from '../../../../../infra/dev/ports.ts'
import { waitUntilServing } from '../../../../../infra/dev/readiness.ts'
import { type House, openHouse, type Worker } from '../../testing/house.ts'
import { newKey, tokenClient, workersOf } from '../../testing/token-client.ts'

const AUDIENCE = 'https://partner.example'
const { keyUsages, basicConstraints, extendedKeyUsage } = {
  keyUsages: '2.5.29.15',
  basicConstraints: '2.5.29.19',
  extendedKeyUsage: '2.5.29.37',
}

let house: House
let worker: Worker
let http: ReturnType<typeof tokenClient>

beforeAll(async () => {
  house = await openHouse()
  http = tokenClient(house.stack.issuer, house.stack.authority.caFile)
  worker = await house.worker()
}, 120_000)
afterAll(() => house?.close(), 60_000)

const jwtSvid = (holder: Worker = worker, audience = AUDIENCE, lifetimeSeconds = 0n) =>
  holder.client.issueJwtSvid({ audience, lifetimeSeconds })
const x509Svid = (holder: Worker = worker, lifetimeSeconds = 0n) => holder.client.issueX509Svid({ lifetimeSeconds })
const served = async () => JSON.parse((await http.raw({ method: 'GET', path: '/spiffe/bundle' })).text)
const bundle = async () => parseBundle(house.stack.trustDomain, JSON.stringify(await served()))
const issued = async (agent: string) =>
  (await house.read('IDENTITY')).flatMap(({ facts }) =>
    facts.flatMap(({ type, data }) =>
      type === 'credence.identity.svid.issued.v1' && data.agent === agent ? [data] : [],
    ),
  )
/** Says something of an agent as identity itself would. */
async function tell(agent: string, fact: Fact): Promise<void> {
  const source = `spiffe://${house.stack.trustDomain}/service/identity`
  const about = { actor: { kind: 'workload' as const, id: source }, source, subject: `agent/${agent}`, now: new Date() }
  await append(await house.bus('identity'), 'IDENTITY', `credence.identity.agent.${agent}`, newCommit([fact], about))
}

describe('JWT-SVIDs', () => {
  it('JWT-SVID §2 and §3, the header holds alg, kid and typ; the claims name the agent, one audience and a near end', async () => {
    const { token, expiresAt } = await jwtSvid()
    expect(decodeProtectedHeader(token)).toEqual({ alg: 'ES256', kid: expect.any(String), typ: 'JWT' })
    const { iat = 0, exp = 0, ...claims } = decodeJwt(token)
    expect(claims).toEqual({ sub: worker.spiffeId, aud: AUDIENCE, jti: expect.any(String) })
    expect(exp - iat).toBeLessThanOrEqual(300)
    expect(expiresAt?.getTime()).toBe(exp * 1000)
    const verified = await verifyJwtSvid(token, await bundle(), { audience: AUDIENCE, now: new Date() })
    expect(verified.id.id).toBe(worker.spiffeId)
    await expect(
      verifyJwtSvid(token, await bundle(), { audience: 'https://else.example', now: new Date() }),
    ).rejects.toThrow('audience')
    const { iat: begin = 0, exp: end = 0 } = decodeJwt((await jwtSvid(worker, AUDIENCE, 20n)).token)
    expect(end - begin).toBeLessThanOrEqual(20)
  })

  it('JWT-SVID §4, its key is one of its own use: no key of tokens verifies it, and it is no access token', async () => {
    const { token } = await jwtSvid()
    const { kid } = decodeProtectedHeader(token)
    const { keys } = JSON.parse((await http.raw({ method: 'GET', path: '/jwks' })).text)
    expect(keys.map((key: { kid: string }) => key.kid)).not.toContain(kid)
    expect((await http.exchange(worker, { subject_token: token })).status).toBe(400)
  })
})

describe('X.509-SVIDs', () => {
  it('X509-SVID §2 to §4, one URI, a leaf that may only sign handshakes, for the agent’s own key, P-256 or Ed25519', async () => {
    for (const kind of ['ES256', 'EdDSA'] as const) {
      const holder = await house.worker(kind)
      const { certificateChain, expiresAt, bundle: authorities } = await x509Svid(holder)
      const [der = new Uint8Array(), ...others] = certificatesIn(certificateChain)
      expect(others).toEqual([])
      const node = new X509Certificate(der)
      expect(node.subjectAltName).toBe(`URI:${holder.spiffeId}`)
      expect(node.ca).toBe(false)
      const parsed = new x509.X509Certificate(der)
      const usage = parsed.getExtension<x509.KeyUsagesExtension>(keyUsages)
      expect(usage).toMatchObject({ critical: true, usages: x509.KeyUsageFlags.digitalSignature })
      expect(parsed.getExtension<x509.BasicConstraintsExtension>(basicConstraints)).toMatchObject({ ca: false })
      const { serverAuth, clientAuth } = x509.ExtendedKeyUsage
      expect(parsed.getExtension<x509.ExtendedKeyUsageExtension>(extendedKeyUsage)?.usages).toEqual([
        serverAuth,
        clientAuth,
      ])
      expect(await calculateJwkThumbprint(node.publicKey.export({ format: 'jwk' }) as object)).toBe(
        holder.key.thumbprint,
      )
      expect(node.validToDate).toEqual(expiresAt)
      expect(node.validToDate.getTime() - Date.now()).toBeLessThanOrEqual(3_600_000)
      expect(verifyX509Svid([der], await bundle(), { now: new Date() }).id.id).toBe(holder.spiffeId)
      const [authority] = certificatesIn(authorities).map((one) => new X509Certificate(one))
      expect(node.checkIssued(authority as X509Certificate)).toBe(true)
      expect(node.verify((authority as X509Certificate).publicKey)).toBe(true)
    }
  })

  it('RFC 5280 §4.1.2.2, serial numbers are random, positive and never the same', async () => {
    const made = await Promise.all(Array.from({ length: 16 }, () => x509Svid()))
    const serials = made.map(({ certificateChain }) => new X509Certificate(certificateChain).serialNumber)
    expect(new Set(serials).size).toBe(16)
    for (const serial of serials) expect(BigInt(`0x${serial}`)).toBeGreaterThan(2n ** 64n)
  })

  it('an SVID ends no later than what was asked, the agent, or its attestation result', async () => {
    const { workerWith } = workersOf(house)
    const short = await workerWith({ register: { lifetimeSeconds: 90n } })
    const lately = await workerWith({ result: { expires_at: new Date(Date.now() + 80_000).toISOString() } })
    for (const [holder, seconds] of [
      [short, 90],
      [lately, 80],
    ] as const)
      for (const { expiresAt } of [await x509Svid(holder), await jwtSvid(holder)])
        expect((expiresAt?.getTime() ?? 0) - Date.now()).toBeLessThanOrEqual(seconds * 1000)
    const { expiresAt } = await x509Svid(worker, 10n)
    expect((expiresAt?.getTime() ?? 0) - Date.now()).toBeLessThanOrEqual(10_000)
  })

  it('X509-SVID §4, the CA is named by its trust domain alone, signs leaves only, and signs nothing else', async () => {
    const { x509Authorities } = await bundle()
    expect(x509Authorities).toHaveLength(1)
    for (const authority of x509Authorities) {
      expect(authority.subjectAltName).toBe(`URI:spiffe://${house.stack.trustDomain}`)
      expect(authority.checkIssued(authority) && authority.verify(authority.publicKey)).toBe(true)
      const parsed = new x509.X509Certificate(new Uint8Array(authority.raw))
      const constraints = parsed.getExtension<x509.BasicConstraintsExtension>(basicConstraints)
      expect(constraints).toMatchObject({ critical: true, ca: true, pathLength: 0 })
      const { keyCertSign, cRLSign } = x509.KeyUsageFlags
      expect(parsed.getExtension<x509.KeyUsagesExtension>(keyUsages)).toMatchObject({
        critical: true,
        usages: keyCertSign | cRLSign,
      })
    }
  })
})

describe('who gets one', () => {
  const refused = (holder: Worker, reason: string) =>
    Promise.all(
      [x509Svid, jwtSvid].map((ask) =>
        expect(ask(holder), reason).rejects.toThrow(expect.objectContaining({ reason })),
      ),
    )
  const nothingIssued = async (holder: Worker, before = 0) => expect(await issued(holder.agentId)).toHaveLength(before)

  it('an agent that is registered, and was not attested, gets none', async () => {
    const key = await newKey()
    const { agent } = await house.register(key)
    const holder = { ...worker, agentId: agent?.id ?? '', client: house.asAgent(key, agent?.spiffeId ?? '') }
    await refused(holder, 'agent_not_active')
    await nothingIssued(holder)
  })

  it('an agent that was revoked, or whose parent was, gets none from the moment that it was acknowledged', async () => {
    const parent = await house.worker()
    const child = await workersOf(house).childOf(parent)
    for (const holder of [parent, child]) await x509Svid(holder)
    await house.security.revokeAgent({ agentId: parent.agentId, reason: 'Compromised' })
    await refused(parent, 'agent_revoked')
    expect(await x509Svid(child).catch(({ reason }) => reason)).toMatch(/^(parent_ended|agent_revoked)$/)
    for (const holder of [parent, child]) await nothingIssued(holder, 1)
  })

  it('an agent that is suspended or in quarantine gets none until it is restored', async () => {
    const holder = await house.worker()
    const about = { agent: holder.agentId, reason: 'Looks odd' }
    await tell(holder.agentId, { type: 'credence.identity.agent.suspended.v1', data: { ...about, cause: 'operator' } })
    await refused(holder, 'agent_suspended')
    await tell(holder.agentId, {
      type: 'credence.identity.agent.quarantined.v1',
      data: { ...about, cause: 'operator' },
    })
    await refused(holder, 'agent_quarantined')
    await nothingIssued(holder)
    await tell(holder.agentId, { type: 'credence.identity.agent.restored.v1', data: about })
    await x509Svid(holder)
  })

  it('an agent whose attestation result is over, or whose key was withdrawn, gets none', async () => {
    const { workerWith } = workersOf(house)
    const over = await workerWith({})
    await house.attest(over.agentId, { expires_at: new Date(Date.now() + 1_500).toISOString() })
    await expect
      .poll(() => x509Svid(over).catch(({ reason }) => reason), { timeout: 10_000 })
      .toBe('attestation_expired')
    const holder = await house.worker()
    const key_thumbprint = holder.key.thumbprint
    await tell(holder.agentId, {
      type: 'credence.identity.agent.key_withdrawn.v1',
      data: { agent: holder.agentId, key_thumbprint, reason: 'Known to others' },
    })
    await expect(x509Svid(holder)).rejects.toThrow(
      expect.objectContaining({ status: expect.stringMatching('unauthenticated|failed_precondition') }),
    )
    await nothingIssued(holder)
  })

  it('nobody but an agent asks for one, and what is asked wrongly is said by its field', async () => {
    for (const client of [house.platform, house.sponsor, house.security])
      for (const ask of [
        () => client.issueX509Svid({ lifetimeSeconds: 0n }),
        () => client.issueJwtSvid({ audience: AUDIENCE, lifetimeSeconds: 0n }),
      ])
        await expect(ask()).rejects.toThrow(expect.objectContaining({ reason: 'role_missing' }))
    const field = (name: string) => expect.objectContaining({ violations: [expect.objectContaining({ field: name })] })
    for (const seconds of [-1n, 3_601n])
      await expect(x509Svid(worker, seconds)).rejects.toThrow(field('lifetime_seconds'))
    for (const seconds of [-1n, 301n])
      await expect(jwtSvid(worker, AUDIENCE, seconds)).rejects.toThrow(field('lifetime_seconds'))
    for (const audience of ['', 'a b', 'a\nb', 'ä', 'x'.repeat(257)])
      await expect(jwtSvid(worker, audience)).rejects.toThrow(expect.objectContaining({ status: 'invalid_argument' }))
  })
})

describe('the record and the keys', () => {
  it('when an SVID arrives it is on record, with its serial number or jti', async () => {
    const holder = await house.worker()
    const one = async () => {
      const { certificateChain } = await x509Svid(holder)
      const { token } = await jwtSvid(holder)
      const found = await issued(holder.agentId)
      const serial = new X509Certificate(certificateChain).serialNumber.toLowerCase()
      expect(found).toContainEqual({ agent: holder.agentId, kind: 'x509', serial, expires_at: expect.any(String) })
      const { jti } = decodeJwt(token)
      expect(found).toContainEqual({
        agent: holder.agentId,
        kind: 'jwt',
        serial: jti,
        audience: AUDIENCE,
        expires_at: expect.any(String),
      })
    }
    await Promise.all(Array.from({ length: 6 }, one))
    expect(await issued(holder.agentId)).toHaveLength(12)
  })

  it('SPIFFE bundles §4, the bundle is the same by HTTPS, by gRPC and from another replica, and each key is recorded once', async () => {
    const [mesh = 0, open = 0, web = 0] = await freePorts(3)
    const script = 'services/identity/src/main.ts'
    const replica = house.stack.spawn('identity-replica', script, {
      ...(await house.stack.environment('identity')),
      CREDENCE_GRPC_LISTEN: `127.0.0.1:${mesh}`,
      CREDENCE_GRPC_PUBLIC_LISTEN: `127.0.0.1:${open}`,
      CREDENCE_HTTP_LISTEN: `127.0.0.1:${web}`,
    })
    await waitUntilServing(replica, `localhost:${open}`, house.stack.authority.caFile)
    const own = await house.platform.getTrustBundle({})
    expect(own.trustDomain).toBe(house.stack.trustDomain)
    const document = JSON.parse(own.bundle)
    expect(document).toEqual(await served())
    expect(document).toMatchObject({ spiffe_sequence: expect.any(Number), spiffe_refresh_hint: 300 })
    const [x509Entry, jwtEntry] = document.keys
    expect(x509Entry).toEqual({
      kty: 'EC',
      crv: 'P-256',
      x: expect.any(String),
      y: expect.any(String),
      use: 'x509-svid',
      x5c: [expect.any(String)],
    })
    expect(jwtEntry).toEqual({
      kty: 'EC',
      crv: 'P-256',
      x: expect.any(String),
      y: expect.any(String),
      use: 'jwt-svid',
      kid: expect.any(String),
      alg: 'ES256',
    })
    const { clientCredentials } = await import('@credence/shared/rpc/tls')
    const tls = await house.stack.workload('platform/workplace')
    const id = `spiffe://${house.stack.trustDomain}/service/identity`
    const other = house.connect(`127.0.0.1:${mesh}`, clientCredentials(tls.caFile, id, tls))
    expect(await other.getTrustBundle({})).toEqual(own)
    await replica.stop()

    const { keys } = JSON.parse((await http.raw({ method: 'GET', path: '/jwks' })).text)
    expect(keys.map(({ alg, use }: Record<string, string>) => `${alg} ${use}`)).toEqual([
      'ES256 sig',
      'EdDSA sig',
      'RS256 sig',
    ])
    const rotated = (await house.read('IDENTITY')).flatMap(({ facts }) =>
      facts.flatMap(({ type, data }) => (type === 'credence.identity.signing_key.rotated.v1' ? [data] : [])),
    )
    expect(rotated.map(({ use, algorithm }) => `${use} ${algorithm}`).toSorted()).toEqual(
      ['jwt-svid ES256', 'token ES256', 'token EdDSA', 'token RS256', 'x509-svid ES256'].toSorted(),
    )
    expect(rotated.map(({ kid }) => kid)).toEqual(
      expect.arrayContaining([...keys.map(({ kid }: { kid: string }) => kid), jwtEntry.kid]),
    )
  })

  it('the keys live on when the service is started anew, and none of them can be read from its folder', async () => {
    const { token } = await jwtSvid()
    const before = await served()
    await house.stack.service('identity').stop()
    await house.stack.start('identity')
    expect(await served()).toEqual(before)
    await verifyJwtSvid(token, await bundle(), { audience: AUDIENCE, now: new Date() })
    expect((await http.exchange(worker)).status).toBe(200)
    const folder = join(house.stack.folder, 'keys', 'identity')
    const files = readdirSync(folder)
    expect(files).toHaveLength(5)
    for (const file of files) expect(readFileSync(join(folder, file), 'utf8')).not.toContain('PRIVATE')
  })
})
