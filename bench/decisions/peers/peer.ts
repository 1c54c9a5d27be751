/** How a peer is run. */
import type { TlsFiles } from '@credence/shared/rpc/tls'

export type PeerOptions = {
  name: string
  program: string
  /** For its configuration, rules and logs. */
  folder: string
  /** Absent: plain HTTP. */
  tls?: TlsFiles
  /** Keeps a log of its decisions. */
  record: boolean
}
