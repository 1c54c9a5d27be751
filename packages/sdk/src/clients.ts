/** Typed clients of the four services. */
import {
  AttestationServiceClient,
  AttestationServiceService,
} from '@credence/contracts/gen/credence/attestation/v1/attestation'
import { AuditServiceClient, AuditServiceService } from '@credence/contracts/gen/credence/audit/v1/audit'
import { IdentityServiceClient, IdentityServiceService } from '@credence/contracts/gen/credence/identity/v1/identity'
import { PolicyServiceClient, PolicyServiceService } from '@credence/contracts/gen/credence/policy/v1/policy'
import { CHANNEL, type Credential, type Promised, promised } from '@credence/shared/rpc/client'
import { clientCredentials, type TlsFiles } from '@credence/shared/rpc/tls'
import type { ChannelCredentials } from '@grpc/grpc-js'

export type ServiceName = 'identity' | 'policy' | 'attestation' | 'audit'

export type Connection = {
  trustDomain: string
  caFile: string
  /** host:port of each service: its workload listener with `tls`, its public listener with `credential`. */
  addresses: Partial<Record<ServiceName, string>>
  /** Client certificate of a workload. */
  tls?: TlsFiles
  /** Makes the credential of a person or an agent for calls to the service with this SPIFFE ID. */
  credential?: (audience: string) => Credential
}

export type Clients = {
  identity: Promised<IdentityServiceClient>
  policy: Promised<PolicyServiceClient>
  attestation: Promised<AttestationServiceClient>
  audit: Promised<AuditServiceClient>
  close(): void
}

/** Connects on first use. Every method throws CredenceError with the server's status, reason and field violations. */
export function connectCredence(connection: Connection): Clients {
  const open: { close(): void }[] = []
  const made = <C extends { close(): void }>(
    service: ServiceName,
    make: (address: string, channel: ChannelCredentials) => C,
  ) => {
    let client: C | undefined
    return (): C => {
      if (client) return client
      const address = connection.addresses[service]
      if (!address) throw new Error(`No address of ${service} was given.`)
      const id = `spiffe://${connection.trustDomain}/service/${service}`
      client = make(address, clientCredentials(connection.caFile, id, connection.tls))
      open.push(client)
      return client
    }
  }
  const credential = (service: ServiceName) =>
    connection.credential?.(`spiffe://${connection.trustDomain}/service/${service}`)
  const identity = made('identity', (at, channel) =>
    promised(new IdentityServiceClient(at, channel, CHANNEL), IdentityServiceService, credential('identity')),
  )
  const policy = made('policy', (at, channel) =>
    promised(new PolicyServiceClient(at, channel, CHANNEL), PolicyServiceService, credential('policy')),
  )
  const attestation = made('attestation', (at, channel) =>
    promised(new AttestationServiceClient(at, channel, CHANNEL), AttestationServiceService, credential('attestation')),
  )
  const audit = made('audit', (at, channel) =>
    promised(new AuditServiceClient(at, channel, CHANNEL), AuditServiceService, credential('audit')),
  )
  return {
    get identity() {
      return identity()
    },
    get policy() {
      return policy()
    },
    get attestation() {
      return attestation()
    },
    get audit() {
      return audit()
    },
    close: () => {
      for (const client of open) client.close()
    },
  }
}

/** A person's access token, for `Connection.credential`. */
export const bearer = (token: string) => (): Credential => async () => ({ authorization: `Bearer ${token}` })
