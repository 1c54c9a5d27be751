/** Typed clients of the four services. */
import {
  AttestationServiceClient,
  AttestationServiceService,
} from '@credence/contracts/gen/credence/attestation/v1/attestation'
import { AuditServiceClient, AuditServiceService } from '@credence/contracts/gen/credence/audit/v1/audit'
import { IdentityServiceClient, IdentityServiceService } from '@credence/contracts/gen/credence/identity/v1/identity'
import { PolicyServiceClient, PolicyServiceService } from '@credence/contracts/gen/credence/policy/v1/policy'
import { type Credential, type Promised, promised } from '@credence/shared/rpc/client'
import { clientCredentials, type TlsFiles } from '@credence/shared/rpc/tls'

export type ServiceName = 'identity' | 'policy' | 'attestation' | 'audit'

export type Connection = {
  trustDomain: string
  caFile: string
  /** host:port of each service: its workload listener with `tls`, its public listener with `credential`. */
  addresses: Record<ServiceName, string>
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
  const serverId = (service: ServiceName) => `spiffe://${connection.trustDomain}/service/${service}`
  const credentials = (service: ServiceName) => clientCredentials(connection.caFile, serverId(service), connection.tls)
  const credential = (service: ServiceName) => connection.credential?.(serverId(service))
  const { addresses } = connection
  const identity = new IdentityServiceClient(addresses.identity, credentials('identity'))
  const policy = new PolicyServiceClient(addresses.policy, credentials('policy'))
  const attestation = new AttestationServiceClient(addresses.attestation, credentials('attestation'))
  const audit = new AuditServiceClient(addresses.audit, credentials('audit'))
  return {
    identity: promised(identity, IdentityServiceService, credential('identity')),
    policy: promised(policy, PolicyServiceService, credential('policy')),
    attestation: promised(attestation, AttestationServiceService, credential('attestation')),
    audit: promised(audit, AuditServiceService, credential('audit')),
    close: () => {
      for (const client of [identity, policy, attestation, audit]) client.close()
    },
  }
}

/** A person's access token, for `Connection.credential`. */
export const bearer = (token: string) => (): Credential => async () => ({ authorization: `Bearer ${token}` })
