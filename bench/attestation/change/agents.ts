/** Agents at work whose files may be changed: each has a copy of its own, and an enforcement point that asks for it. */
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type CheckResponse, Decision } from '@credence/contracts/gen/credence/policy/v1/policy'
import { createEvidence, madeIn } from '@credence/infra/demo/agent/evidence'
import { type House, putToWork } from '@credence/infra/dev/house'
import { AGENT_FOLDER } from '@credence/infra/dev/story/cast'
import { checkRequest } from '@credence/infra/testing/check'
import { openAgentKey } from '@credence/sdk/agent/key-file'
import { connectCredence } from '@credence/sdk/clients'
import { decodeJwt } from 'jose'

export type Watched = {
  agentId: string
  configFile: string
  /** The file that is changed. */
  prompt: string
  check(): Promise<CheckResponse>
  /** Without its attester. @throws Error when it is refused */
  attest(): Promise<void>
}

export type EnforcementPoint = { agents: Watched[]; close(): Promise<void> }

export const allowed = ({ decision }: CheckResponse): boolean => decision === Decision.DECISION_ALLOW

/** Registered, attested, and with a task, a grant and a token: what it asks for is allowed. */
export async function openWatched(house: House, count: number): Promise<EnforcementPoint> {
  const { stack, company } = house
  const { trustDomain, authority, ports } = stack
  const clients = connectCredence({
    trustDomain,
    caFile: authority.caFile,
    tls: await stack.workload('enforcement-point/calendar'),
    addresses: { policy: `localhost:${ports.policyMesh}` },
  })
  const evidence = createEvidence({ folder: AGENT_FOLDER, manifest: house.cast.built.manifest })
  const agents: Watched[] = []
  const open: { close(): unknown }[] = [clients, evidence]
  for (let number = 0; number < count; number++) {
    const folder = join(stack.folder, 'watched', String(number))
    const keyFile = join(folder, 'agent.pem')
    const { agent, agentId, task } = await putToWork(house, await openAgentKey(keyFile))
    const token = await agent.tokenFor(task, company.calendar)
    const question = checkRequest({
      agentId,
      grantId: task.grantId,
      tokenId: String(decodeJwt(token.value).jti),
      action: 'calendar.book',
      resource: { type: 'CalendarEvent', id: 'new', sensitivity: 'internal' },
      location: company.calendar,
    })
    agents.push({
      agentId,
      ...configured(house, folder, { agentId, spiffeId: agent.spiffeId, keyFile }),
      check: () => clients.policy.check(question),
      attest: async () => {
        const { accepted, reasons } = await agent.attest(evidence.collect)
        if (!accepted) throw new Error(`an attestation was refused: ${reasons.join(', ')}`)
      },
    })
    open.push(agent)
  }
  const close = async () => {
    for (const one of open) await one.close()
  }
  return { agents, close }
}

/** The agent’s files in a folder, and the file of its attester. */
function configured(
  { stack, company, cast }: House,
  folder: string,
  { agentId, spiffeId, keyFile }: { agentId: string; spiffeId: string; keyFile: string },
): { configFile: string; prompt: string } {
  const files = join(folder, 'agent')
  mkdirSync(files, { recursive: true })
  cpSync(AGENT_FOLDER, files, { recursive: true })
  const { program, prompt, tools, model } = madeIn(files)
  const configFile = join(folder, 'attester.json')
  const config = {
    agent_id: agentId,
    spiffe_id: spiffeId,
    key_file: keyFile,
    service: company.profile.services.attestation,
    ca_file: stack.authority.caFile,
    program,
    prompt,
    tools,
    model,
    evidence: { 'agent-manifest': { file: cast.built.manifest }, 'model-signing': {} },
    recheck_seconds: 3_600,
  }
  writeFileSync(configFile, JSON.stringify(config))
  return { configFile, prompt }
}
