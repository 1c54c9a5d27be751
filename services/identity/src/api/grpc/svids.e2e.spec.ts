/** Other software meets our agents: go-spiffe fetches the bundle, verifies SVIDs, refuses false ones, and speaks mutual TLS. */
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, createServer, type TLSSocket } from 'node:tls'
import { parseBundle } from '@credence/shared/spiffe/bundle'
import { certificatesIn, verifyX509Svid } from '@credence/shared/spiffe/x509-svid'
import { exportPKCS8 } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildGoSpiffe, type GoSpiffe, startGoSpiffe } from '../../testing/go-spiffe.ts'
import { type House, openHouse, type Worker } from '../../testing/house.ts'
import { serverKeyOf } from '../../testing/server-key.ts'
import { resigned } from '../../testing/token-client.ts'

const AUDIENCE = 'spiffe://partner.example/gateway'
const folder = mkdtempSync(join(tmpdir(), 'credence-go-'))
const built = await buildGoSpiffe(folder)
const missing = 'missing' in built ? built.missing : ''

describe.skipIf(missing)(`go-spiffe${missing && ` (skipped: ${missing})`}`, () => {
  let house: House
  let worker: Worker
  let go: GoSpiffe

  beforeAll(async () => {
    house = await openHouse()
    worker = await house.worker()
    go = startGoSpiffe('program' in built ? built.program : '')
  }, 120_000)
  afterAll(async () => {
    go?.close()
    await house?.close()
    rmSync(folder, { recursive: true, force: true })
  }, 60_000)

  const fetchBundle = () =>
    go.do('fetch', {
      url: `${house.stack.issuer}/spiffe/bundle`,
      ca_file: house.stack.authority.caFile,
      trust_domain: house.stack.trustDomain,
    })
  const ours = async () => (await house.platform.getTrustBundle({})).bundle
  const jwtSvid = async (holder = worker) =>
    (await holder.client.issueJwtSvid({ audience: AUDIENCE, lifetimeSeconds: 0n })).token
  const x509Svid = async (holder = worker) =>
    (await holder.client.issueX509Svid({ lifetimeSeconds: 0n })).certificateChain
  const jwt = (token: string, audience = AUDIENCE) => go.do('jwt', { token, audience })
  const x509 = (chain: string) => go.do('x509', { chain })
  const keyOf = (holder: Worker) => exportPKCS8(holder.key.privateKey)

  it('SPIFFE bundles §5.2.1, it fetches our bundle (https_web) and finds both kinds of authority in it', async () => {
    const { keys, spiffe_sequence } = JSON.parse(await ours())
    const kids = keys.flatMap(({ kid }: { kid?: string }) => kid ?? [])
    expect(await fetchBundle()).toEqual({ x509: 1, jwt: kids, sequence: spiffe_sequence, refresh: 300 })
  })

  it('JWT-SVID §5, it verifies our JWT-SVID, and refuses one for others, changed, of another key, or of another domain', async () => {
    await fetchBundle()
    const token = await jwtSvid()
    expect(await jwt(token)).toEqual({ id: worker.spiffeId })
    expect((await jwt(token, 'spiffe://else.example/x')).error).toContain('audience')
    const [header, , signature] = token.split('.')
    const [, payload] = (await jwtSvid(await house.worker())).split('.')
    expect((await jwt(`${header}.${payload}.${signature}`)).error).toContain('unable to get claims')
    expect((await jwt(await resigned(token, {}, worker.key.privateKey))).error).toContain('unable to get claims')
    // The key of access tokens is none of JWT-SVIDs.
    const { privateKey, keyId } = await serverKeyOf(house)
    expect((await jwt(await resigned(token, { header: { kid: keyId } }, privateKey))).error).toContain(
      'no JWT authority',
    )
    expect(
      (await jwt(await resigned(token, { claims: { sub: 'spiffe://else.example/x' } }, privateKey))).error,
    ).toContain('no bundle found')
    await go.do('parse', { trust_domain: 'else.example', bundle: await ours() })
    expect((await jwt(token)).error).toContain('no bundle found')
  })

  it('X509-SVID §5, it verifies our X.509-SVIDs, and refuses one that was changed, is of others, or of another domain', async () => {
    await fetchBundle()
    for (const holder of [worker, await house.worker('EdDSA')])
      expect(await x509(await x509Svid(holder))).toEqual({ id: holder.spiffeId })
    const der = Buffer.from(new X509Certificate(await x509Svid()).raw)
    der[der.length - 3] = (der[der.length - 3] as number) ^ 1
    const changed = `-----BEGIN CERTIFICATE-----\n${der.toString('base64')}\n-----END CERTIFICATE-----`
    expect((await x509(changed)).error).toContain('could not verify leaf certificate')
    // The services' own certificates are of another CA, and the CA itself authenticates nobody.
    const service = await house.stack.workload('service/identity')
    const { readFileSync } = await import('node:fs')
    expect((await x509(readFileSync(service.certFile, 'utf8'))).error).toContain('could not verify leaf certificate')
    const { bundle: authorities } = await worker.client.issueX509Svid({ lifetimeSeconds: 0n })
    expect((await x509(authorities)).error).toMatch(/CA flag|could not get leaf SPIFFE ID|path/i)
    await go.do('parse', { trust_domain: 'else.example', bundle: await ours() })
    expect((await x509(await x509Svid())).error).toContain('could not get X509 bundle')
  })

  it('SPIFFE bundles §4.1.3, by an empty bundle nothing of ours is good', async () => {
    const empty = JSON.stringify({ keys: [] })
    expect(await go.do('parse', { trust_domain: house.stack.trustDomain, bundle: empty })).toEqual({})
    expect((await jwt(await jwtSvid())).error).toContain('no JWT authority')
    expect((await x509(await x509Svid())).error).toContain('could not verify leaf certificate')
  })

  it('X509-SVID §5, an agent in Node meets one in Go by mutual TLS, both by their SVIDs and our bundle alone', async () => {
    await fetchBundle()
    const other = await house.worker('EdDSA')
    const bundle = parseBundle(house.stack.trustDomain, await ours())
    const ca = bundle.x509Authorities.map(String)
    const serving = { chain: await x509Svid(other), key: await keyOf(other), peer: worker.spiffeId }

    /** Reads all that the server says. */
    const meet = async (address: string | undefined, holder: Worker) => {
      const [host = '', port] = (address ?? '').split(':')
      const socket = connect({
        host,
        port: Number(port),
        cert: await x509Svid(holder),
        key: await keyOf(holder),
        ca,
        checkServerIdentity: () => undefined,
      })
      return new Promise<string>((resolve, reject) => {
        let said = ''
        socket.once('secureConnect', () => {
          const raw = socket.getPeerX509Certificate()?.raw ?? Buffer.alloc(0)
          if (verifyX509Svid([raw], bundle, { now: new Date() }).id.id !== other.spiffeId)
            reject(new Error('somebody else'))
        })
        socket.on('data', (part) => {
          said += part
        })
        socket.on('error', reject)
        socket.on('end', () => resolve(said))
      })
    }
    const first = await go.do('serve', serving)
    expect(await meet(first.address, worker)).toBe(worker.spiffeId)
    // Somebody else's SVID, as good as it is, is not the one that is expected.
    const second = await go.do('serve', serving)
    await expect(meet(second.address, other)).rejects.toThrow(/bad certificate|alert/i)
  })

  it('X509-SVID §5, an agent in Go meets one in Node by mutual TLS', async () => {
    await fetchBundle()
    const other = await house.worker()
    const bundle = parseBundle(house.stack.trustDomain, await ours())
    const options = {
      cert: await x509Svid(),
      key: await keyOf(worker),
      ca: bundle.x509Authorities.map(String),
      requestCert: true,
      rejectUnauthorized: true,
    }
    const server = createServer(options, (socket: TLSSocket) => {
      const raw = socket.getPeerX509Certificate()?.raw ?? Buffer.alloc(0)
      socket.end(verifyX509Svid([raw], bundle, { now: new Date() }).id.id)
    })
    server.on('tlsClientError', () => undefined)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = `127.0.0.1:${(server.address() as AddressInfo).port}`
    const dialling = { address, chain: await x509Svid(other), key: await keyOf(other) }
    try {
      expect(await go.do('dial', { ...dialling, peer: worker.spiffeId })).toEqual({
        id: worker.spiffeId,
        address: other.spiffeId,
      })
      expect((await go.do('dial', { ...dialling, peer: other.spiffeId })).error).toContain('unexpected ID')
    } finally {
      server.close()
    }
    expect(certificatesIn(dialling.chain)).toHaveLength(1)
  })
})
