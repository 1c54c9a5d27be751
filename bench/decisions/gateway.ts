/** The enforcement point that asks over HTTP: an agent of the company with a key, and identity's JWT-SVIDs for it. */
import { IdentityServiceClient, IdentityServiceService } from '@credence/contracts/gen/credence/identity/v1/identity'
import type { Stack } from '@credence/infra/dev/stack'
import { signAgentProof } from '@credence/shared/callers/agent-proof'
import { newId } from '@credence/shared/ids'
import { promised } from '@credence/shared/rpc/client'
import { clientCredentials } from '@credence/shared/rpc/tls'
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose'
import { addAgent, addBlueprint, openWriters } from './settle.ts'

export const GATEWAYS = 'gateway'
const NOWHERE = { name: 'gateway', resourceType: 'Gateway', location: 'https://gateway.acme.example' }

export type Gateway = {
  /** `Bearer <JWT-SVID>`: a new one when the last is not fresh any more. */
  authorization(): Promise<string>
  close(): void
}

/** A JWT-SVID lives for five minutes. */
const FRESH_MS = 120_000

/** Registers it in the streams. Call `open` once identity runs. */
export async function addGateway(stack: Stack): Promise<{ open(): Gateway }> {
  const { privateKey, publicKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true })
  const { x = '' } = await exportJWK(publicKey)
  const public_jwk = { kty: 'OKP', crv: 'Ed25519', x } as const
  const agent = newId('agt')
  const sponsor = newId('hum')
  const { write, close } = await openWriters(stack)
  await write('IDENTITY', `human/${sponsor}`, {
    type: 'credence.identity.human.recognised.v1',
    data: { human: sponsor },
  })
  await addBlueprint(write, GATEWAYS, [{ ...NOWHERE, blueprints: ['', '', ''], held: '' }], [sponsor, sponsor])
  const about = { id: agent, blueprint: GATEWAYS, attestationStatus: 'affirming' as const }
  const key = { public_jwk, key_thumbprint: await calculateJwkThumbprint(public_jwk) }
  await addAgent(write, { trustDomain: stack.trustDomain, agent: about, sponsor }, key)
  await close()

  const identityId = `spiffe://${stack.trustDomain}/service/identity`
  const spiffeId = `spiffe://${stack.trustDomain}/agent/${GATEWAYS}/${agent}`
  const open = (): Gateway => {
    const client = promised(
      new IdentityServiceClient(
        `localhost:${stack.ports.identityPublic}`,
        clientCredentials(stack.authority.caFile, identityId),
      ),
      IdentityServiceService,
      async (path, request) => ({
        'agent-proof': await signAgentProof(privateKey, {
          algorithm: 'EdDSA',
          spiffeId,
          audience: identityId,
          path,
          request,
        }),
      }),
    )
    let held = { authorization: '', until: 0 }
    return {
      authorization: async () => {
        if (held.until > Date.now()) return held.authorization
        const { token } = await client.issueJwtSvid({ audience: stack.decisionPoint, lifetimeSeconds: 0n })
        held = { authorization: `Bearer ${token}`, until: Date.now() + FRESH_MS }
        return held.authorization
      },
      close: client.close,
    }
  }
  return { open }
}
