/** The real policy service on a real NATS, with the events of identity and attestation written as those services would. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Fact } from '@credence/contracts/events/catalog'
import type { PublicJwk } from '@credence/contracts/events/identity'
import {
  type CheckRequest,
  PolicyServiceClient,
  PolicyServiceService,
} from '@credence/contracts/gen/credence/policy/v1/policy'
import type { StreamName } from '@credence/contracts/streams'
import { type Bus, connectBus } from '@credence/shared/bus/connect'
import { signAgentProof } from '@credence/shared/callers/agent-proof'
import { append } from '@credence/shared/event-store/append'
import { newCommit, type RecordedCommit } from '@credence/shared/event-store/commit'
import { type Follower, followCommits } from '@credence/shared/event-store/follow'
import { createLog } from '@credence/shared/log'
import { promised } from '@credence/shared/rpc/client'
import { clientCredentials } from '@credence/shared/rpc/tls'
import { exportJWK, generateKeyPair } from 'jose'
import { type Stack, startStack } from '../../../../infra/dev/stack.ts'
import { checkRequest } from '../../../../infra/testing/check.ts'
import * as facts from '../../../../infra/testing/facts.ts'

const log = createLog('test', 'silent')
/** Checking policies may take a while on a busy machine. */
export const PATIENT = { deadlineMs: 150_000 }

export type Policy = Awaited<ReturnType<House['workload']>>
export type House = Awaited<ReturnType<typeof openHouse>>
export type Worker = Awaited<ReturnType<House['agent']>>

