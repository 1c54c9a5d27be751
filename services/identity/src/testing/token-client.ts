/** The token endpoint as an agent, or an attacker, calls it: every part of the request can be bent. */
import { createHash, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { connect } from 'node:tls'
import {
  type Delegation,
  PassOnDelegationRequest,
  SpawnAgentRequest,
} from '@credence/contracts/gen/credence/identity/v1/identity'
import type { RecordedCommit } from '@credence/shared/event-store/commit'
import {
  type CryptoKey,
  calculateJwkThumbprint,
  decodeJwt,
  decodeProtectedHeader,
  exportJWK,
  generateKeyPair,
  type JWK,
  SignJWT,
} from 'jose'
import { CALENDAR, detail } from '../../../../infra/testing/facts.ts'
import type { House, Worker } from './house.ts'

export type Key = {
  algorithm: 'ES256' | 'EdDSA'
  privateKey: CryptoKey
  publicKey: CryptoKey
  publicJwk: JWK
  thumbprint: string
}

export async function newKey(algorithm: Key['algorithm'] = 'ES256'): Promise<Key> {
  const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true })
  const publicJwk = await exportJWK(publicKey)
  return { algorithm, privateKey, publicKey, publicJwk, thumbprint: await calculateJwkThumbprint(publicJwk) }
}

export type Holder = { key: Key; spiffeId: string; delegationToken: string; grant: string }
/** What is bent in a JWT: members of the header and claims replaced (undefined: left out), another signer. */
export type Bent = { header?: object; claims?: object; signer?: CryptoKey | Uint8Array }
export type AssertionParts = Bent & { aud?: unknown; jti?: string; key?: Key; exp?: string; id?: string }
export type ProofParts = Bent & { key?: Key; iat?: number; jti?: string; url?: string }
export type Answer = {
  status: number
  error?: string
  error_description?: string
  access_token?: string
  token_type?: string
  issued_token_type?: string
  expires_in?: number
  authorization_details?: unknown
  authorization_details_dropped?: unknown
  grant_id?: string
  task_id?: string
}
export type Fields = Record<string, string | string[] | undefined>
/** Undefined: left out. */
export type Headers = Record<string, string | undefined>

/** A JWT with these parts and without a signature (RFC 7519 §6). */
export const unsecured = (header: object, claims: object): string =>
  `${base64url({ ...header, alg: 'none' })}.${base64url(claims)}.`
/** The same token with other members, signed anew. */
export const resigned = (token: string, { header = {}, claims = {} }: Bent, signer: Parameters<SignJWT['sign']>[0]) =>
  new SignJWT({ ...decodeJwt(token), ...claims })
    .setProtectedHeader({ ...(decodeProtectedHeader(token) as { alg: string }), ...header })
    .sign(signer)
const base64url = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')

export const tokensIssued = (commits: RecordedCommit[]) =>
  commits.flatMap(({ facts }) => facts.filter(({ type }) => type === 'credence.identity.token.issued.v1'))

/** @returns what a request comes to: status, error, whether it gave a token, and how many were recorded as issued */
export const outcomes = (read: () => Promise<RecordedCommit[]>) => async (send: () => Promise<Answer>) => {
  const before = tokensIssued(await read()).length
  const { status, error, access_token } = await send()
  const issued = tokensIssued(await read()).length - before
  return { status, issued, ...(error ? { error } : {}), ...(access_token ? { token: true } : {}) }
}
/** Nothing came of it, for this reason. */
export const refusal = (error: string, status = 400) => ({ status, issued: 0, error })

const now = () => Math.floor(Date.now() / 1000)

const ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
/** That of the blueprint of the house. */
export const REDIRECT_URI = 'https://agents.acme.example/callback'
/** RFC 7636 §4.1, §4.2 */
export const VERIFIER = 'v'.repeat(43)
export const CHALLENGE = createHash('sha256').update(VERIFIER).digest('base64url')

export type Pushed = {
  status: number
  head: string
  error?: string
  error_description?: string
  request_uri?: string
  expires_in?: number
}

const encoded = (all: Fields): URLSearchParams =>
  new URLSearchParams(
    Object.entries(all).flatMap(([name, value]) => [value ?? []].flat().map((one): [string, string] => [name, one])),
  )

/**
 * @param options.replica the port of another replica than the one that the issuer names
 * @param options.certificate of the client, for the connection (RFC 8705)
 */
