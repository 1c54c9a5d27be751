/**
 * Every method of every service, with input that is wrong: nothing, garbage, unknown fields, too much. Each time the
 * field is named, and nothing is changed.
 */
import { readFileSync } from 'node:fs'
import type { CredenceError } from '@credence/contracts/errors'
import { AttestationServiceService } from '@credence/contracts/gen/credence/attestation/v1/attestation'
import { AuditServiceService } from '@credence/contracts/gen/credence/audit/v1/audit'
import { IdentityServiceService } from '@credence/contracts/gen/credence/identity/v1/identity'
import { PolicyServiceService } from '@credence/contracts/gen/credence/policy/v1/policy'
import { STREAMS } from '@credence/contracts/streams'
import { connectBus } from '@credence/shared/bus/connect'
import { signAgentProof } from '@credence/shared/callers/agent-proof'
import { createLog } from '@credence/shared/log'
import { fromStatus } from '@credence/shared/rpc/status'
import { clientCredentials } from '@credence/shared/rpc/tls'
import { Client, Metadata, type ServiceError } from '@grpc/grpc-js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AtWork, type House, openHouse, putToWork } from '../dev/house.ts'

const SERVICES = {
  identity: IdentityServiceService,
  policy: PolicyServiceService,
  attestation: AttestationServiceService,
  audit: AuditServiceService,
}
type ServiceName = keyof typeof SERVICES
const METHODS = Object.entries(SERVICES).flatMap(([service, definition]) =>
  Object.values(definition).map(({ path }) => ({ service: service as ServiceName, path })),
)
/** Methods that need no input, and so accept an empty message. */
const NEEDS_NOTHING = [
  'GetCheckpoint',
  'RebuildIndex',
  'ListRecords',
  'ListBlueprints',
  'ListAgents',
  'WatchAgents',
  'ListDelegations',
  'IssueX509Svid',
  'GetTrustBundle',
  'ListPolicies',
  'GetPolicies',
  'ListGrants',
  'ListApprovals',
  'ListReferenceValues',
  'ListTrustAnchors',
  'ListBlockedMeasurements',
]
/** Methods of streams, by what they take. */
const STREAMED = new Map<string, 'one' | 'many'>([
  [IdentityServiceService.watchAgents.path, 'one'],
  [IdentityServiceService.registerAgents.path, 'many'],
  [PolicyServiceService.checkStream.path, 'many'],
])
/** Larger than what a method takes; policies are texts of megabytes, and so is evidence. */
const LARGE = ['DraftPolicies', 'SubmitEvidence']
const tooLarge = (name: string) => Buffer.alloc(LARGE.includes(name) ? 4 * 1024 * 1024 - 1_024 : 1024 * 1024 + 1)
const UNKNOWN_FIELD = Buffer.from([0xf8, 0xff, 0x01, 0x01])

let house: House
let work: AtWork
const sessions: Record<string, string> = {}

beforeAll(async () => {
  house = await openHouse()
  work = await putToWork(house)
  const { coordinator, sponsor, security, auditor } = house.cast
  // Everybody has been here before: a person seen for the first time is an event of its own.
  for (const { identity } of [coordinator, sponsor, security, auditor])
    await identity.getBlueprint({ name: 'x' }).catch(() => undefined)
  for (const name of ['me', 'sponsor', 'security', 'auditor'])
    sessions[name] = JSON.parse(readFileSync(`${house.stack.folder}/sessions/${name}.json`, 'utf8')).access_token
})
afterAll(async () => {
  await work?.agent.close()
  await house?.close()
})

type Who = 'platform' | 'enforcement-point' | 'service' | 'me' | 'sponsor' | 'security' | 'auditor' | 'agent' | 'nobody'

/** A raw call: bytes in, error or nothing out. */
async function send(service: ServiceName, path: string, bytes: Buffer, who: Who): Promise<CredenceError | undefined> {
  const { stack } = house
  const serverId = `spiffe://${stack.trustDomain}/service/${service}`
  const workload = who === 'platform' || who === 'enforcement-point' || who === 'service'
  const tls = workload ? await stack.workload(`${who}/test`) : undefined
  const port = stack.ports[`${service}${workload ? 'Mesh' : 'Public'}`]
  const client = new Client(`localhost:${port}`, clientCredentials(stack.authority.caFile, serverId, tls))
  const metadata = new Metadata()
  if (sessions[who]) metadata.set('authorization', `Bearer ${sessions[who]}`)
  if (who === 'agent')
    metadata.set(
      'agent-proof',
      await signAgentProof(work.key.privateKey, {
        algorithm: 'ES256',
        spiffeId: work.agent.spiffeId,
        audience: serverId,
        path,
        // Who sends many proves themselves before the first of them.
        request: STREAMED.get(path) === 'many' ? Buffer.alloc(0) : bytes,
      }),
    )
  const same = (value: Buffer) => value
  const options = { deadline: Date.now() + 5_000 }
  const error = await new Promise<ServiceError | null>((resolve) => {
    const streamed = STREAMED.get(path)
    if (!streamed) return void client.makeUnaryRequest(path, same, same, bytes, metadata, options, resolve)
    const many = streamed === 'many' ? client.makeBidiStreamRequest(path, same, same, metadata, options) : undefined
    many?.end(bytes)
    const call = many ?? client.makeServerStreamRequest(path, same, same, bytes, metadata, options)
    call.on('error', resolve)
    call.on('data', () => {
      resolve(null)
      call.cancel()
    })
  })
  client.close()
  return error ? fromStatus(error) : undefined
}

