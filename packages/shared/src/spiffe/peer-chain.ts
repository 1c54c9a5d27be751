import type { X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'

const MAX_CHAIN = 5

/** What a peer sent of certificates (DER), its own first. TLS has shown that it holds the key of that one; nothing else is verified here. */
export function peerChain(socket: TLSSocket): Uint8Array[] {
  const chain: Uint8Array[] = []
  let next: X509Certificate | undefined = socket.getPeerX509Certificate?.()
  for (; next && chain.length < MAX_CHAIN; next = next.issuerCertificate) {
    if (chain.some((der) => next?.raw.equals(der))) break
    chain.push(next.raw)
  }
  return chain
}