export function tokenClient(
  issuer: string,
  caFile: string,
  options: { replica?: number; certificate?: { certFile: string; keyFile: string } } = {},
) {
  const endpoint = `${issuer}/token`

  const assertion = (holder: Holder, parts: AssertionParts = {}): Promise<string> => {
    const { aud = issuer, jti = randomUUID(), key = holder.key, exp = '60s', id = holder.spiffeId } = parts
    return new SignJWT({ aud: aud as string, iss: id, sub: id, jti, ...parts.claims })
      .setProtectedHeader({ alg: key.algorithm, ...parts.header })
      .setIssuedAt()
      .setExpirationTime(exp)
      .sign(parts.signer ?? key.privateKey)
  }
  const proof = (holder: Holder, parts: ProofParts = {}): Promise<string> => {
    const { key = holder.key, iat = now(), jti = randomUUID(), url = endpoint } = parts
    return new SignJWT({ htm: 'POST', htu: url, jti, iat, ...parts.claims })
      .setProtectedHeader({ alg: key.algorithm, typ: 'dpop+jwt', jwk: key.publicJwk, ...parts.header })
      .sign(parts.signer ?? key.privateKey)
  }
  /** The form of a good exchange, with some fields replaced (undefined: left out; an array: sent several times). */
  const form = async (holder: Holder, fields: Fields = {}, client: AssertionParts = {}): Promise<URLSearchParams> => {
    const all: Fields = {
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      client_id: client.id ?? holder.spiffeId,
      client_assertion_type: ASSERTION,
      client_assertion: await assertion(holder, client),
      subject_token: holder.delegationToken,
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      resource: CALENDAR,
      grant_id: holder.grant,
      ...fields,
    }
    return encoded(all)
  }
  const send = async (body: URLSearchParams, dpop?: string, headers: Headers = {}): Promise<Answer> => {
    const response = await raw({ body: body.toString(), headers: { ...(dpop ? { dpop } : {}), ...headers } })
    return { status: response.status, ...JSON.parse(response.text) }
  }
  /** What an agent pushes to ask a person (RFC 9126), with some fields replaced. */
  const push = async (
    holder: Holder,
    fields: Fields = {},
    bent: { client?: AssertionParts; proof?: ProofParts | false; headers?: Headers } = {},
  ): Promise<Pushed> => {
    const all: Fields = {
      client_id: bent.client?.id ?? holder.spiffeId,
      client_assertion_type: ASSERTION,
      client_assertion: await assertion(holder, bent.client),
      response_type: 'code',
      redirect_uri: REDIRECT_URI,
      state: 'abc',
      code_challenge: CHALLENGE,
      code_challenge_method: 'S256',
      authorization_details: JSON.stringify([detail()]),
      delegation_purpose: 'Book the team meeting',
      delegation_lifetime: '3600',
      delegation_depth: '1',
      ...fields,
    }
    const dpop = bent.proof === false ? undefined : await proof(holder, { url: `${issuer}/par`, ...bent.proof })
    const headers = { ...(dpop ? { dpop } : {}), ...bent.headers }
    const response = await raw({ path: '/par', body: encoded(all).toString(), headers })
    return { status: response.status, head: response.head, ...JSON.parse(response.text) }
  }
  /** One HTTP/1.1 request, byte by byte as it is wanted here: `fetch` would not send another Host. */
  function raw(request: { body?: string; path?: string; method?: string; headers?: Headers }) {
    const { body = '', path = '/token', method = 'POST' } = request
    const headers = {
      host: new URL(issuer).host,
      'content-type': 'application/x-www-form-urlencoded',
      'content-length': String(Buffer.byteLength(body)),
      connection: 'close',
      ...request.headers,
    }
    const head = Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : `${name}: ${value}\r\n`,
    )
    return new Promise<{ status: number; head: string; text: string }>((resolve, reject) => {
      const port = options.replica ?? Number(new URL(issuer).port)
      const { certFile, keyFile } = options.certificate ?? {}
      const own = certFile && keyFile ? { cert: readFileSync(certFile), key: readFileSync(keyFile) } : {}
      const target = { host: '127.0.0.1', port, servername: 'localhost', ca: readFileSync(caFile), ...own }
      const socket = connect(target, () => socket.write(`${method} ${path} HTTP/1.1\r\n${head.join('')}\r\n${body}`))
      let answer = ''
      socket.setEncoding('latin1')
      socket.on('data', (chunk) => {
        answer += chunk
      })
      const answered = () => {
        const end = answer.indexOf('\r\n\r\n')
        const top = answer.slice(0, end)
        const sent = answer.slice(end + 4)
        const text = Buffer.from(/^transfer-encoding: *chunked/im.test(top) ? joined(sent) : sent, 'latin1').toString()
        resolve({ status: Number(top.split(' ')[1]), head: top, text })
      }
      // A server that refuses early closes while this side still writes: what it said counts.
      socket.on('error', (error) => (answer ? answered() : reject(error)))
      socket.on('end', answered)
    })
  }
  /** A form of another grant, by an authenticated client. */
  const grant = async (holder: Holder, fields: Fields, bent: { client?: AssertionParts; proof?: ProofParts } = {}) => {
    const none = { subject_token: undefined, subject_token_type: undefined, resource: undefined, grant_id: undefined }
    return send(await form(holder, { ...none, ...fields }, bent.client), await proof(holder, bent.proof))
  }
  return {
    endpoint,
    grant,
    assertion,
    proof,
    form,
    send,
    push,
    raw,
    /** A whole exchange, with some fields and parts replaced. */
    exchange: async (
      holder: Holder,
      fields: Fields = {},
      bent: { client?: AssertionParts; proof?: ProofParts } = {},
    ): Promise<Answer> => send(await form(holder, fields, bent.client), await proof(holder, bent.proof)),
  }
}

