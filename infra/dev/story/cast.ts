/** Who takes part in the story, and what is in place before it begins. */
import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { AuthorizationDetail } from '@credence/contracts/authority'
import { CredenceError } from '@credence/contracts/errors'
import { AgentAutonomy, AgentKind } from '@credence/contracts/gen/credence/identity/v1/identity'
import type { AgentOptions } from '@credence/sdk/agent/agent'
import { measure } from '@credence/sdk/agent/measure'
import { type Clients, connectCredence } from '@credence/sdk/clients'
import { type AgentProcess, startAgentProcess } from '../agent-process.ts'
import { compositionFor, profileFor } from '../attestation.ts'
import type { Company } from '../company.ts'
import type { Stack } from '../stack.ts'

export const BLUEPRINT = 'meeting-scheduler'
export const AGENT_FOLDER = fileURLToPath(new URL('../../demo/agent/', import.meta.url))
const POLICIES = fileURLToPath(new URL('../policies.cedar', import.meta.url))
/** What may come next: decided and recorded beside them. */
const NEXT_POLICIES = fileURLToPath(new URL('../policies-next.cedar', import.meta.url))
const CHECKING = { deadlineMs: 60_000 }
/** Addresses of this machine that stand for two networks. */
export const NETWORKS = { office: '127.0.0.1', cafe: '127.0.0.66' }
const MODEL = { provider: 'acme', name: 'intent-small', version: '1.2.0' }
const DAY = 86_400n

export type Cast = {
  coordinator: Clients
  sponsor: Clients
  security: Clients
  /** The second person who signs off policies. */
  reviewer: Clients
  auditor: Clients
  platform: Clients
  /** What a meeting scheduler may hold at most, and what the coordinator delegates. */
  authority: {
    ceiling: AuthorizationDetail[]
    scheduling: AuthorizationDetail[]
    calendarOnly: AuthorizationDetail[]
    everything: AuthorizationDetail[]
  }
  processes: AgentProcess[]
  close(): void
}

export async function assemble(stack: Stack, company: Company): Promise<Cast> {
  const coordinator = await company.logIn('cora', 'me')
  const sponsor = await company.logIn('milan', 'sponsor')
  const security = await company.logIn('sofia', 'security')
  const reviewer = await company.logIn('noor', 'reviewer')
  const auditor = await company.logIn('aiko', 'auditor')
  const { ports } = stack
  const platform = connectCredence({
    trustDomain: stack.trustDomain,
    caFile: stack.authority.caFile,
    tls: await stack.workload('platform/workplace'),
    addresses: { identity: `localhost:${ports.identityMesh}` },
  })
  const processes: AgentProcess[] = []
  return {
    coordinator,
    sponsor,
    security,
    reviewer,
    auditor,
    platform,
    processes,
    authority: authorityOf(company),
    close: () => {
      for (const process of processes) process.stop()
      for (const clients of [coordinator, sponsor, security, reviewer, auditor, platform]) clients.close()
    },
  }
}

function authorityOf({ calendar, customers }: Company): Cast['authority'] {
  const detail = (location: string, actions: string[], resources: string[]): AuthorizationDetail => ({
    type: 'agent_permission',
    locations: [location],
    actions,
    resources,
  })
  const booking = detail(calendar, ['calendar.book', 'calendar.cancel', 'calendar.read'], ['CalendarEvent::*'])
  const contacts = detail(customers, ['customers.read_contact'], ['Customer::*'])
  return {
    ceiling: [booking, contacts],
    scheduling: [booking, contacts],
    calendarOnly: [detail(calendar, ['calendar.read'], ['CalendarEvent::*'])],
    everything: [booking, contacts, detail(customers, ['customers.list'], ['Customer::*'])],
  }
}

