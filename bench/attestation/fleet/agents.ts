/** Agents of a fleet: registered, each with a key and a connection of its own, all made of the same files. */
import { AgentAutonomy, AgentKind } from '@credence/contracts/gen/credence/identity/v1/identity'
import { createEvidence } from '@credence/infra/demo/agent/evidence'
import { BLUEPRINT } from '@credence/infra/demo/builder/build'
import type { House } from '@credence/infra/dev/house'
import { AGENT_FOLDER, childModel } from '@credence/infra/dev/story/cast'
import { showEvidence } from '@credence/sdk/agent/attestation'
import { agentProof, newAgentKey } from '@credence/sdk/agent/key'
import { connectCredence } from '@credence/sdk/clients'

/** @throws Error when the evidence is refused */
export type Attest = () => Promise<void>

export type Fleet = { agents: Attest[]; close(): Promise<void> }

/** Registers so many, and has each attest once: after that it is as it goes on. */
export async function openFleet({ stack, company, cast }: House, count: number): Promise<Fleet> {
  const evidence = createEvidence({ folder: AGENT_FOLDER, manifest: cast.built.manifest })
  const { model, prompt, tool_manifest } = cast.built.composition
  const { trustDomain, authority } = stack
  const connection = { trustDomain, caFile: authority.caFile, addresses: company.profile.services }
  const open: { close(): void }[] = []
  const agents: Attest[] = []
  for (let number = 0; number < count; number++) {
    const key = await newAgentKey()
    const { agent, position } = await cast.platform.identity.registerAgent({
      blueprint: BLUEPRINT,
      purpose: 'Work',
      kind: AgentKind.AGENT_KIND_EPHEMERAL,
      autonomy: AgentAutonomy.AGENT_AUTONOMY_DELEGATED,
      model: childModel(model),
      promptDigest: prompt,
      toolManifestDigest: tool_manifest,
      publicJwk: JSON.stringify(key.publicJwk),
      lifetimeSeconds: 86_400n,
      labels: {},
    })
    const { id: agentId = '', spiffeId = '' } = agent ?? {}
    const clients = connectCredence({ ...connection, credential: agentProof(key, spiffeId) })
    open.push(clients)
    const attest = async (notBefore: string[] = []) => {
      const shown = await showEvidence({ clients, key, agentId, spiffeId }, evidence.collect, notBefore)
      if (!shown.accepted) throw new Error(`an attestation was refused: ${shown.reasons.join(', ')}`)
    }
    await attest([position])
    agents.push(() => attest())
  }
  const close = async () => {
    for (const clients of open) clients.close()
    await evidence.close()
  }
  return { agents, close }
}
