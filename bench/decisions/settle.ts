/**
 * A company moves in: everything that identity, attestation and policy would have written of it, straight into their
 * streams, by the same commits. None of its agents has a private key.
 */
import type { AuthorizationDetail } from '@credence/contracts/authority'
import type { Fact } from '@credence/contracts/events/catalog'
import { Sensitivity } from '@credence/contracts/events/values'
import type { StreamName } from '@credence/contracts/streams'
import type { Stack } from '@credence/infra/dev/stack'
import { type Bus, connectBus } from '@credence/shared/bus/connect'
import { sha256 } from '@credence/shared/digest'
import { newCommit } from '@credence/shared/event-store/commit'
import { createRecorder, type Recorder } from '@credence/shared/event-store/recorder'
import { newId } from '@credence/shared/ids'
import { createLog } from '@credence/shared/log'
import type { AgentOf, Application, GrantOf } from './company.ts'

export type Settlers = { agents: readonly AgentOf[]; grants: readonly GrantOf[]; trustedRange: string }
type Origin = Extract<StreamName, 'IDENTITY' | 'ATTESTATION' | 'POLICY'>
export type Write = (stream: Origin, aggregate: string, ...facts: Fact[]) => Promise<void>

const PEOPLE = 1_000
const IN_FLIGHT = 1_024
const WITHIN_MS = 20_000
const HOUR_MS = 3_600_000
const DAYS_MS = 24 * HOUR_MS
const MODEL = { provider: 'acme', name: 'small', version: '2026-11-01', digest: sha256('model') }
const TRIGGER = { type: 'message', source: 'https://chat.acme.example', id: 'm-1', digest: sha256('message') } as const

/** What one holder may do at each of these applications, in one object. */
export const detailOf = (applications: readonly Application[]): AuthorizationDetail => ({
  type: 'agent_permission',
  locations: applications.map(({ location }) => location),
  actions: applications.map(({ name }) => `${name}.*`),
  resources: applications.map(({ resourceType }) => `${resourceType}::*`),
})

/** Before the services that read it all are started. @returns how many events */
export async function settle(stack: Stack, settlers: Settlers): Promise<number> {
  const { write, written, close } = await openWriters(stack)
  try {
    await settleWith(write, stack.trustDomain, settlers)
    return written()
  } finally {
    await close()
  }
}

/** The same, wherever it is written to. */
export async function settleWith(
  write: Write,
  trustDomain: string,
  { agents, grants, trustedRange }: Settlers,
): Promise<void> {
  const people = Array.from({ length: PEOPLE }, () => newId('hum'))
  const holdings = Map.groupBy(grants, ({ agent }) => agent)
  const ceilings = Map.groupBy(grants, ({ agent }) => agent.blueprint)
  await write('POLICY', 'location/offices', {
    type: 'credence.policy.location.defined.v1',
    data: { name: 'offices', ranges: [trustedRange], trusted: true },
  })
  await each(people, (human) =>
    write('IDENTITY', `human/${human}`, { type: 'credence.identity.human.recognised.v1', data: { human } }),
  )
  await each([...ceilings], ([blueprint, held]) => addBlueprint(write, blueprint, applicationsOf(held), people))
  await each([...agents.entries()], async ([number, agent]) => {
    const human = people[number % people.length] as string
    const held = holdings.get(agent) ?? []
    await addAgent(write, { trustDomain, agent, sponsor: people[0] ?? '' })
    const delegation = await addDelegation(write, agent.id, human, applicationsOf(held))
    for (const grant of held) await addGrant(write, grant, delegation, human)
  })
}

async function each<T>(all: readonly T[], work: (one: T) => Promise<unknown>): Promise<void> {
  let next = 0
  const hand = async () => {
    while (next < all.length) await work(all[next++] as T)
  }
  await Promise.all(Array.from({ length: Math.min(IN_FLIGHT, all.length) }, hand))
}

const applicationsOf = (grants: readonly GrantOf[]): Application[] => [
  ...new Set(grants.map(({ application }) => application)),
]

/** Writes as the owners of the streams do. */
export async function openWriters({ trustDomain, authority, nats }: Stack) {
  const log = createLog('bench', 'error')
  const open = async (stream: Origin): Promise<{ bus: Bus; recorder: Recorder; source: string }> => {
    const name = stream.toLowerCase()
    const source = `spiffe://${trustDomain}/service/${name}`
    const tls = await authority.issue(`service-${name}`, source)
    const bus = await connectBus({ servers: [nats.url], name, nkeyFile: nats.nkeyFile(name), log, ...tls })
    return { bus, recorder: createRecorder({ bus, stream, withinMs: WITHIN_MS }), source }
  }
  const ways = {
    IDENTITY: await open('IDENTITY'),
    ATTESTATION: await open('ATTESTATION'),
    POLICY: await open('POLICY'),
  }
  const now = new Date()
  let count = 0
  const write: Write = async (stream, aggregate, ...facts) => {
    const { recorder, source } = ways[stream]
    const commit = newCommit(facts, { actor: { kind: 'workload', id: source }, source, subject: aggregate, now })
    await recorder.record(`credence.${stream.toLowerCase()}.${aggregate.replace('/', '.')}`, commit)
    count += facts.length
  }
  const close = async () => {
    for (const { recorder, bus } of Object.values(ways)) {
      await recorder.stop()
      await bus.close()
    }
  }
  return { write, written: () => count, close, policyBus: ways.POLICY.bus }
}

