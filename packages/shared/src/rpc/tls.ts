/** mTLS between workloads: certificates carry SPIFFE IDs (SPIFFE X509-SVID §2), and both ends look at them. */
import { readFileSync } from 'node:fs'
import type { PeerCertificate } from 'node:tls'
import { ChannelCredentials, ServerCredentials } from '@grpc/grpc-js'

export type TlsFiles = { caFile: string; certFile: string; keyFile: string }

const read = (files: TlsFiles) => ({
  ca: readFileSync(files.caFile),
  cert_chain: readFileSync(files.certFile),
  private_key: readFileSync(files.keyFile),
})

/** The one URI SAN of a certificate; undefined when there is none or more than one. */
export function spiffeIdOf(certificate: Pick<PeerCertificate, 'subjectaltname'> | undefined): string | undefined {
  const uris = (certificate?.subjectaltname ?? '').split(', ').filter((name) => name.startsWith('URI:'))
  const [only] = uris
  return uris.length === 1 && only ? only.slice('URI:'.length) : undefined
}

/** For workloads: a client certificate of our CA is demanded. */
export function meshCredentials(files: TlsFiles): ServerCredentials {
  const { ca, ...pair } = read(files)
  return ServerCredentials.createSsl(ca, [pair], true)
}

/** For agents and people, who prove themselves inside the call: only the server shows a certificate. */
export function publicCredentials(files: TlsFiles): ServerCredentials {
  const { ca, ...pair } = read(files)
  return ServerCredentials.createSsl(ca, [pair], false)
}

/** A client's side. The server must hold the expected SPIFFE ID; without `files` no client certificate is shown. */
export function clientCredentials(caFile: string, serverId: string, files?: TlsFiles): ChannelCredentials {
  const pair = files && read(files)
  return ChannelCredentials.createSsl(readFileSync(caFile), pair?.private_key, pair?.cert_chain, {
    checkServerIdentity: (_host: string, certificate: PeerCertificate) => {
      const id = spiffeIdOf(certificate)
      return id === serverId ? undefined : new Error(`The server is ${id ?? 'nobody'}; expected ${serverId}.`)
    },
  })
}
