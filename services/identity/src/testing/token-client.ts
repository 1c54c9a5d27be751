/** The token endpoint as an agent, or an attacker, calls it: every part of the request can be bent. */
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { connect } from 'node:tls'
import { type CryptoKey, calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import { CALENDAR } from '../../../../infra/testing/facts.ts'

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
export type AssertionParts = { aud?: unknown; jti?: string; key?: Key; exp?: string; id?: string }
export type ProofParts = { key?: Key; iat?: number; jti?: string; url?: string }
export type Answer = {
  status: number
  error?: string
  error_description?: string
  access_token?: string
  token_type?: string
  issued_token_type?: string
  expires_in?: number
  authorization_details?: unknown
}
export type Fields = Record<string, string | string[] | undefined>

const now = () => Math.floor(Date.now() / 1000)

export function tokenClient(issuer: string, caFile: string) {
  const endpoint = `${issuer}/token`

  const assertion = (holder: Holder, parts: AssertionParts = {}): Promise<string> => {
    const { aud = issuer, jti = randomUUID(), key = holder.key, exp = '60s', id = holder.spiffeId } = parts
    return new SignJWT({ aud: aud as string })
      .setProtectedHeader({ alg: key.algorithm })
      .setIssuer(id)
      .setSubject(id)
      .setJti(jti)
      .setIssuedAt()
      .setExpirationTime(exp)
      .sign(key.privateKey)
  }
  const proof = (holder: Holder, parts: ProofParts = {}): Promise<string> => {
    const { key = holder.key, iat = now(), jti = randomUUID(), url = endpoint } = parts
    return new SignJWT({ htm: 'POST', htu: url, jti, iat })
      .setProtectedHeader({ alg: key.algorithm, typ: 'dpop+jwt', jwk: key.publicJwk })
      .sign(key.privateKey)
  }
  /** The form of a good exchange, with some fields replaced (undefined: left out; an array: sent several times). */
  const form = async (holder: Holder, fields: Fields = {}, client: AssertionParts = {}): Promise<URLSearchParams> => {
    const all: Fields = {
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      client_id: client.id ?? holder.spiffeId,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: await assertion(holder, client),
      subject_token: holder.delegationToken,
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      resource: CALENDAR,
      grant_id: holder.grant,
      ...fields,
    }
    const pairs = Object.entries(all).flatMap(([name, value]) =>
      [value ?? []].flat().map((one): [string, string] => [name, one]),
    )
    return new URLSearchParams(pairs)
  }
  const send = async (body: URLSearchParams, dpop?: string, headers: Record<string, string> = {}): Promise<Answer> => {
    const response = await raw({ body: body.toString(), headers: { ...(dpop ? { dpop } : {}), ...headers } })
    return { status: response.status, ...JSON.parse(response.text) }
  }
  /** One HTTP/1.1 request, byte by byte as it is wanted here: `fetch` would not send another Host. */
  function raw(request: { body?: string; path?: string; method?: string; headers?: Record<string, string> }) {
    const { body = '', path = '/token', method = 'POST' } = request
    const headers = {
      host: new URL(issuer).host,
      'content-type': 'application/x-www-form-urlencoded',
      'content-length': String(Buffer.byteLength(body)),
      connection: 'close',
      ...request.headers,
    }
    const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
    return new Promise<{ status: number; head: string; text: string }>((resolve, reject) => {
      const port = Number(new URL(issuer).port)
      const target = { host: '127.0.0.1', port, servername: 'localhost', ca: readFileSync(caFile) }
      const socket = connect(target, () => socket.write(`${method} ${path} HTTP/1.1\r\n${head.join('')}\r\n${body}`))
      let answer = ''
      socket.on('data', (chunk) => {
        answer += chunk
      })
      socket.on('error', reject)
      socket.on('end', () => {
        const [top = '', text = ''] = answer.split('\r\n\r\n', 2)
        resolve({ status: Number(top.split(' ')[1]), head: top, text })
      })
    })
  }
  return {
    endpoint,
    assertion,
    proof,
    form,
    send,
    raw,
    /** A whole exchange, with some fields and parts replaced. */
    exchange: async (
      holder: Holder,
      fields: Fields = {},
      bent: { client?: AssertionParts; proof?: ProofParts } = {},
    ): Promise<Answer> => send(await form(holder, fields, bent.client), await proof(holder, bent.proof)),
  }
}
