/** The house with people: an identity provider, the identity service that knows them, and the policy service as each. */
import { IdentityServiceClient, IdentityServiceService } from '@credence/contracts/gen/credence/identity/v1/identity'
import { PolicyServiceClient, PolicyServiceService } from '@credence/contracts/gen/credence/policy/v1/policy'
import { promised } from '@credence/shared/rpc/client'
import { clientCredentials } from '@credence/shared/rpc/tls'
import { startIssuer } from '../../../../infra/testing/issuer.ts'
import { openHouse } from './house.ts'

export type PeopleHouse = Awaited<ReturnType<typeof openPeopleHouse>>
export type Somebody = Awaited<ReturnType<PeopleHouse['person']>>

export async function openPeopleHouse() {
  const house = await openHouse()
  const { stack } = house
  const { ports, trustDomain, authority } = stack
  const issuer = await startIssuer({
    issuer: stack.idpIssuer,
    port: ports.idp,
    audience: stack.apiAudience,
    tls: await stack.workload('idp'),
  })
  await stack.start('identity')
  const closing: (() => unknown)[] = []
  const serverId = (service: string) => `spiffe://${trustDomain}/service/${service}`

  const tls = await stack.workload('service/test')
  const identity = promised(
    new IdentityServiceClient(
      `localhost:${ports.identityMesh}`,
      clientCredentials(tls.caFile, serverId('identity'), tls),
    ),
    IdentityServiceService,
  )
  closing.push(identity.close)

  return {
    ...house,
    /** Somebody with an access token of the identity provider, by their pseudonym. */
    person: async (subject: string, ...groups: string[]) => {
      const token = await issuer.tokenFor({ subject, name: subject, groups })
      const about = { issuer: stack.idpIssuer, subject, displayName: subject }
      const { humanId: human } = await identity.resolveHuman(about)
      const credentials = clientCredentials(authority.caFile, serverId('policy'))
      const client = promised(
        new PolicyServiceClient(`127.0.0.1:${ports.policyPublic}`, credentials),
        PolicyServiceService,
        async () => ({ authorization: `Bearer ${token}` }),
      )
      closing.push(client.close)
      return { human, client, token }
    },
    close: async () => {
      for (const close of closing) close()
      await issuer.close()
      await house.close()
    },
  }
}