/** A body that came in chunks (RFC 9112 §7.1). */
function joined(chunks: string): string {
  const [head = ''] = chunks.split('\r\n', 1)
  const start = head.length + 2
  const size = Number.parseInt(head, 16)
  return size > 0 ? chunks.slice(start, start + size) + joined(chunks.slice(start + size + 2)) : ''
}

type PartOf<Method extends 'register' | 'attest' | 'delegate' | 'grant'> = Parameters<House[Method]>[1]
export type WorkerParts = {
  register?: PartOf<'register'>
  result?: PartOf<'attest'>
  delegate?: PartOf<'delegate'>
  grant?: PartOf<'grant'>
}
type Registered = { id: string; spiffeId: string } | undefined
type Delegate = (agentId: string) => Promise<{ delegation?: Delegation | undefined; delegationToken: string }>

/** Agents at work that differ from the house's, and their children. */
export function workersOf(house: House) {
  const atWork = async (key: Key, agent: Registered, parts: WorkerParts, delegate: Delegate): Promise<Worker> => {
    const { id: agentId = '', spiffeId = '' } = agent ?? {}
    await house.attest(agentId, parts.result)
    await house.stateOf(agentId, 'ACTIVE')
    const { delegation, delegationToken } = await delegate(agentId)
    if (!delegation) throw new Error('no delegation')
    const task = await house.grant(delegation, parts.grant)
    return { key, agentId, spiffeId, delegation, delegationToken, ...task, client: house.asAgent(key, spiffeId) }
  }
  return {
    workerWith: async (parts: WorkerParts): Promise<Worker> => {
      const key = await newKey()
      const { agent } = await house.register(key, parts.register)
      return atWork(key, agent, parts, (agentId) => house.delegate(agentId, parts.delegate))
    },
    /** A child like its parent, with all that the parent holds. @param left how often it may pass that on */
    childOf: async (parent: Worker, left = 0): Promise<Worker> => {
      const key = await newKey()
      const { agent: like } = await house.security.getAgent({ agentId: parent.agentId, notBefore: [] })
      // Each generation ends before the one above it.
      const lifetimeSeconds = BigInt(2_000 + left * 100)
      const child = { ...like, publicJwk: JSON.stringify(key.publicJwk), lifetimeSeconds }
      const { agent } = await parent.client.spawnAgent(SpawnAgentRequest.create(child))
      const { id: delegationId, authorizationDetails } = parent.delegation
      const part = { delegationId, authorizationDetails, purpose: 'Help', lifetimeSeconds, maximumDepth: left }
      return atWork(key, agent, {}, (agentId) =>
        parent.client.passOnDelegation(PassOnDelegationRequest.create({ ...part, agentId })),
      )
    },
  }
}