/** The first of these that the method does not turn away for who it is. */
const CALLERS: Who[] = ['agent', 'me', 'sponsor', 'security', 'auditor', 'platform', 'enforcement-point', 'service']
async function admitted(
  service: ServiceName,
  path: string,
  bytes: Buffer,
): Promise<{ who: Who; error: CredenceError | undefined }> {
  for (const who of CALLERS) {
    const error = await send(service, path, bytes, who)
    if (error?.status !== 'permission_denied') return { who, error }
  }
  throw new Error(`nobody may call ${path}`)
}

async function streamSizes(): Promise<Record<string, number>> {
  const { stack } = house
  const tls = await stack.authority.issue('nats', `spiffe://${stack.trustDomain}/nats`)
  const bus = await connectBus({
    servers: [stack.nats.url],
    name: 'bootstrap',
    nkeyFile: stack.nats.nkeyFile('bootstrap'),
    log: createLog('test', 'error'),
    ...tls,
  })
  const sizes: Record<string, number> = {}
  for (const stream of Object.keys(STREAMS)) sizes[stream] = (await bus.jsm.streams.info(stream)).state.last_seq
  await bus.close()
  return sizes
}

describe('bad input', () => {
  for (const { service, path } of METHODS) {
    const name = path.split('/').at(-1) ?? ''
    it(`${name}: nothing, garbage, an unknown field and too much are invalid, by name`, async () => {
      const before = await streamSizes()
      const garbage = await admitted(service, path, Buffer.from([0xff, 0xff, 0xff, 0x07]))
      expect(garbage.error).toMatchObject({ status: 'invalid_argument', violations: [{ field: 'request' }] })
      const { who } = garbage
      if (!NEEDS_NOTHING.includes(name)) {
        const empty = await send(service, path, Buffer.alloc(0), who)
        expect(empty?.status, empty?.message).toBe('invalid_argument')
        expect(empty?.violations.length).toBeGreaterThan(0)
      }
      const unknown = await send(service, path, UNKNOWN_FIELD, who)
      expect(unknown?.status).toBe('invalid_argument')
      expect(unknown?.message).toContain('unknown field number')
      const large = await send(service, path, tooLarge(name), who)
      expect(large).toMatchObject({ status: 'invalid_argument', violations: [{ field: 'request' }] })
      expect(await streamSizes()).toEqual(before)
    })

    it(`${name}: nobody is let in without a credential, nor with a bad one`, async () => {
      const none = await send(service, path, Buffer.alloc(0), 'nobody')
      expect(none?.status).toBe('unauthenticated')
      sessions.nobody = `${sessions.me?.slice(0, -4)}AAAA`
      const forged = await send(service, path, Buffer.alloc(0), 'nobody')
      delete sessions.nobody
      expect(forged).toMatchObject({ status: 'unauthenticated', reason: 'invalid_token' })
    })
  }

  it('a proof of an agent counts for one call, one method and these bytes only', async () => {
    const { stack } = house
    const audience = `spiffe://${stack.trustDomain}/service/policy`
    const path = PolicyServiceService.completeTask.path
    const request = Buffer.from(
      PolicyServiceService.completeTask.requestSerialize({ taskId: work.task.taskId, outcome: 'TASK_OUTCOME_FAILED' }),
    )
    const about = { algorithm: 'ES256', spiffeId: work.agent.spiffeId, audience, path, request }
    const use = async (proof: string, bytes = request, method: string = path): Promise<CredenceError | undefined> => {
      const client = new Client(
        `localhost:${stack.ports.policyPublic}`,
        clientCredentials(stack.authority.caFile, audience),
      )
      const metadata = new Metadata()
      metadata.set('agent-proof', proof)
      const error = await new Promise<ServiceError | null>((resolve) => {
        client.makeUnaryRequest(
          method,
          (value: Buffer) => value,
          (value) => value,
          bytes,
          metadata,
          { deadline: Date.now() + 5_000 },
          resolve,
        )
      })
      client.close()
      return error ? fromStatus(error) : undefined
    }
    const refused = { status: 'unauthenticated', reason: 'invalid_agent_proof' }
    const sign = (parts: Partial<typeof about> = {}) => signAgentProof(work.key.privateKey, { ...about, ...parts })
    expect(await use(await sign(), Buffer.concat([request, UNKNOWN_FIELD]))).toMatchObject(refused)
    expect(await use(await sign(), request, PolicyServiceService.getTask.path as string)).toMatchObject(refused)
    expect(await use(await sign({ audience: `spiffe://${stack.trustDomain}/service/identity` }))).toMatchObject(refused)
    expect(await use(await sign({ spiffeId: `${about.spiffeId}x` }))).toMatchObject(refused)
    const once = await sign()
    const answers = await Promise.all(Array.from({ length: 20 }, () => use(once)))
    expect(answers.filter((error) => error === undefined)).toHaveLength(1)
    expect(answers.filter((error) => error?.reason === 'invalid_agent_proof')).toHaveLength(19)
  })
})