export async function openHouse() {
  const folder = mkdtempSync(join(tmpdir(), 'credence-policy-'))
  const stack: Stack = await startStack({ folder, services: [] })
  allowOperators(stack)
  await stack.start('policy')
  const buses = new Map<string, Bus>()
  const serverId = `spiffe://${stack.trustDomain}/service/policy`
  const closing: (() => unknown)[] = []
  let author: Policy | undefined
  let second: Policy | undefined

  async function bus(service: string): Promise<Bus> {
    const known = buses.get(service)
    if (known) return known
    const tls = await stack.authority.issue(`test-${service}`, `spiffe://${stack.trustDomain}/service/${service}`)
    const nkeyFile = stack.nats.nkeyFile(service)
    const opened = await connectBus({ servers: [stack.nats.url], name: service, nkeyFile, log, ...tls })
    buses.set(service, opened)
    return opened
  }

  /** Appends one commit as the service that owns the stream. @returns its position */
  async function write(stream: 'IDENTITY' | 'ATTESTATION', aggregate: string, ...made: Fact[]): Promise<string> {
    const service = stream.toLowerCase()
    const source = `spiffe://${stack.trustDomain}/service/${service}`
    const actor = { kind: 'workload' as const, id: source }
    const commit = newCommit(made, { actor, source, subject: aggregate, now: new Date() })
    const appended = await append(
      await bus(service),
      stream,
      `credence.${service}.${aggregate.replace('/', '.')}`,
      commit,
    )
    if (appended.kind === 'conflict') throw new Error('conflict')
    return `${stream}:${appended.sequence}`
  }

  const house = {
    stack,
    bus,
    write,
    /** All commits of a stream, as an auditor reads them. */
    read: async (stream: StreamName): Promise<RecordedCommit[]> => {
      const commits: RecordedCommit[] = []
      const options = { bus: await bus('audit'), log, stream }
      const follower: Follower = await followCommits(options, (commit) => void commits.push(commit))
      await follower.caughtUp
      await follower.stop()
      return commits
    },
    /** A caller with a certificate, for example `enforcement-point/calendar`. */
    workload: async (path: string) => {
      const tls = await stack.workload(path)
      const credentials = clientCredentials(tls.caFile, serverId, tls)
      const client = promised(
        new PolicyServiceClient(`127.0.0.1:${stack.ports.policyMesh}`, credentials),
        PolicyServiceService,
      )
      closing.push(client.close)
      return client
    },
    /** From a text to the active policies, by the two operators that it takes. @returns the version */
    activate: async (cedar: string, schema = ''): Promise<{ version: string; position: string }> => {
      author ??= await house.workload('operator/author')
      second ??= await house.workload('operator/second')
      const { version } = await author.draftPolicies({ cedar, schema, comment: '' }, PATIENT)
      const { valid, findings } = await author.validatePolicies({ version }, PATIENT)
      if (!valid) throw new Error(findings.map(({ policyId, message }) => `${policyId} ${message}`).join('; '))
      await second.signOffPolicies({ version, comment: '' })
      const { position } = await second.activatePolicies({ version }, PATIENT)
      return { version, position }
    },
    /** An active agent with a key, a delegation of everything below its ceiling, and an accepted result. */
    agent: async (
      part: Parameters<typeof facts.agent>[0] = {},
      held: Parameters<typeof facts.delegation>[0] = {},
      attested: Parameters<typeof facts.result>[0] = {},
    ) => {
      const { privateKey, publicKey } = await generateKeyPair('EdDSA', { extractable: true })
      const now = new Date()
      const registered = facts.agent({
        public_jwk: (await exportJWK(publicKey)) as PublicJwk,
        expires_at: facts.hours(8, now),
        ...part,
      })
      const { agent, spiffe_id: spiffeId } = registered
      const times = { not_before: facts.hours(-1, now), expires_at: facts.hours(4, now) }
      const delegation = facts.delegation({ agent, ...times, ...held })
      const result = facts.result({ agent, expires_at: facts.hours(2, now), ...attested })
      await write('IDENTITY', `agent/${agent}`, facts.registered(registered))
      await write('IDENTITY', `agent/${agent}`, facts.activated(agent, result.expires_at))
      await write('IDENTITY', `human/${delegation.human}`, facts.recognised(delegation.human))
      const notBefore = [
        await write('IDENTITY', `delegation/${delegation.delegation}`, facts.granted(delegation)),
        await write('ATTESTATION', `result/${result.result}`, facts.recorded(result)),
      ]
      const credentials = clientCredentials(stack.authority.caFile, serverId)
      const client = promised(
        new PolicyServiceClient(`127.0.0.1:${stack.ports.policyPublic}`, credentials),
        PolicyServiceService,
        async (path, request) => ({
          'agent-proof': await signAgentProof(privateKey, {
            algorithm: 'EdDSA',
            spiffeId,
            audience: serverId,
            path,
            request,
          }),
        }),
      )
      closing.push(client.close)
      const openTask = (wanted: Partial<Parameters<typeof client.openTask>[0]> = {}) =>
        client.openTask({
          delegationId: delegation.delegation,
          trigger: facts.TRIGGER,
          purpose: 'Book a room',
          authorizationDetails: [facts.detail()],
          lifetimeSeconds: 600n,
          notBefore,
          agentId: '',
          ...wanted,
        })
      return { agent, spiffeId, delegation, result, client, notBefore, openTask }
    },
    close: async () => {
      for (const close of closing) close()
      await Promise.all([...buses.values()].map((one) => one.close()))
      await stack.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
  await write('IDENTITY', 'blueprint/meeting-scheduler', facts.created(facts.blueprint()))
  return house
}

/** The development stack knows operators as people; here one holds a certificate, so that no identity provider is needed. */
function allowOperators(stack: Stack): void {
  const file = join(stack.folder, 'roles.json')
  const roles = JSON.parse(readFileSync(file, 'utf8'))
  for (const [path, role] of [
    ['operator', 'security-operator'],
    ['agent/gateway', 'enforcement-point'],
    ['auditor', 'auditor'],
  ])
    roles.workloads.push({ spiffe_id: `spiffe://${stack.trustDomain}/${path}/*`, roles: [role] })
  writeFileSync(file, JSON.stringify(roles))
}

export const checkOf = (
  worker: { agent: string },
  grantId: string,
  part: Partial<Omit<CheckRequest, 'resource'>> & { resource?: Parameters<typeof checkRequest>[0]['resource'] } = {},
): CheckRequest =>
  checkRequest({
    agentId: worker.agent,
    grantId,
    action: 'calendar.book',
    resource: { type: 'CalendarEvent', id: '2026/11', sensitivity: 'internal' },
    location: facts.CALENDAR,
    requestId: 'req-1',
    ...part,
  })

export const DEVELOPMENT_POLICIES = readFileSync(
  new URL('../../../../infra/dev/policies.cedar', import.meta.url),
  'utf8',
)
