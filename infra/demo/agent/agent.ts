/**
 * The meeting scheduler: a process of its own, with its own key, that does everything through the SDK. What it is told
 * to do comes over the process channel, as it would from its runtime.
 */
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createHashing } from '@credence/attester/hashing/hashing'
import { measureComposition } from '@credence/attester/measure/composition'
import { enrolTpm } from '@credence/attester/tpm/enrol'
import type { AuthorizationDetail } from '@credence/contracts/authority'
import { CredenceError } from '@credence/contracts/errors'
import { type Agent, type AgentOptions, createAgent, type Held, type Task } from '@credence/sdk/agent/agent'
import { type AgentKey, newAgentKey } from '@credence/sdk/agent/key'
import type { AccessToken } from '@credence/sdk/agent/tokens'
import { sha256 } from '@credence/shared/digest'
import { createEvidence, type DemoEvidence, madeIn, type TpmOfAgent } from './evidence.ts'
import { asksForMeeting } from './intent.ts'

const here = dirname(fileURLToPath(import.meta.url))
const made = madeIn(here)
const hashing = createHashing()

export type Answer = { status: number; body: unknown }
export type Mail = { id: string; from: string; text: string }
type Child = Parameters<Agent['spawn']>[0]
type Shows = { manifest: string; tpm?: TpmOfAgent }
type Part = Omit<Parameters<Agent['passOn']>[0], 'delegation'>

let key: AgentKey
let me: Agent
let elsewhere: Agent
let evidence: DemoEvidence
let held: Held
let task: Task
const tokens = new Map<string, AccessToken>()

/** What the runtime can ask of it. */
const abilities = {
  introduce: async () => {
    key ??= await newAgentKey()
    return { publicJwk: key.publicJwk, composition: (await measureComposition(made, { hashing })).composition }
  },
  become: async (options: Omit<AgentOptions, 'key'> & Shows & { elsewhere?: string }) => {
    me = createAgent({ ...options, key })
    elsewhere = createAgent({ ...options, key, localAddress: options.elsewhere })
    evidence = createEvidence({ folder: here, manifest: options.manifest, tpm: options.tpm })
    return {}
  },
  /** Its machine’s TPM answers for it from now on. */
  enrolTpm: async ({ agentId, spiffeId, tpm, connection }: Omit<AgentOptions, 'key'> & Required<Shows>) => {
    await enrolTpm({
      ...tpm,
      agent: { agentId, spiffeId, keyThumbprint: key.thumbprint },
      audience: `spiffe://${connection.trustDomain}/service/attestation`,
      service: me.clients.attestation,
    })
    return {}
  },
  attest: ({ notBefore }: { notBefore: string[] }) => me.attest(evidence.collect, notBefore),
  request: (wanted: Parameters<Agent['requestDelegation']>[0]) => me.requestDelegation(wanted),
  answered: async (asked: Awaited<ReturnType<Agent['requestDelegation']>>) => {
    const { position, ...delegation } = await me.awaitDelegation(asked)
    held = delegation
    return { delegationId: held.delegationId, position }
  },
  hold: async (delegation: Held) => {
    held = delegation
    return {}
  },
  begin: async (work: { mail: Mail; details: AuthorizationDetail[]; notBefore: string[] }) => {
    const { mail, details, notBefore } = work
    if (asksForMeeting(join(made.model.folder, 'model.json'), mail.text) < 0.5)
      throw new Error('this message does not ask for a meeting')
    const trigger = { type: 'message' as const, source: `mailto:${mail.from}`, id: mail.id, digest: sha256(mail.text) }
    const purpose = 'Book the meeting that the message asks for'
    tokens.clear()
    task = await me.openTask({
      delegation: held,
      trigger,
      purpose,
      authorizationDetails: details,
      lifetimeSeconds: 900,
      notBefore,
    })
    const { taskId, grantId, granted, dropped, position } = task
    return { taskId, grantId, granted, dropped, position }
  },
  /** Opens a task and gets its token in one request, as any OAuth client can. */
  beginAt: async ({ mail, resource }: { mail: Mail; resource: string }) => {
    const trigger = { type: 'message' as const, source: `mailto:${mail.from}`, id: mail.id, digest: sha256(mail.text) }
    const { delegationToken } = held
    const begun = await me.begin({ subject: { delegationToken }, resource, trigger, purpose: 'Book the meeting' })
    tokens.clear()
    tokens.set(resource, begun.token)
    return { taskId: begun.taskId, grantId: begun.grantId }
  },
  call: async (request: {
    resource: string
    method: string
    path: string
    body?: unknown
    fromElsewhere?: boolean
  }): Promise<Answer> => {
    const { resource, method, path, body } = request
    const token = tokens.get(resource) ?? (await me.tokenFor(task, resource))
    tokens.set(resource, token)
    const response = await (request.fromElsewhere ? elsewhere : me).call(token, method, `${resource}${path}`, body)
    return { status: response.status, body: await response.json().catch(() => undefined) }
  },
  askPeople: ({ decisionId, position, statement }: { decisionId: string; position: string; statement: string }) =>
    me.requestApproval({ decisionId, position }, statement),
  awaitPeople: (approvalId: string) => me.awaitApproval(approvalId),
  finish: async () => ({ position: await me.completeTask(task, 'succeeded') }),
  spawn: (child: Child) => me.spawn(child),
  passOn: (part: Part) => me.passOn({ ...part, delegation: held }),
}

export type Abilities = typeof abilities

process.on('message', async ({ id, ability, argument }: { id: number; ability: keyof Abilities; argument: never }) => {
  try {
    process.send?.({ id, result: await abilities[ability](argument) })
  } catch (error) {
    const reason = error instanceof CredenceError ? error.reason : oauthError(error)
    process.send?.({ id, failure: { reason, message: error instanceof Error ? error.message : String(error) } })
  }
})
process.on('disconnect', () => process.exit(0))

const oauthError = (error: unknown): string =>
  error && typeof error === 'object' && 'error' in error ? String(error.error) : 'failed'