export const addBlueprint = (
  write: Write,
  blueprint: string,
  applications: readonly Application[],
  [sponsor = '', owner = '']: readonly string[],
) =>
  write('IDENTITY', `blueprint/${blueprint}`, {
    type: 'credence.identity.blueprint.created.v1',
    data: {
      blueprint,
      purpose: 'Works for the people of one unit',
      sponsor,
      owner,
      ceiling: [detailOf(applications)],
      allowed_models: [{ provider: MODEL.provider, name: MODEL.name }],
      maximum_lifetime_seconds: 604_800,
      maximum_spawn_depth: 2,
    },
  })

type Newcomer = { trustDomain: string; agent: AgentOf; sponsor: string }

/** Active, with a result that is accepted. */
export async function addAgent(
  write: Write,
  { trustDomain, agent: { id: agent, blueprint, attestationStatus, references = [] }, sponsor }: Newcomer,
  key: { public_jwk: { kty: 'OKP'; crv: 'Ed25519'; x: string }; key_thumbprint: string } = {
    public_jwk: { kty: 'OKP', crv: 'Ed25519', x: sha256(agent).slice(0, 43) },
    key_thumbprint: sha256(agent).slice(0, 43),
  },
): Promise<void> {
  const expires_at = new Date(Date.now() + DAYS_MS).toISOString()
  const result = newId('att')
  const prompt = sha256(`prompt of ${blueprint}`)
  const tools = sha256(`tools of ${blueprint}`)
  await write('IDENTITY', `agent/${agent}`, {
    type: 'credence.identity.agent.registered.v1',
    data: {
      agent,
      spiffe_id: `spiffe://${trustDomain}/agent/${blueprint}/${agent}`,
      blueprint,
      purpose: 'Works for the people of one unit',
      sponsor,
      owner: sponsor,
      kind: 'continuous',
      autonomy: 'delegated',
      model: MODEL,
      prompt_digest: prompt,
      tool_manifest_digest: tools,
      ...key,
      spawn_depth_left: 1,
      labels: { team: blueprint, environment: 'production' },
      expires_at,
    },
  })
  await write('IDENTITY', `agent/${agent}`, {
    type: 'credence.identity.agent.activated.v1',
    data: { agent, result, result_expires_at: expires_at },
  })
  const challenge = newId('chl')
  await write('ATTESTATION', `challenge/${challenge}`, {
    type: 'credence.attestation.result.recorded.v1',
    data: {
      result,
      challenge,
      agent,
      blueprint,
      key_thumbprint: key.key_thumbprint,
      status: attestationStatus,
      accepted: true,
      changed: false,
      kinds: ['software'],
      evidence: [],
      trustworthiness_vector: { executables: attestationStatus === 'affirming' ? 2 : 32 },
      reasons: [],
      composition: { program: sha256('program'), prompt, tool_manifest: tools, model: MODEL.digest },
      references: [...references],
      anchors: [],
      digests: [],
      sufficient: Sensitivity.options.map((sensitivity) => ({ sensitivity, expires_at })),
      result_digest: sha256(result),
      expires_at,
    },
  })
}

async function addDelegation(write: Write, agent: string, human: string, applications: Application[]): Promise<string> {
  const delegation = newId('dlg')
  await write('IDENTITY', `delegation/${delegation}`, {
    type: 'credence.identity.delegation.granted.v1',
    data: {
      delegation,
      human,
      agent,
      authorization_details: applications.map((application) => detailOf([application])),
      purpose: 'My work of this week',
      not_before: new Date(Date.now() - HOUR_MS).toISOString(),
      expires_at: new Date(Date.now() + DAYS_MS).toISOString(),
      maximum_depth: 1,
    },
  })
  return delegation
}

async function addGrant(
  write: Write,
  { id: grant, agent: { id: agent }, application }: GrantOf,
  delegation: string,
  human: string,
) {
  const task = newId('tsk')
  await write(
    'POLICY',
    `task/${task}`,
    {
      type: 'credence.policy.task.opened.v1',
      data: { task, agent, delegation, human, trigger: TRIGGER, purpose: 'Does what was asked for in a message' },
    },
    {
      type: 'credence.policy.grant.issued.v1',
      data: {
        grant,
        task,
        agent,
        delegation,
        authorization_details: [detailOf([application])],
        dropped: [],
        expires_at: new Date(Date.now() + DAYS_MS).toISOString(),
      },
    },
  )
}
