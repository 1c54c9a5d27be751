/** The way out, as somebody meets it who names URLs to us: real servers, and what of them is ever connected to. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { gzipSync } from 'node:zlib'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openAuthority } from '../../../../infra/dev/pki.ts'
import { createVerifyBearer } from '../callers/bearer.ts'
import { usualClaims } from '../callers/claims.ts'
import type { TlsFiles } from '../rpc/tls.ts'
import { addressRule, createEgress, type Lookup } from './egress.ts'

const folder = mkdtempSync(join(tmpdir(), 'credence-egress-'))
const closing: (() => void)[] = []
let tls: TlsFiles

beforeAll(async () => {
  const authority = await openAuthority(join(folder, 'pki'), 'acme.example')
  tls = await authority.issue('idp', 'spiffe://acme.example/idp')
  setDefaultCACertificates([...getCACertificates('default'), readFileSync(authority.caFile, 'utf8')])
})
afterAll(() => {
  for (const close of closing) close()
  rmSync(folder, { recursive: true, force: true })
})

/** A real HTTPS server. @returns its port and how often somebody connected, by TCP alone too */
async function serve(host: string, listener: RequestListener) {
  const server = createServer({ cert: readFileSync(tls.certFile), key: readFileSync(tls.keyFile) }, listener)
  let connections = 0
  server.on('connection', () => {
    connections += 1
  })
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  closing.push(
    () => server.closeAllConnections(),
    () => server.close(),
  )
  return { port: (server.address() as AddressInfo).port, connections: () => connections }
}

/** An issuer on an address that is allowed, and what it answers, by path. */
async function issuer(paths: (self: string) => Record<string, { location?: string; json?: object }>) {
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const keys = { keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'ES256', use: 'sig' }] }
  let served: ReturnType<typeof paths> = {}
  const server = await serve('127.0.0.1', (request, response) => {
    const all: ReturnType<typeof paths> = { '/keys': { json: keys }, ...served }
    const { location, json } = all[request.url ?? ''] ?? {}
    const status = location ? 302 : json ? 200 : 404
    response.writeHead(status, location ? { location } : { 'content-type': 'application/json' })
    response.end(JSON.stringify(json ?? {}))
  })
  const self = `https://localhost:${server.port}`
  served = paths(self)
  const token = await new SignJWT({})
    .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: 'k' })
    .setIssuer(self)
    .setAudience('us')
    .setSubject('cora')
    .setIssuedAt()
    .setExpirationTime('1h')
    .sign(privateKey)
  const verify = createVerifyBearer({
    issuers: [self],
    audience: 'us',
    claimsOf: usualClaims,
    resolveHuman: async () => 'hum_cora',
    egress: createEgress({ allow: ['127.0.0.1/32'] }),
  })
  return () => verify(`Bearer ${token}`)
}

const metadata = (self: string, jwks_uri: string) => ({
  '/.well-known/openid-configuration': { json: { issuer: self, jwks_uri } },
})
const unreachable = { reason: 'idp_unreachable', status: 'unavailable' }

