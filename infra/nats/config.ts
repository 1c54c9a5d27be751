/** The configuration of a NATS server for Credence: TLS both ways, one nkey a service, JetStream on disk. */
import type { TlsFiles } from '@credence/shared/rpc/tls'
import { bootstrapPermissions, type Permissions, permissionsOf, SERVICES } from './permissions.ts'

export type NatsConfig = {
  host: string
  port: number
  storeDir: string
  tls: TlsFiles
  /** Public nkey of each service, and of `bootstrap`. */
  nkeys: Record<string, string>
}

const list = (subjects: string[]): string => `[${subjects.map((subject) => JSON.stringify(subject)).join(', ')}]`

const user = (nkey: string, { publish, subscribe }: Permissions): string =>
  `    { nkey: ${nkey}, permissions: { publish: { allow: ${list(publish)} }, subscribe: { allow: ${list(subscribe)} } } }`

/** Works from nats-server 2.9 on. */
export function natsConfig({ host, port, storeDir, tls, nkeys }: NatsConfig): string {
  const users = [...SERVICES, 'bootstrap'].flatMap((name) => {
    const nkey = nkeys[name]
    return nkey ? [user(nkey, name === 'bootstrap' ? bootstrapPermissions : permissionsOf(name))] : []
  })
  return `server_name: credence
listen: "${host}:${port}"
max_payload: 1MB
write_deadline: "10s"
tls {
  cert_file: ${JSON.stringify(tls.certFile)}
  key_file: ${JSON.stringify(tls.keyFile)}
  ca_file: ${JSON.stringify(tls.caFile)}
  verify: true
}
jetstream {
  store_dir: ${JSON.stringify(storeDir)}
}
authorization {
  users: [
${users.join(',\n')}
  ]
}
`
}
