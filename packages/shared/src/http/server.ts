/** An HTTPS listener with a clear message when its port is taken, and an orderly end. */
import { readFileSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { createServer } from 'node:https'
import { CredenceError } from '@credence/contracts/errors'
import type { TlsFiles } from '../rpc/tls.ts'

export type HttpServer = { stop(): Promise<void> }

/** @param address host:port */
export function serveHttps(
  address: string,
  tls: TlsFiles,
  listener: RequestListener,
  options: { requestCertificate?: boolean } = {},
): Promise<HttpServer> {
  const cut = address.lastIndexOf(':')
  const server = createServer(
    {
      cert: readFileSync(tls.certFile),
      key: readFileSync(tls.keyFile),
      // Asked for, not demanded: who shows none proves themselves inside the request.
      ca: readFileSync(tls.caFile),
      requestCert: options.requestCertificate ?? false,
      rejectUnauthorized: false,
      maxHeaderSize: 32 * 1024,
      requestTimeout: 15_000,
      headersTimeout: 10_000,
    },
    listener,
  )
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      const hint = `Cannot listen on ${address}: is something else using this port? Stop it, or configure another.`
      reject(new CredenceError('unavailable', 'address_in_use', hint, [], error))
    })
    server.listen(Number(address.slice(cut + 1)), address.slice(0, cut), () =>
      resolve({
        stop: () =>
          new Promise((done) => {
            server.close(() => done())
            server.closeIdleConnections()
            setTimeout(() => server.closeAllConnections(), 2_000).unref()
          }),
      }),
    )
  })
}
