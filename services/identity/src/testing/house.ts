/** The real identity service on a real NATS, with the events of policy and attestation written as those services would. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AuthorizationDetail } from '@credence/contracts/authority'
import type { EventData, Fact } from '@credence/contracts/events/catalog'
import {
  type Delegation,
  type GrantDelegationRequest,
  IdentityServiceClient,
  IdentityServiceService,
  type RegisterAgentRequest,
} from '@credence/contracts/gen/credence/identity/v1/identity'
import type { StreamName } from '@credence/contracts/streams'
import { type Bus, connectBus } from '@credence/shared/bus/connect'
import { signAgentProof } from '@credence/shared/callers/agent-proof'
import { append } from '@credence/shared/event-store/append'
import { newCommit, type RecordedCommit } from '@credence/shared/event-store/commit'
import { followCommits } from '@credence/shared/event-store/follow'
import { newId } from '@credence/shared/ids'
import { createLog } from '@credence/shared/log'
import { type Credential, promised } from '@credence/shared/rpc/client'
import { clientCredentials } from '@credence/shared/rpc/tls'
import { type Stack, startStack } from '../../../../infra/dev/stack.ts'
import * as facts from '../../../../infra/testing/facts.ts'
import { type Person, startIssuer } from '../../../../infra/testing/issuer.ts'
import { type Key, newKey } from './token-client.ts'

const log = createLog('test', 'silent')

export const BLUEPRINT = 'meeting-scheduler'
export const CEILING: AuthorizationDetail[] = [
  facts.detail(),
  facts.detail({ locations: ['https://crm.acme.example'], actions: ['crm.read'], resources: ['Customer::*'] }),
  facts.detail({ locations: [facts.CALENDAR, 'https://crm.acme.example'], actions: ['calendar.read'] }),
]

export type House = Awaited<ReturnType<typeof openHouse>>
export type Identity = ReturnType<House['connect']>
export type Worker = Awaited<ReturnType<House['worker']>>

/**
 * @param prepare what is to be there before identity starts: other identity providers, for example
 * @param variables more configuration for the service; unless said, no test meets the limit of requests by chance
 */
