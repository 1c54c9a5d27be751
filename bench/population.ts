/**
 * A company of many agents, written straight into the streams: the same commits, with the same message ids, as identity
 * and policy would write them. None of these agents has a private key.
 */
import { randomBytes } from 'node:crypto'
import type { AuthorizationDetail } from '@credence/contracts/authority'
import type { Fact } from '@credence/contracts/events/catalog'
import type { Stack } from '@credence/infra/dev/stack'
import { connectBus } from '@credence/shared/bus/connect'
import { sha256 } from '@credence/shared/digest'
import { append } from '@credence/shared/event-store/append'
import { newCommit } from '@credence/shared/event-store/commit'
import { newId } from '@credence/shared/ids'
import { createLog } from '@credence/shared/log'

const DETAILS: AuthorizationDetail[] = [
  {
    type: 'agent_permission',
    locations: ['https://calendar.acme.example'],
    actions: ['calendar.*'],
    resources: ['CalendarEvent::*'],
  },
  {
    type: 'agent_permission',
    locations: ['https://crm.acme.example'],
    actions: ['crm.read'],
    resources: ['Customer::*'],
  },
]
const BLUEPRINTS = Array.from({ length: 20 }, (_, index) => `team-${String.fromCharCode(97 + index)}-scheduler`)
const PEOPLE = 1_000
const IN_FLIGHT = 256
const PATIENCE = 20
const HOUR_MS = 3_600_000

type Write = (stream: 'IDENTITY' | 'POLICY', aggregate: string, ...facts: Fact[]) => Promise<void>

/** Agents, each with a key of its own, active, with one delegation and one open task under it. @returns how many events */
export async function populate(stack: Stack, agents: number): Promise<{ events: number }> {
  const { write, written, close } = await openWriters(stack)
  const people = Array.from({ length: PEOPLE }, () => newId('hum'))
  for (const human of people)
    await write('IDENTITY', `human/${human}`, { type: 'credence.identity.human.recognised.v1', data: { human } })
  for (const blueprint of BLUEPRINTS) await addBlueprint(write, blueprint, people)
  let next = 0
  const hand = async () => {
    while (next < agents) await addAgent(write, stack.trustDomain, people, next++)
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, hand))
  await close()
  return { events: written() }
}

/** Writes as the owners of the streams do. */
async function openWriters({ trustDomain, authority, nats }: Stack) {
  const log = createLog('bench', 'error')
  const connect = async (service: string) => {
    const tls = await authority.issue(`service-${service}`, `spiffe://${trustDomain}/service/${service}`)
    const nkeyFile = nats.nkeyFile(service)
    return connectBus({ servers: [nats.url], name: service, nkeyFile, log, ...tls })
  }
  const buses = { IDENTITY: await connect('identity'), POLICY: await connect('policy') }
  const now = new Date()
  let count = 0
  const write: Write = async (stream, aggregate, ...facts) => {
    const service = stream.toLowerCase()
    const source = `spiffe://${trustDomain}/service/${service}`
    const commit = newCommit(facts, { actor: { kind: 'workload', id: source }, source, subject: aggregate, now })
    const subject = `credence.${service}.${aggregate.replace('/', '.')}`
    for (let left = PATIENCE; ; left--)
      try {
        await append(buses[stream], stream, subject, commit)
        break
      } catch (error) {
        // On a busy machine an acknowledgement may be late. The same commit again is stored once.
        if (left === 0) throw error
      }
    count += facts.length
  }
  const close = () => Promise.all(Object.values(buses).map((bus) => bus.close()))
  return { write, written: () => count, close }
}

const addBlueprint = (write: Write, blueprint: string, [sponsor = '', owner = '']: string[]) =>
  write('IDENTITY', `blueprint/${blueprint}`, {
    type: 'credence.identity.blueprint.created.v1',
    data: {
      blueprint,
      purpose: 'Books meetings',
      sponsor,
      owner,
      ceiling: DETAILS,
      allowed_models: [{ provider: 'acme', name: 'small' }],
      maximum_lifetime_seconds: 604_800,
      maximum_spawn_depth: 2,
    },
  })

const random = () => randomBytes(32).toString('base64url')
const MODEL = { provider: 'acme', name: 'small', version: '2026-11-01', digest: sha256('model') }
const DIGESTS = new Map(BLUEPRINTS.map((name) => [name, { prompt: sha256(`p ${name}`), tools: sha256(`t ${name}`) }]))
const TRIGGER_DIGEST = sha256('message')

async function addAgent(write: Write, trustDomain: string, people: string[], number: number): Promise<void> {
  const [agent, delegation, task, grant] = [newId('agt'), newId('dlg'), newId('tsk'), newId('grt')]
  const blueprint = BLUEPRINTS[number % BLUEPRINTS.length] as string
  const human = people[number % people.length] as string
  const [sponsor = '', owner = ''] = people
  const digests = DIGESTS.get(blueprint)
  const key_thumbprint = random()
  const expires_at = new Date(Date.now() + 24 * HOUR_MS).toISOString()
  await write('IDENTITY', `key/${key_thumbprint}`, {
    type: 'credence.identity.key.bound.v1',
    data: { agent, key_thumbprint },
  })
  await write('IDENTITY', `agent/${agent}`, {
    type: 'credence.identity.agent.registered.v1',
    data: {
      agent,
      spiffe_id: `spiffe://${trustDomain}/agent/${blueprint}/${agent}`,
      blueprint,
      purpose: 'Books meetings for the people of one team',
      sponsor,
      owner,
      kind: 'ephemeral',
      autonomy: 'delegated',
      model: MODEL,
      prompt_digest: digests?.prompt ?? '',
      tool_manifest_digest: digests?.tools ?? '',
      public_jwk: { kty: 'EC', crv: 'P-256', x: random(), y: random() },
      key_thumbprint,
      spawn_depth_left: 1,
      labels: { team: `team-${number % 50}`, environment: 'production' },
      expires_at,
    },
  })
  await write('IDENTITY', `agent/${agent}`, {
    type: 'credence.identity.agent.activated.v1',
    data: { agent, result: newId('att'), result_expires_at: expires_at },
  })
  await write('IDENTITY', `delegation/${delegation}`, {
    type: 'credence.identity.delegation.granted.v1',
    data: {
      delegation,
      human,
      agent,
      authorization_details: DETAILS,
      purpose: 'My meetings of this week',
      not_before: new Date(Date.now() - HOUR_MS).toISOString(),
      expires_at,
      maximum_depth: 1,
    },
  })
  const trigger = {
    type: 'message',
    source: 'https://chat.acme.example',
    id: `m-${number}`,
    digest: TRIGGER_DIGEST,
  } as const
  await write(
    'POLICY',
    `task/${task}`,
    {
      type: 'credence.policy.task.opened.v1',
      data: { task, agent, delegation, human, trigger, purpose: 'Find a time for three people' },
    },
    {
      type: 'credence.policy.grant.issued.v1',
      data: { grant, task, agent, delegation, authorization_details: DETAILS, dropped: [], expires_at },
    },
  )
}
