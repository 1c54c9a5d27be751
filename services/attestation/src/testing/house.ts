/** The real attestation service on a real NATS beside the real identity service, with agents written as identity would. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Fact } from '@credence/contracts/events/catalog'
import type { PublicJwk } from '@credence/contracts/events/identity'
import type { Composition } from '@credence/contracts/events/values'
import {
  AttestationServiceClient,
  AttestationServiceService,
  type CreateChallengeResponse,
} from '@credence/contracts/gen/credence/attestation/v1/attestation'
import { IdentityServiceClient, IdentityServiceService } from '@credence/contracts/gen/credence/identity/v1/identity'
import type { StreamName } from '@credence/contracts/streams'
import { type AgentKey, newAgentKey } from '@credence/sdk/agent/key'
import { type Piece, signStatement } from '@credence/sdk/agent/statement'
import { type Bus, connectBus } from '@credence/shared/bus/connect'
import { signAgentProof } from '@credence/shared/callers/agent-proof'
import { append } from '@credence/shared/event-store/append'
import { newCommit, type RecordedCommit } from '@credence/shared/event-store/commit'
import { followCommits } from '@credence/shared/event-store/follow'
import { createLog } from '@credence/shared/log'
import { type Credential, promised } from '@credence/shared/rpc/client'
import { clientCredentials } from '@credence/shared/rpc/tls'
import { compositionFor, profileFor } from '../../../../infra/dev/attestation.ts'
import { freePorts } from '../../../../infra/dev/ports.ts'
import { waitUntilServing } from '../../../../infra/dev/readiness.ts'
import { startStack } from '../../../../infra/dev/stack.ts'
import * as facts from '../../../../infra/testing/facts.ts'
import { startIssuer } from '../../../../infra/testing/issuer.ts'

const log = createLog('test', 'silent')

export const BLUEPRINT = 'meeting-scheduler'
export const COMPOSITION: Composition = {
  program: '1'.repeat(64),
  prompt: '2'.repeat(64),
  tool_manifest: '3'.repeat(64),
  model: '4'.repeat(64),
}
/** As the proto writes it. */
export const inProto = ({ tool_manifest: toolManifest, ...parts }: Composition) => ({ ...parts, toolManifest })

export type House = Awaited<ReturnType<typeof openHouse>>
export type Attestation = Awaited<ReturnType<House['person']>>
export type Worker = Awaited<ReturnType<House['agent']>>

/** Status, reason and first field of a refusal; what came instead when there was none. */
export const refusalOf = async (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    (answer) => ({ answered: answer }),
    ({ status, reason, violations }) => ({
      status,
      reason,
      ...(violations?.[0] ? { field: violations[0].field } : {}),
    }),
  )

