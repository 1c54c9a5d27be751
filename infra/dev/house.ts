/** The real house for tests and benches: the development stack, the demo company, and agents at work. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AgentAutonomy, AgentKind } from '@credence/contracts/gen/credence/identity/v1/identity'
import { type Agent, createAgent, type Task } from '@credence/sdk/agent/agent'
import { type AgentKey, newAgentKey } from '@credence/sdk/agent/key'
import { createEvidence } from '../demo/agent/evidence.ts'
import { BLUEPRINT } from '../demo/builder/build.ts'
import { type Company, openCompany } from './company.ts'
import { type Stack, startStack } from './stack.ts'
import { AGENT_FOLDER, assemble, type Cast, childModel, furnish, NETWORKS } from './story/cast.ts'

/** `modelReference`: id of the reference value that approves the agents’ model. */
export type House = { stack: Stack; company: Company; cast: Cast; modelReference: string; close(): Promise<void> }

/** @param options.calendar another calendar than the company’s: agents are given authority there */
export async function openHouse(options: { calendar?: string } = {}): Promise<House> {
  const folder = mkdtempSync(join(tmpdir(), 'credence-house-'))
  const stack = await startStack({ folder })
  const company = { ...(await openCompany(stack)), ...options }
  const cast = await assemble(stack, company)
  const { modelReference } = await furnish(cast)
  const close = async () => {
    await cast.close()
    await stack.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  return { stack, company, cast, modelReference, close }
}

export type AtWork = { agent: Agent; agentId: string; key: AgentKey; task: Task }

/** From nothing to an agent with an open task: register → attest → delegate → open. */
export async function putToWork({ stack, company, cast }: House, given?: AgentKey): Promise<AtWork> {
  const key = given ?? (await newAgentKey())
  const evidence = createEvidence({ folder: AGENT_FOLDER, manifest: cast.built.manifest })
  const measurements = await evidence.composition()
  const { agent: registered, position } = await cast.platform.identity.registerAgent({
    blueprint: BLUEPRINT,
    purpose: 'Work',
    kind: AgentKind.AGENT_KIND_EPHEMERAL,
    autonomy: AgentAutonomy.AGENT_AUTONOMY_DELEGATED,
    model: childModel(measurements.model),
    promptDigest: measurements.prompt,
    toolManifestDigest: measurements.tool_manifest,
    publicJwk: JSON.stringify(key.publicJwk),
    lifetimeSeconds: 86_400n,
    labels: {},
  })
  const { id: agentId = '', spiffeId = '' } = registered ?? {}
  const connection = {
    trustDomain: stack.trustDomain,
    caFile: stack.authority.caFile,
    addresses: company.profile.services,
  }
  const agent = createAgent({ agentId, spiffeId, key, connection, issuer: stack.issuer, localAddress: NETWORKS.office })
  const attested = await agent.attest(evidence.collect, [position])
  await evidence.close()
  const granted = await cast.coordinator.identity.grantDelegation({
    agentId,
    authorizationDetails: cast.authority.scheduling,
    purpose: 'Work',
    lifetimeSeconds: 3_600n,
    maximumDepth: 0,
    notBefore: [],
    narrow: false,
  })
  const task = await agent.openTask({
    delegation: { delegationId: granted.delegation?.id ?? '', delegationToken: granted.delegationToken },
    trigger: { type: 'schedule', source: 'urn:house', id: agentId, digest: '0'.repeat(64) },
    purpose: 'Work',
    authorizationDetails: cast.authority.scheduling,
    lifetimeSeconds: 3_600,
    notBefore: [...attested.positions, granted.position],
  })
  return { agent, agentId, key, task }
}
