/** The enterprise's identity provider in small: a real HTTPS server with metadata and keys, and tokens by jose. */
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { TlsFiles } from '@credence/shared/rpc/tls'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'

export type Person = { subject: string; name: string; groups?: string[] }

export async function startIssuer(options: { issuer: string; port: number; audience: string; tls: TlsFiles }) {
  const { issuer, port, audience, tls } = options
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const served: Record<string, object> = {
    '/.well-known/openid-configuration': { issuer, jwks_uri: `${issuer}/jwks` },
    '/jwks': { keys: [{ ...(await exportJWK(publicKey)), kid: 'test', alg: 'ES256', use: 'sig' }] },
  }
  const server = createServer(
    { cert: readFileSync(tls.certFile), key: readFileSync(tls.keyFile) },
    (request, response) => {
      const body = served[request.url ?? '']
      response.writeHead(body ? 200 : 404, { 'content-type': 'application/json' }).end(JSON.stringify(body ?? {}))
    },
  )
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  return {
    /** An access token (RFC 9068) of a person. */
    tokenFor: (
      { subject, name, groups = [] }: Person,
      bent: { header?: { typ?: string }; claims?: Record<string, unknown>; exp?: string | Date } = {},
    ) =>
      new SignJWT({
        name,
        groups,
        iss: issuer,
        aud: audience,
        sub: subject,
        ...bent.claims,
      })
        .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: 'test', ...bent.header })
        .setIssuedAt()
        .setExpirationTime(bent.exp ?? '1h')
        .sign(privateKey),
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
