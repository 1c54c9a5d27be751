/** The house with two Envoys in front of an HTTP service that knows nothing of Credence: one as our example, one careless. */
import { createHash, randomUUID } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { connect } from 'node:tls'
import type { AccessToken } from '@credence/sdk/agent/tokens'
import { tlsFetch } from '@credence/sdk/tls-fetch'
import { calculateJwkThumbprint, exportJWK, exportPKCS8, generateKeyPair, SignJWT } from 'jose'
import { Agent as Connections, fetch as undiciFetch } from 'undici'
import { type AtWork, openHouse, putToWork } from '../../dev/house.ts'
import { type Envoy, startEnvoy } from './start.ts'

export type Answer = { status: number; code?: string; headers: Headers; body: string }
export type Seen = { method: string; path: string; headers: IncomingMessage['headers']; body: string }
export type EnvoyHouse = Awaited<ReturnType<typeof openEnvoyHouse>>

/** A route of the tests; YAML takes JSON. */
const route = (prefix: string, extensions: Record<string, string>, settings: object = {}): string => {
  const type = 'type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute'
  const said = Object.entries(extensions).map(([key, text]) => [`credence.${key}`, text])
  const check_settings = { context_extensions: Object.fromEntries(said), ...settings }
  const perRoute = { 'envoy.filters.http.ext_authz': { '@type': type, check_settings } }
  const one = { match: { prefix }, route: { cluster: 'calendar' }, typed_per_filter_config: perRoute }
  return `                        - ${JSON.stringify(one)}\n`
}
const reading = { action: 'calendar.read', resource_id: '{event}' }
const booking = { request: 'POST /meetings', action: 'calendar.book', resource_id: 'new', arguments: 'body' }
const body = { max_request_bytes: 64, allow_partial_message: false, pack_as_bytes: true }

/** What the example has no need of: another audience, sensitive things, an act that nobody may, arguments, no word at all. */
const MORE_ROUTES = [
  route('/elsewhere/', { ...reading, request: 'GET /elsewhere/{event}', audience: 'https://elsewhere.example' }),
  route('/private/', { ...reading, request: 'GET /private/{event}', sensitivity: 'confidential' }),
  route('/shared/', { ...reading, request: 'GET /shared/{event}', action: 'calendar.share' }),
  route('/meetings', booking, { with_request_body: body }),
  route('/undescribed', {}),
].join('')
/** Lets a test switch at run time, as an operator with a runtime of their own may. */
const RUNTIME = 'layered_runtime: { layers: [{ name: admin, admin_layer: {} }] }\n'
/** Where tests run, others run too. */
const PATIENT: [from: string, to: string] = ['timeout: 1s', 'timeout: 4s']
const END = '                        # Nothing else has a way to the upstream.\n'

/** What operators are warned of: it opens on errors, repairs no path, joins headers and cuts bodies. */
const CARELESS: [from: string, to: string][] = [
  ['failure_mode_allow: false', 'failure_mode_allow: true'],
  ['normalize_path: true', 'normalize_path: false'],
  ['merge_slashes: true', 'merge_slashes: false'],
  ['path_with_escaped_slashes_action: REJECT_REQUEST', 'path_with_escaped_slashes_action: KEEP_UNCHANGED'],
  ['headers_with_underscores_action: REJECT_REQUEST', 'headers_with_underscores_action: ALLOW'],
  ['encode_raw_headers: true', 'encode_raw_headers: false'],
  ['"allow_partial_message":false', '"allow_partial_message":true'],
  ['- remove: x-http-method-override', '- remove: x-other'],
]

function replaced(text: string, from: string, to: string): string {
  if (!text.includes(from)) throw new Error(`the example no longer says: ${from}`)
  return text.replaceAll(from, to)
}

