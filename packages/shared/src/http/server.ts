/** An HTTPS listener with a clear message when its port is taken, and an orderly end. */
import { readFileSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { createServer, type ServerOptions } from 'node:https'
import { CredenceError } from '@credence/contracts/errors'
import type { TlsFiles } from '../rpc/tls.ts'

export type HttpServer = { stop(): Promise<void> }

/** How often certificate and authorities are read again: both are followed by others long before they end. */
const REFRESH_MS = 60_000

/**
 * @param address host:port
 * @param options.clientAuthorities PEM, as they are now: clients are asked for a certificate by one of these, and may go
 *   without; whoever reads the certificate has to verify it. Undefined: nobody is asked.
 * @param options.settings of the server, where they differ from ours
 * @param options.maxConnections further ones are closed at once
 */
export function serveHttps(
  address: string,
  tls: TlsFiles,
  listener: RequestListener,
  options: { clientAuthorities?: () => string[]; settings?: ServerOptions; maxConnections?: number } = {},
): Promise<HttpServer> {
  const cut = address.lastIndexOf(':')
  const { clientAuthorities } = options
  const secureContext = () => ({
    cert: readFileSync(tls.certFile),
    key: readFileSync(tls.keyFile),
    ...(clientAuthorities ? { ca: clientAuthorities() } : {}),
  })
  const server = createServer(
    {
      ...secureContext(),
      maxHeaderSize: 32 * 1024,
      requestTimeout: 15_000,
      headersTimeout: 10_000,
      ...options.settings,
      ...(clientAuthorities ? { requestCert: true, rejectUnauthorized: false } : {}),
    },
    listener,
  )
  if (options.maxConnections) server.maxConnections = options.maxConnections
  const refresh = setInterval(() => {
    try {
      server.setSecureContext(secureContext())
    } catch {
      // A file that is being replaced: what was read before serves until the next turn.
    }
  }, REFRESH_MS).unref()
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      const hint = `Cannot listen on ${address}: is something else using this port? Stop it, or configure another.`
      reject(new CredenceError('unavailable', 'address_in_use', hint, [], error))
    })
    server.listen(Number(address.slice(cut + 1)), address.slice(0, cut), () =>
      resolve({
        stop: () =>
          new Promise((done) => {
            clearInterval(refresh)
            server.close(() => done())
            server.closeIdleConnections()
            setTimeout(() => server.closeAllConnections(), 2_000).unref()
          }),
      }),
    )
  })
}