describe('what an identity provider names is fetched only where that is allowed', () => {
  it('ssrf-jwks-uri: OpenID Connect Discovery §3, a jwks_uri on an inner address or without TLS is never connected to', async () => {
    const good = await issuer((self) => metadata(self, `${self}/keys`))
    expect(await good()).toMatchObject({ id: 'hum_cora' })
    const inner = await serve('127.0.0.2', (_request, response) => response.end('{"keys":[]}'))
    const uris = [
      `https://127.0.0.2:${inner.port}/keys`,
      `http://127.0.0.2:${inner.port}/keys`,
      `https://user:pass@127.0.0.2:${inner.port}/keys`,
      'https://169.254.169.254/latest/meta-data',
      'file:///etc/passwd',
      'data:application/json,{"keys":[]}',
    ]
    for (const uri of uris) {
      const evil = await issuer((self) => metadata(self, uri))
      await expect(evil(), uri).rejects.toMatchObject(unreachable)
    }
    expect(inner.connections()).toBe(0)
  })

  it('ssrf-redirect: RFC 9110 §15.4, a redirect is not followed, from metadata or from keys', async () => {
    const inner = await serve('127.0.0.2', (_request, response) => response.end('{"keys":[]}'))
    const location = `https://127.0.0.2:${inner.port}/keys`
    const atMetadata = await issuer(() => ({ '/.well-known/openid-configuration': { location } }))
    await expect(atMetadata()).rejects.toMatchObject(unreachable)
    const atKeys = await issuer((self) => ({ ...metadata(self, `${self}/moved`), '/moved': { location } }))
    await expect(atKeys()).rejects.toMatchObject(unreachable)
    const toItself = await issuer((self) => ({
      ...metadata(self, `${self}/moved`),
      '/moved': { location: `${self}/keys` },
    }))
    await expect(toItself()).rejects.toMatchObject(unreachable)
    expect(inner.connections()).toBe(0)
  })

  it('ssrf-dns-rebind: a name is judged by what it resolves to when the connection is made, each time', async () => {
    const outer = await serve('127.0.0.1', (_request, response) => response.end('{}'))
    const inner = await serve('127.0.0.2', (_request, response) => response.end('{}'))
    const answers = ['127.0.0.1', '127.0.0.2', '127.0.0.2']
    const lookup: Lookup = (_name, _options, callback) =>
      callback(null, [{ address: answers.shift() ?? '127.0.0.2', family: 4 }])
    const egress = createEgress({ allow: ['127.0.0.1/32'], lookup })
    expect((await egress(`https://localhost:${outer.port}/`)).status).toBe(200)
    for (const path of ['a', 'b'])
      await expect(egress(`https://localhost:${inner.port}/${path}`)).rejects.toMatchObject({
        reason: 'egress_refused',
      })
    const both: Lookup = (_name, _options, callback) =>
      callback(
        null,
        ['127.0.0.2', '127.0.0.1'].map((address) => ({ address, family: 4 })),
      )
    const either = createEgress({ allow: ['127.0.0.1/32'], lookup: both })
    expect((await either(`https://localhost:${outer.port}/`)).status).toBe(200)
    expect(answers).toEqual([])
    expect(inner.connections()).toBe(0)
  })

  it('ssrf-cimd-loopback-v4-v6: RFC 6890 §2.2, no spelling of an inner address of either family is connected to', async () => {
    const inner = await serve('::', (_request, response) => response.end('{}'))
    const egress = createEgress({ allow: [] })
    const v4 = ['127.0.0.1', '127.1', '0x7f000001', '2130706433', '0177.0.0.1', '0.0.0.0', 'localhost']
    const v6 = ['[::1]', '[::]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[0:0:0:0:0:0:0:1]', '[64:ff9b::7f00:1]']
    for (const host of [...v4, ...v6])
      await expect(egress(`https://${host}:${inner.port}/`), host).rejects.toMatchObject({ reason: 'egress_refused' })
    expect(inner.connections()).toBe(0)
    const allowed = createEgress({ allow: ['127.0.0.0/8', '::1/128'] })
    expect((await allowed(`https://localhost:${inner.port}/`)).status).toBe(200)
    expect(inner.connections()).toBe(1)
  })
})

describe('an answer', () => {
  it('that is larger than 512 KiB, packed or not, is not read to its end', async () => {
    const large = await serve('127.0.0.1', (_request, response) => response.end('x'.repeat(600 * 1024)))
    const egress = createEgress({ allow: ['127.0.0.0/8'] })
    await expect(egress(`https://localhost:${large.port}/`)).rejects.toMatchObject({ reason: 'egress_too_large' })
    const packed = await serve('127.0.0.1', (_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' })
      response.end(gzipSync('x'.repeat(600 * 1024)))
    })
    await expect(egress(`https://localhost:${packed.port}/`)).rejects.toMatchObject({ reason: 'egress_too_large' })
  })
})

describe('an address', () => {
  it('is public, or allowed by configuration; RFC 6890, RFC 4291, RFC 6052, RFC 3056, RFC 4380', () => {
    const rule = addressRule(['10.1.0.0/16', 'fd00:1::/32'])
    const open = ['1.1.1.1', '8.8.8.8', '2606:4700:4700::1111', '10.1.2.3', '::ffff:10.1.2.3', 'fd00:1::5']
    const inner = ['10.2.0.1', '172.31.255.255', '192.168.1.1', '100.64.0.1', '169.254.169.254', '224.0.0.1']
    const innerV6 = ['fe80::1', 'fe80::1%eth0', 'fc00::1', 'ff02::1', '2002:7f00:1::', '2001:0:7f00:1::', '2001:db8::1']
    const odd = ['::ffff:169.254.169.254', '64:ff9b::a9fe:a9fe', '::127.0.0.1', '255.255.255.255', '', 'localhost', '1']
    expect(open.filter((address) => !rule(address))).toEqual([])
    expect([...inner, ...innerV6, ...odd].filter(rule)).toEqual([])
  })
})