export async function openEnvoyHouse() {
  // The audience has the port in it long before Envoy is there to take it.
  const [held, heldCareless] = [await hold(), await hold()]
  const [port, carelessPort] = [held.port, heldCareless.port]
  const audience = `https://localhost:${port}`
  const house = await openHouse({ calendar: audience })
  const { stack } = house
  const key = await extractableKey()
  const work = await putToWork(house, key)
  const svid = await work.agent.clients.identity.issueX509Svid({ lifetimeSeconds: 0n })
  const agentCaFile = join(stack.folder, 'agents-ca.pem')
  writeFileSync(agentCaFile, svid.bundle)

  const upstream = await startUpstream()
  const withMore = (yaml: string) => `${replaced(replaced(yaml, ...PATIENT), END, MORE_ROUTES + END)}${RUNTIME}`
  // The careless one stands for the same resource: its tokens and proofs are those of the other.
  const careless = (yaml: string) =>
    CARELESS.reduce((text, [from, to]) => replaced(text, from, to), withMore(yaml)).replaceAll(
      `localhost:${carelessPort}`,
      `localhost:${port}`,
    )
  const common = { upstreamPort: upstream.port, agentCaFile }
  await Promise.all([held.release(), heldCareless.release()])
  const envoy = await startEnvoy(stack, { name: 'envoy', port, change: withMore, ...common })
  const lax = await startEnvoy(stack, { name: 'envoy-careless', port: carelessPort, change: careless, ...common })

  const ca = readFileSync(stack.authority.caFile, 'utf8')
  const proof = (token: string, method: string, path: string, claims: object = {}) => {
    const ath = createHash('sha256').update(token).digest('base64url')
    return new SignJWT({ htm: method, htu: audience + path, jti: randomUUID(), ath, ...claims })
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: key.publicJwk })
      .setIssuedAt()
      .sign(key.privateKey)
  }
  const token = async (of: AtWork = work) => (await of.agent.tokenFor(of.task, audience)).value

  /** As bytes: no client repairs anything. @param at which of the two Envoys */
  function raw(at: Envoy, head: (string | Buffer)[], body = '', host = `localhost:${port}`): Promise<Answer> {
    const lines = head.map((line) => Buffer.concat([Buffer.from(line), Buffer.from('\r\n')]))
    const rest = [`Host: ${host}`, `Content-Length: ${Buffer.byteLength(body)}`, 'Connection: close', '', '']
    return new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port: at.port, servername: 'localhost', ca }, () =>
        socket.write(Buffer.concat([...lines, Buffer.from(rest.join('\r\n') + body)])),
      )
      const chunks: Buffer[] = []
      socket.on('data', (chunk) => chunks.push(chunk))
      socket.on('end', () => resolve(parsed(Buffer.concat(chunks).toString('latin1'))))
      socket.on('error', reject)
    })
  }
  /** A call with token and proof for what is on the request line, or for what is said. */
  async function call(
    at: Envoy,
    method: string,
    path: string,
    more: { headers?: (string | Buffer)[]; body?: string; proven?: string; token?: string } = {},
  ) {
    const access = more.token ?? (await token())
    const dpop = await proof(access, method, more.proven ?? path.replace(/[?#].*$/, ''))
    const head = [
      `${method} ${path} HTTP/1.1`,
      `Authorization: DPoP ${access}`,
      `DPoP: ${dpop}`,
      ...(more.headers ?? []),
    ]
    return raw(at, head, more.body)
  }

  /** A token that is bound to the agent's X.509-SVID, and a client that shows it. */
  async function withCertificate() {
    const connections = new Connections({
      connect: { ca, cert: svid.certificateChain, key: await exportPKCS8(key.privateKey) },
    })
    const response = await undiciFetch(`${stack.issuer}/token`, {
      method: 'POST',
      dispatcher: connections,
      body: new URLSearchParams({
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        client_id: work.agent.spiffeId,
        subject_token: work.task.delegation.delegationToken,
        subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
        resource: audience,
        grant_id: work.task.grantId,
      }),
    })
    const { access_token = '' } = (await response.json()) as { access_token?: string }
    const get = (path: string) =>
      undiciFetch(audience + path, { dispatcher: connections, headers: { authorization: `Bearer ${access_token}` } })
    return { access_token, get, close: () => connections.close() }
  }

  return {
    house,
    stack,
    work,
    audience,
    envoy,
    lax,
    upstream,
    token,
    proof,
    raw,
    call,
    withCertificate,
    accessToken: async (): Promise<AccessToken> => work.agent.tokenFor(work.task, audience),
    from: (address: string) => tlsFetch(stack.authority.caFile, address),
    close: async () => {
      await Promise.all([envoy, lax].map(({ process }) => process.stop()))
      await upstream.close()
      await work.agent.close()
      await house.close()
    },
  }
}

async function extractableKey() {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
  const { kty, crv, x, y } = await exportJWK(publicKey)
  const publicJwk = { kty, crv, x, y }
  const thumbprint = await calculateJwkThumbprint(publicJwk)
  return { privateKey, publicKey, publicJwk, thumbprint, algorithm: 'ES256' as const }
}

function parsed(text: string): Answer {
  const [head = '', ...rest] = text.split('\r\n\r\n')
  const [line = '', ...fields] = head.split('\r\n')
  const headers = new Headers(
    fields.map((field): [string, string] => [field.split(':', 1)[0] ?? '', field.replace(/^[^:]*: ?/, '')]),
  )
  const body = rest.join('\r\n\r\n')
  const code = /"code":"([^"]*)"/.exec(body)?.[1]
  return { status: Number(line.split(' ')[1]), code, headers, body }
}

/** A free port that nobody else gets until it is released. */
async function hold() {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { port, release: () => new Promise((resolve) => server.close(resolve)) }
}

/** Answers 200 to everything, and remembers it. */
async function startUpstream() {
  const seen: Seen[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    seen.push({ method: request.method ?? '', path: request.url ?? '', headers: request.headers, body })
    response.setHeader('content-type', 'application/json')
    response.end('{"from":"upstream"}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { seen, port, close: () => new Promise((resolve) => server.close(resolve)) }
}
