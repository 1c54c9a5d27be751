/** What an agent’s client signs, and for whom: metadata that names another issuer ends it before anything is signed. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openAuthority } from '../../../../infra/dev/pki.ts'
import { freePorts } from '../../../../infra/dev/ports.ts'
import { tlsFetch } from '../tls-fetch.ts'
import { newAgentKey } from './key.ts'
import { openTokens } from './tokens.ts'

const SPIFFE_ID = 'spiffe://acme.example/agent/x/agt_1'
const folder = mkdtempSync(join(tmpdir(), 'credence-tokens-'))
const asked: string[] = []
let issuer = ''
let metadata: object = {}
let http: ReturnType<typeof tlsFetch>
let close: () => void

beforeAll(async () => {
  const authority = await openAuthority(folder, 'acme.example')
  const tls = await authority.issue('server', 'spiffe://acme.example/server')
  const [port = 0] = await freePorts(1)
  issuer = `https://localhost:${port}`
  const server = createServer(
    { cert: readFileSync(tls.certFile), key: readFileSync(tls.keyFile) },
    (request, response) => {
      asked.push(`${request.method} ${request.url}`)
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(metadata))
    },
  )
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  http = tlsFetch(authority.caFile)
  close = () => server.close()
})
afterAll(async () => {
  await http?.close()
  close?.()
  rmSync(folder, { recursive: true, force: true })
})

describe('an agent’s client', () => {
  for (const [name, other] of [
    ['another server', () => 'https://evil.example'],
    ['the same with a slash', () => `${issuer}/`],
    ['no issuer', () => undefined],
  ] as const)
    it(`client-checks-issuer-before-signing: RFC 8414 §3.3, metadata of ${name} is refused, and no assertion leaves`, async () => {
      asked.length = 0
      metadata = { issuer: other(), token_endpoint: `${issuer}/token`, jwks_uri: `${issuer}/jwks` }
      const open = openTokens({ issuer, spiffeId: SPIFFE_ID, key: await newAgentKey(), fetch: http.fetch })
      await expect(open).rejects.toThrow()
      expect(asked).toEqual(['GET /.well-known/oauth-authorization-server'])
    })
})
