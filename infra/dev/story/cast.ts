/** Who takes part in the story, and what is in place before it begins. */
import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { AuthorizationDetail } from '@credence/contracts/authority'
import { CredenceError } from '@credence/contracts/errors'
import { AgentAutonomy, AgentKind } from '@credence/contracts/gen/credence/identity/v1/identity'
import type { AgentOptions } from '@credence/sdk/agent/agent'
import { type Clients, connectCredence } from '@credence/sdk/clients'
import { BLUEPRINT, type Built, buildAgent } from '../../demo/builder/build.ts'
import { type AgentProcess, startAgentProcess } from '../agent-process.ts'
import type { Company } from '../company.ts'
import type { Stack } from '../stack.ts'
import { type DevelopmentTpm, start as startTpm } from '../tpm.ts'
import { SELECTION, trust } from './trust.ts'

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
  /** What the company's build pipeline made of its agent. */
  built: Built
  /** The machine's, where there is one. */
  tpm?: DevelopmentTpm
  processes: AgentProcess[]
  close(): Promise<void>
}

/** @param options.tpm whether agents' machine has a TPM (one in software) */
export async function assemble(stack: Stack, company: Company, options: { tpm?: boolean } = {}): Promise<Cast> {
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
  const built = await buildAgent(AGENT_FOLDER, join(stack.folder, 'builder'))
  const tpm = options.tpm ? await startTpm(join(stack.folder, 'tpm')) : undefined
  const processes: AgentProcess[] = []
  return {
    coordinator,
    sponsor,
    security,
    reviewer,
    auditor,
    platform,
    built,
    ...(tpm ? { tpm } : {}),
    processes,
    authority: authorityOf(company),
    close: async () => {
      for (const process of processes) process.stop()
      for (const clients of [coordinator, sponsor, security, reviewer, auditor, platform]) clients.close()
      await tpm?.stop()
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

/**
 * Policies, networks, blueprint, profile, trust anchors and reference values: what an operator sets up once.
 * @returns id of the reference value that approves the model
 */
export async function furnish(cast: Cast): Promise<{ modelReference: string }> {
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
  return trust(security, cast)
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

export type Enrolled = {
  agentId: string
  spiffeId: string
  position: string
  process: AgentProcess
  /** What it was told when it became this agent. */
  shows: object
}

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
  const shows = { ...identityOf(stack, company), ...evidenceOf(stack, cast, agentId), agentId, spiffeId }
  await process.ask('become', shows)
  return { agentId, spiffeId, position, process, shows }
}

/** With what an agent proves what it is made of. */
export const evidenceOf = ({ folder }: Stack, { built, tpm }: Cast, agent: string) => ({
  manifest: built.manifest,
  ...(tpm ? { tpm: { tcti: tpm.tcti, folder: join(folder, 'tpm', 'agents', agent), selection: SELECTION } } : {}),
})

export const identityOf = (
  stack: Stack,
  company: Company,
): Omit<AgentOptions, 'key' | 'agentId' | 'spiffeId'> & { elsewhere: string } => ({
  connection: { trustDomain: stack.trustDomain, caFile: stack.authority.caFile, addresses: company.profile.services },
  issuer: stack.issuer,
  elsewhere: NETWORKS.cafe,
})

export const childModel = (digest: string) => ({ ...MODEL, digest })
