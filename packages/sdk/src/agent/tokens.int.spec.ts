/** The agent's side of the token endpoint, in front of servers that are not what they seem. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openAuthority } from '../../../../infra/dev/pki.ts'
import { tlsFetch } from '../tls-fetch.ts'
import { newAgentKey } from './key.ts'
import { openTokens } from './tokens.ts'

let folder: string
let server: Server
let http: ReturnType<typeof tlsFetch>
let issuer: string
/** What the metadata says, beside the endpoints. */
let told: Record<string, unknown>
let requests: { path: string; body: string }[]

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'credence-sdk-'))
  const authority = await openAuthority(folder, 'acme.example')
  const tls = await authority.issue('as', 'spiffe://acme.example/as')
  http = tlsFetch(authority.caFile)
  const options = { cert: readFileSync(tls.certFile), key: readFileSync(tls.keyFile) }
  server = createServer(options, async (request, response) => {
    requests.push({ path: request.url ?? '', body: await bodyOf(request) })
    const metadata = { token_endpoint: `${issuer}/token`, jwks_uri: `${issuer}/jwks`, ...told }
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(metadata))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  issuer = `https://localhost:${(server.address() as AddressInfo).port}`
}, 60_000)
afterAll(async () => {
  await http?.close()
  server?.closeAllConnections()
  await new Promise((resolve) => server?.close(resolve))
  rmSync(folder, { recursive: true, force: true })
})

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}
/** Opens the endpoint and asks it for a token. */
async function asks() {
  const key = await newAgentKey()
  const tokens = await openTokens({ issuer, spiffeId: 'spiffe://acme.example/agent/a/b', key, fetch: http.fetch })
  return tokens.begin({ subject: { delegationToken: 'd' }, resource: 'https://calendar.acme.example' })
}

describe('an agent', () => {
  it('client-checks-issuer-before-signing: RFC 8414 §3.3, signs nothing for a server whose metadata names another issuer', async () => {
    for (const other of [
      'https://evil.example',
      `${issuer}/`,
      `${issuer}/tenant`,
      issuer.toUpperCase(),
      '',
      undefined,
    ]) {
      told = { issuer: other }
      requests = []
      await expect(asks(), `${other}`).rejects.toThrow()
      expect(requests.map(({ path }) => path)).toEqual(['/.well-known/oauth-authorization-server'])
      expect(requests.map(({ body }) => body).join()).not.toContain('client_assertion')
    }
  })

  it('signs for that issuer alone, as the one audience: draft-ietf-oauth-rfc7523bis §4', async () => {
    told = { issuer }
    requests = []
    await expect(asks()).rejects.toThrow()
    const [, { path, body } = { path: '', body: '' }] = requests
    expect(path).toBe('/token')
    const assertion = new URLSearchParams(body).get('client_assertion') ?? ''
    const claims = JSON.parse(Buffer.from(assertion.split('.')[1] ?? '', 'base64url').toString())
    expect(claims.aud).toBe(issuer)
  })
})