/** Asks until the answer is as wanted; gives the last one when it never is. */
export async function until<T>(
  ask: () => Promise<T> | T,
  wanted: (answer: T) => boolean,
  withinMs = 10_000,
): Promise<T> {
  const deadline = Date.now() + withinMs
  for (;;) {
    const answer = await ask()
    if (wanted(answer) || Date.now() > deadline) return answer
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** @param options.variables more of them for the services */
export async function openHouse(options: { variables?: Record<string, string> } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'credence-attestation-'))
  const stack = await startStack({ folder, services: [], ...options })
  const { ports, trustDomain, authority } = stack
  const idp = await startIssuer({
    issuer: stack.idpIssuer,
    port: ports.idp,
    audience: stack.apiAudience,
    tls: await stack.workload('idp'),
  })
  await Promise.all([stack.start('identity'), stack.start('attestation')])
  const audience = `spiffe://${trustDomain}/service/attestation`
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
  const connect = (credential: Credential, port = ports.attestationPublic) => {
    const client = promised(
      new AttestationServiceClient(`127.0.0.1:${port}`, clientCredentials(authority.caFile, audience)),
      AttestationServiceService,
      credential,
    )
    closing.push(client.close)
    return client
  }
  const tokenOf = async (subject: string, group?: string): Promise<Credential> => {
    const token = await idp.tokenFor({ subject, name: subject, groups: group ? [group] : [] })
    return async () => ({ authorization: `Bearer ${token}` })
  }

  /** Appends one commit as the service that owns the stream. @returns its position */
  async function write(stream: 'IDENTITY' | 'ATTESTATION', aggregate: string, ...made: Fact[]): Promise<string> {
    const service = stream.toLowerCase()
    const source = `spiffe://${trustDomain}/service/${service}`
    const about = { actor: { kind: 'workload' as const, id: source }, source, subject: aggregate, now: new Date() }
    const subject = `credence.${service}.${aggregate.replace('/', '.')}`
    const appended = await append(await bus(service), stream, subject, newCommit(made, about))
    if (appended.kind === 'conflict') throw new Error('conflict')
    return `${stream}:${appended.sequence}`
  }

  const house = {
    stack,
    bus,
    write,
    connect,
    audience,
    /** An access token of a person with the group’s roles. */
    token: (subject: string, group: string) => idp.tokenFor({ subject, name: subject, groups: [group] }),
    /** A person with the group’s roles. */
    person: async (subject: string, group?: string) => connect(await tokenOf(subject, group)),
    /** The same at identity. */
    identity: async (subject: string, group?: string) => {
      const client = promised(
        new IdentityServiceClient(
          `127.0.0.1:${ports.identityPublic}`,
          clientCredentials(authority.caFile, `spiffe://${trustDomain}/service/identity`),
        ),
        IdentityServiceService,
        await tokenOf(subject, group),
      )
      closing.push(client.close)
      return client
    },
    workload: async (path: string) => {
      const tls = await stack.workload(path)
      const client = promised(
        new AttestationServiceClient(
          `127.0.0.1:${ports.attestationMesh}`,
          clientCredentials(tls.caFile, audience, tls),
        ),
        AttestationServiceService,
      )
      closing.push(client.close)
      return client
    },
    /** All commits of a stream, as an auditor reads them. */
    read: async (stream: StreamName): Promise<RecordedCommit[]> => {
      const commits: RecordedCommit[] = []
      const follower = await followCommits({ bus: await bus('audit'), log, stream }, (one) => void commits.push(one))
      await follower.caughtUp
      await follower.stop()
      return commits
    },
    /** Another replica. @returns the port of its public listener */
    replica: async (): Promise<number> => {
      const [mesh = 0, open = 0] = await freePorts(2)
      const running = await stack.replica('attestation', { mesh, public: open })
      await waitUntilServing(running, `localhost:${open}`, authority.caFile)
      return open
    },
    /** A blueprint with its sponsor, an active profile that asks for `software`, and one approved composition. */
    blueprint: async (name: string, sponsor = 'milan') => {
      const identity = await house.identity(sponsor, 'credence-sponsors')
      await identity.createBlueprint({
        name,
        purpose: 'Books meetings',
        sponsor: '',
        owner: '',
        ceiling: [facts.detail()],
        allowedModels: [{ provider: 'acme', name: 'small' }],
        maximumLifetimeSeconds: 86_400n,
        maximumSpawnDepth: 1,
        childrenSurvive: false,
        successorGroup: '',
        redirectUris: [],
      })
      const { version } = await house.security.defineProfile({ profile: profileFor(name) })
      await house.security.activateProfile({ blueprint: name, version })
      const reference = compositionFor(name, inProto(COMPOSITION), 'First')
      return house.security.approveReferenceValue({ reference })
    },
    /** A registered agent with a key of its own. */
    agent: async (part: Parameters<typeof facts.agent>[0] = {}, key: AgentKey | undefined = undefined) => {
      const own = key ?? (await newAgentKey())
      const registered = facts.agent({
        blueprint: BLUEPRINT,
        public_jwk: own.publicJwk as PublicJwk,
        key_thumbprint: own.thumbprint,
        prompt_digest: COMPOSITION.prompt,
        tool_manifest_digest: COMPOSITION.tool_manifest,
        model: { provider: 'acme', name: 'small', version: '1', digest: COMPOSITION.model },
        expires_at: facts.hours(8, new Date()),
        ...part,
      })
      const position = await write('IDENTITY', `agent/${registered.agent}`, facts.registered(registered))
      const { agent: agentId, spiffe_id: spiffeId } = registered
      const credential =
        (by: AgentKey): Credential =>
        async (path, request) => ({
          'agent-proof': await signAgentProof(by.privateKey, {
            algorithm: by.algorithm,
            keyId: by.thumbprint,
            spiffeId,
            audience,
            path,
            request,
          }),
        })
      const client = connect(credential(own))
      const worker = {
        key: own,
        agentId,
        spiffeId,
        position,
        client,
        by: (other: AgentKey, port?: number) => connect(credential(other), port),
        at: (port: number) => connect(credential(own), port),
        challenge: () => client.createChallenge({ agentId, notBefore: [position] }),
        statement: (
          { nonce }: Pick<CreateChallengeResponse, 'nonce'>,
          measurements: Composition = COMPOSITION,
          evidence: Piece[] = [],
        ) => signStatement(own, { spiffeId, audience, nonce, measurements, evidence }),
        attest: async (measurements: Composition = COMPOSITION, evidence: Piece[] = []) => {
          const challenge = await worker.challenge()
          const statement = await worker.statement(challenge, measurements, evidence)
          return client.submitEvidence({ challengeId: challenge.challengeId, statement, evidence: sent(evidence) })
        },
      }
      return worker
    },
    /** Ends the life of an agent. */
    happenedTo: (agent: string) =>
      write('IDENTITY', `agent/${agent}`, {
        type: 'credence.identity.agent.revoked.v1',
        data: { agent, reason: 'test' },
      }),
    security: undefined as unknown as ReturnType<typeof connect>,
    close: async () => {
      for (const close of closing) close()
      for (const opened of buses.values()) await (await opened).close()
      await stack.stop()
      await idp.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
  house.security = await house.person('sofia', 'credence-security')
  return house
}

/** Pieces as a request carries them. */
export const sent = (evidence: Piece[]) =>
  evidence.map(({ kind, content }) => ({ kind, content: Buffer.from(content) }))
