/**
 * A server that speaks the two questions of a Kubernetes API server that we ask, over real TLS, and answers what a test
 * tells it: a peer’s protocol, with recorded answers, for what a real one would not do (api-server.e2e.spec.ts has a real one).
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { openAuthority } from '../../../../infra/dev/pki.ts'
import type { ClusterAccess } from '../adapters/kubernetes/clusters.ts'

export type Reply = { status?: number; headers?: Record<string, string>; json?: unknown; text?: string }
/** What is answered, or how. */
export type Behaviour = Reply | ((request: IncomingMessage, response: ServerResponse) => void)
export type Asked = { method: string; path: string; authorization: string; body: string }

export async function startApiServer(folder: string) {
  mkdirSync(folder, { recursive: true })
  const authority = await openAuthority(join(folder, 'pki'), 'kubernetes.example')
  const tls = await authority.issue('apiserver', 'spiffe://kubernetes.example/apiserver')
  const asked: Asked[] = []
  let behaviours: { review: Behaviour; pod: Behaviour } = { review: {}, pod: {} }
  const server = createServer(
    { cert: readFileSync(tls.certFile), key: readFileSync(tls.keyFile) },
    async (request, response) => {
      const { method = '', url: path = '', headers } = request
      const chunks: Uint8Array[] = []
      for await (const chunk of request) chunks.push(chunk)
      const body = Buffer.concat(chunks).toString()
      asked.push({ method, path, authorization: headers.authorization ?? '', body })
      const behaviour = path.endsWith('/tokenreviews') ? behaviours.review : behaviours.pod
      if (typeof behaviour === 'function') return behaviour(request, response)
      const { status = 200, headers: sent = { 'content-type': 'application/json' }, json, text } = behaviour
      response.writeHead(status, sent).end(text ?? JSON.stringify(json))
    },
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const tokenFile = join(folder, 'reviewer-token')
  writeFileSync(tokenFile, 'reviewer-token')
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    tokenFile,
    access: { server: url, ca_file: authority.caFile, token_file: tokenFile } satisfies ClusterAccess,
    asked,
    answers: (next: typeof behaviours) => {
      asked.length = 0
      behaviours = next
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