/** Policies, networks, blueprint, profile and reference value: what an operator sets up once. */
export async function furnish(cast: Cast): Promise<void> {
  const { security, sponsor } = cast
  const version = await validated(security, POLICIES)
  await cast.reviewer.policy.signOffPolicies({ version, comment: 'Read and tried' })
  await security.policy.activatePolicies({ version }, CHECKING)
  await security.policy.reportPolicies({ version: await validated(security, NEXT_POLICIES), report: true }, CHECKING)
  await security.policy.defineLocation({ name: 'head-office', ranges: [`${NETWORKS.office}/32`], trusted: true })
  await security.policy.defineLocation({ name: 'cafe', ranges: [`${NETWORKS.cafe}/32`], trusted: false })
  await sponsor.identity
    .createBlueprint({
      name: BLUEPRINT,
      purpose: 'Schedules meetings for people in marketing',
      sponsor: '',
      owner: '',
      ceiling: cast.authority.ceiling,
      allowedModels: [{ provider: MODEL.provider, name: MODEL.name }],
      maximumLifetimeSeconds: 7n * DAY,
      maximumSpawnDepth: 2,
      childrenSurvive: false,
      successorGroup: '',
      redirectUris: [],
    })
    .catch(unlessThere)
  const { version: profile } = await security.attestation.defineProfile({
    profile: profileFor(BLUEPRINT, { maximumAgeSeconds: 12n * 3600n }),
  })
  await security.attestation.activateProfile({ blueprint: BLUEPRINT, version: profile })
  const measured = await measure(filesIn(AGENT_FOLDER))
  const { tool_manifest: toolManifest, ...parts } = measured
  await security.attestation.approveReferenceValue({
    reference: compositionFor(BLUEPRINT, { ...parts, toolManifest }, 'Meeting scheduler 1.2'),
  })
}

/** From a file to a version that passed the checks. */
async function validated({ policy }: Clients, file: string): Promise<string> {
  const cedar = readFileSync(file, 'utf8')
  const { version } = await policy.draftPolicies({ cedar, schema: '', comment: `From ${basename(file)}` }, CHECKING)
  const { valid, findings } = await policy.validatePolicies({ version }, CHECKING)
  if (!valid) throw new Error(`${file}: ${findings.map(({ message }) => message).join('; ')}`)
  return version
}

const unlessThere = (error: unknown) => {
  if (!(error instanceof CredenceError && error.status === 'already_exists')) throw error
}

export const filesIn = (folder: string) => ({
  program: join(folder, 'agent.ts'),
  prompt: join(folder, 'prompt.md'),
  toolManifest: join(folder, 'tools.json'),
  model: join(folder, 'model.json'),
})

export type Enrolled = { agentId: string; spiffeId: string; position: string; process: AgentProcess }

/** Starts an agent’s process, and has the platform register it with its public key and what it says it is made of. */
export async function enrol(
  stack: Stack,
  company: Company,
  cast: Cast,
  program: string,
  claimed?: Enrolled,
): Promise<Enrolled> {
  const process = startAgentProcess(program)
  cast.processes.push(process)
  const { publicJwk, composition } = await process.ask('introduce', undefined as never)
  const like = claimed && (await claimed.process.ask('introduce', undefined as never)).composition
  const { model, prompt, tool_manifest } = like ?? composition
  const { agent, position } = await cast.platform.identity.registerAgent({
    blueprint: BLUEPRINT,
    purpose: 'Schedules meetings for Cora',
    kind: AgentKind.AGENT_KIND_EPHEMERAL,
    autonomy: AgentAutonomy.AGENT_AUTONOMY_DELEGATED,
    model: { ...MODEL, digest: model },
    promptDigest: prompt,
    toolManifestDigest: tool_manifest,
    publicJwk: JSON.stringify(publicJwk),
    lifetimeSeconds: DAY,
    labels: {},
  })
  const { id: agentId = '', spiffeId = '' } = agent ?? {}
  await process.ask('become', { ...identityOf(stack, company), agentId, spiffeId })
  return { agentId, spiffeId, position, process }
}

export const identityOf = (
  stack: Stack,
  company: Company,
): Omit<AgentOptions, 'key' | 'agentId' | 'spiffeId'> & { elsewhere: string } => ({
  connection: { trustDomain: stack.trustDomain, caFile: stack.authority.caFile, addresses: company.profile.services },
  issuer: stack.issuer,
  elsewhere: NETWORKS.cafe,
})

export const childModel = (digest: string) => ({ ...MODEL, digest })