export async function openHouse(
  prepare: (stack: Stack) => Promise<unknown> = async () => undefined,
  variables: Record<string, string> = {},
) {
  const folder = mkdtempSync(join(tmpdir(), 'credence-identity-'))
  const stack = await startStack({
    folder,
    services: [],
    variables: { CREDENCE_TOKEN_RATE_PER_CLIENT: '10000', ...variables },
  })
  const { ports, trustDomain, authority } = stack
  const idp = await startIssuer({
    issuer: stack.idpIssuer,
    port: ports.idp,
    audience: stack.apiAudience,
    tls: await stack.workload('idp'),
  })
  await prepare(stack)
  nameAudiences(stack.folder, trustDomain)
  await stack.start('identity')
  const audience = `spiffe://${trustDomain}/service/identity`
  const buses = new Map<string, Promise<Bus>>()
  const closing: (() => unknown)[] = []

  function bus(service: string): Promise<Bus> {
    const open = async () => {
      const tls = await authority.issue(`test-${service}`, `spiffe://${trustDomain}/service/${service}`)
      const nkeyFile = stack.nats.nkeyFile(service)
      return connectBus({ servers: [stack.nats.url], name: service, nkeyFile, log, ...tls })
    }
    const opened = buses.get(service) ?? open()
    buses.set(service, opened)
    return opened
  }
  function connect(address: string, credentials: ReturnType<typeof clientCredentials>, credential?: Credential) {
    const client = promised(new IdentityServiceClient(address, credentials), IdentityServiceService, credential)
    closing.push(client.close)
    return client
  }
  const publicly = (credential: Credential) =>
    connect(`127.0.0.1:${ports.identityPublic}`, clientCredentials(authority.caFile, audience), credential)

  /** Appends one commit as the service that owns the stream. @returns its position */
  async function write(
    stream: 'IDENTITY' | 'POLICY' | 'ATTESTATION',
    aggregate: string,
    ...made: Fact[]
  ): Promise<string> {
    const service = stream.toLowerCase()
    const source = `spiffe://${trustDomain}/service/${service}`
    const about = { actor: { kind: 'workload' as const, id: source }, source, subject: aggregate, now: new Date() }
    const subject = `credence.${service}.${aggregate.replace('/', '.')}`
    const appended = await append(await bus(service), stream, subject, newCommit(made, about))
    if (appended.kind === 'conflict') throw new Error('conflict')
    return `${stream}:${appended.sequence}`
  }

  const workload = async (path: string) => {
    const tls = await stack.workload(path)
    return connect(`127.0.0.1:${ports.identityMesh}`, clientCredentials(tls.caFile, audience, tls))
  }
  const person = async (who: Person) => {
    const token = await idp.tokenFor(who)
    return publicly(async () => ({ authorization: `Bearer ${token}` }))
  }
  const asAgent = (key: Key, spiffeId: string) => {
    const about = { algorithm: key.algorithm, keyId: key.thumbprint, spiffeId, audience }
    return publicly(async (path, request) => ({
      'agent-proof': await signAgentProof(key.privateKey, { ...about, path, request }),
    }))
  }

  const platform = await workload('platform/workplace')
  const sponsor = await person({ subject: 'milan', name: 'Milan', groups: ['credence-sponsors'] })
  const security = await person({ subject: 'sofia', name: 'Sofia', groups: ['credence-security'] })
  const cora = await person({ subject: 'cora', name: 'Cora Example' })
  await sponsor.createBlueprint({
    name: BLUEPRINT,
    purpose: 'Books meetings',
    sponsor: '',
    owner: '',
    ceiling: CEILING,
    allowedModels: [{ provider: 'acme', name: 'small' }],
    maximumLifetimeSeconds: 86_400n,
    maximumSpawnDepth: 1,
    childrenSurvive: false,
    successorGroup: '',
    redirectUris: ['https://agents.acme.example/callback'],
  })

  const house = {
    stack,
    connect,
    bus,
    write,
    workload,
    person,
    asAgent,
    platform,
    sponsor,
    security,
    cora,
    /** All commits of a stream, as an auditor reads them. */
    read: async (stream: StreamName): Promise<RecordedCommit[]> => {
      const commits: RecordedCommit[] = []
      const options = { bus: await bus('audit'), log, stream }
      const follower = await followCommits(options, (commit) => void commits.push(commit))
      await follower.caughtUp
      await follower.stop()
      return commits
    },
    register: (key: Key, part: Partial<RegisterAgentRequest> = {}) =>
      platform.registerAgent({ ...registration(key), ...part }),
    /** Writes a result as the attestation service would, for the newest key of the agent. */
    attest: async (agent: string, part: Partial<EventData<'credence.attestation.result.recorded.v1'>> = {}) => {
      const known = await security.getAgent({ agentId: agent, notBefore: [] })
      const key_thumbprint = known.agent?.keyThumbprint ?? ''
      const result = facts.result({ agent, key_thumbprint, expires_at: facts.hours(2, new Date()), ...part })
      return write('ATTESTATION', `result/${result.result}`, facts.recorded(result))
    },
    /** Ends a life that no call of this service ends yet. */
    happen: (aggregate: string, ...made: Fact[]) => write('IDENTITY', aggregate, ...made),
    /** What the person’s own access token (RFC 9068) looks like. */
    tokenFor: idp.tokenFor,
    delegate: (agentId: string, part: Partial<GrantDelegationRequest> = {}) =>
      cora.grantDelegation({
        agentId,
        authorizationDetails: CEILING,
        purpose: 'My meetings',
        lifetimeSeconds: 3_600n,
        maximumDepth: 1,
        notBefore: [],
        narrow: false,
        ...part,
      }),
    /** Opens a task as the policy service would. @returns the grant's id and its position */
    grant: async (delegation: Delegation, part: Partial<EventData<'credence.policy.grant.issued.v1'>> = {}) => {
      const data = {
        grant: newId('grt'),
        task: newId('tsk'),
        agent: delegation.agentId,
        delegation: delegation.id,
        authorization_details: CEILING,
        dropped: [],
        expires_at: facts.hours(1, new Date()),
        ...part,
      }
      const position = await write('POLICY', `task/${data.task}`, { type: 'credence.policy.grant.issued.v1', data })
      return { grant: data.grant, task: data.task, position }
    },
    endGrant: (grant: string, task: string) =>
      write('POLICY', `task/${task}`, {
        type: 'credence.policy.grant.ended.v1',
        data: { grant, task, cause: 'task_completed' },
      }),
    /** Waits for the state that follows an event of another service by itself. */
    stateOf: async (agentId: string, wanted: string): Promise<string> => {
      const deadline = Date.now() + 5_000
      for (;;) {
        const { agent } = await security.getAgent({ agentId, notBefore: [] })
        if (agent?.state === `AGENT_STATE_${wanted}` || Date.now() > deadline) return agent?.state ?? ''
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    },
    /** An active agent with a delegation of all that its blueprint may hold, and a grant under it. */
    worker: async (kind: 'ES256' | 'EdDSA' = 'ES256') => {
      const key = await newKey(kind)
      const { agent } = await house.register(key)
      const { id: agentId = '', spiffeId = '' } = agent ?? {}
      await house.attest(agentId)
      await house.stateOf(agentId, 'ACTIVE')
      const { delegation, delegationToken } = await house.delegate(agentId)
      if (!delegation) throw new Error('no delegation')
      return {
        key,
        agentId,
        spiffeId,
        delegation,
        delegationToken,
        ...(await house.grant(delegation)),
        client: asAgent(key, spiffeId),
      }
    },
    close: async () => {
      for (const close of closing) close()
      for (const opened of buses.values()) await (await opened).close()
      await stack.stop()
      await idp.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
  return house
}

/** Enforcement points of resources that only the tests know. */
function nameAudiences(folder: string, trustDomain: string): void {
  const file = join(folder, 'roles.json')
  const roles = JSON.parse(readFileSync(file, 'utf8'))
  for (const [name, part] of Object.entries({
    rooms: { audiences: [facts.CALENDAR] },
    // Its verifier is old.
    crm: { audiences: ['https://crm.acme.example'], token_algorithm: 'RS256' },
  }))
    roles.workloads.push({
      spiffe_id: `spiffe://${trustDomain}/enforcement-point/${name}`,
      roles: ['enforcement-point'],
      ...part,
    })
  writeFileSync(file, JSON.stringify(roles))
}

export const described = (key: Key) => ({
  purpose: 'Books meetings',
  model: { provider: 'acme', name: 'small', version: '1', digest: facts.DIGEST },
  promptDigest: facts.DIGEST,
  toolManifestDigest: facts.DIGEST,
  publicJwk: JSON.stringify(key.publicJwk),
  lifetimeSeconds: 3_600n,
  labels: {},
})

const registration = (key: Key): RegisterAgentRequest => ({
  ...described(key),
  blueprint: BLUEPRINT,
  kind: 'AGENT_KIND_EPHEMERAL',
  autonomy: 'AGENT_AUTONOMY_DELEGATED',
})
