/**
 * A company of many agents, written straight into the streams: the same commits, in the same order and with the same
 * message ids, as identity and policy would write them. Only the agents that a load uses have a private key.
 */
import { randomBytes } from 'node:crypto'
import type { AuthorizationDetail } from '@credence/contracts/authority'
import type { Fact } from '@credence/contracts/events/catalog'
import type { PublicJwk } from '@credence/contracts/events/identity'
import type { StreamName } from '@credence/contracts/streams'
import type { Stack } from '@credence/infra/dev/stack'
import { type Bus, connectBus } from '@credence/shared/bus/connect'
import { sha256 } from '@credence/shared/digest'
import { append } from '@credence/shared/event-store/append'
import { type Actor, newCommit } from '@credence/shared/event-store/commit'
import { newId } from '@credence/shared/ids'
import { createLog } from '@credence/shared/log'
import { calculateJwkThumbprint, exportJWK, exportPKCS8, generateKeyPair } from 'jose'

export const CALENDAR = 'https://calendar.acme.example'
const CRM = 'https://crm.acme.example'
const DETAILS: AuthorizationDetail[] = [
  { type: 'agent_permission', locations: [CALENDAR], actions: ['calendar.*'], resources: ['CalendarEvent::*'] },
  { type: 'agent_permission', locations: [CRM], actions: ['crm.read'], resources: ['Customer::*'] },
]
const BLUEPRINTS = 20
const HUMANS = 1_000
const IN_FLIGHT = 512
const HOUR_MS = 3_600_000

/** An agent that can prove itself, with all that it needs for an exchange. Keys are PKCS #8 in PEM. */
export type Worker = {
  agent: string
  spiffeId: string
  delegation: string
  human: string
  grant: string
  privateKey: string
  publicJwk: PublicJwk
  thumbprint: string
}

type Key = { publicJwk: PublicJwk; thumbprint: string; privateKey?: string }

/** Opens the streams of a stack as their writers do. */
async function openStreams(stack: Stack) {
  const { trustDomain, authority, nats } = stack
  const log = createLog('bench', 'error')
  const buses = new Map<StreamName, Bus>()
  for (const [stream, service] of [
    ['IDENTITY', 'identity'],
    ['POLICY', 'policy'],
    ['ATTESTATION', 'attestation'],
  ] as const) {
    const tls = await authority.issue(`bench-${service}`, `spiffe://${trustDomain}/service/${service}`)
    const nkeyFile = nats.nkeyFile(service)
    buses.set(stream, await connectBus({ servers: [nats.url], name: service, nkeyFile, log, ...tls }))
  }
  const now = new Date()
  async function write(stream: StreamName, aggregate: string, ...facts: Fact[]): Promise<void> {
    const service = stream.toLowerCase()
    const source = `spiffe://${trustDomain}/service/${service}`
    const actor: Actor = { kind: 'workload', id: source }
    const commit = newCommit(facts, { actor, source, subject: aggregate, now })
    const bus = buses.get(stream)
    if (!bus) throw new Error(`no connection for ${stream}`)
    await append(bus, stream, `credence.${service}.${aggregate.replace('/', '.')}`, commit)
  }
  return { write, close: () => Promise.all([...buses.values()].map((bus) => bus.close())) }
}

const realKey = async (): Promise<Key> => {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
  const publicJwk = (await exportJWK(publicKey)) as PublicJwk
  return { publicJwk, thumbprint: await calculateJwkThumbprint(publicJwk), privateKey: await exportPKCS8(privateKey) }
}

/** Of the right form, and nobody's. */
const strangersKey = (): Key => {
  const part = () => randomBytes(32).toString('base64url')
  return { publicJwk: { kty: 'EC', crv: 'P-256', x: part(), y: part() }, thumbprint: part() }
}

export type Houses = { humans: string[]; count: number }

/**
 * Adds agents, each with its own key, active, with one delegation and one grant under it.
 * @param options.workers how many of them have a private key, and a result of attestation besides
 * @returns those
 */
export async function populate(
  stack: Stack,
  options: { agents: number; workers: number; houses?: Houses },
): Promise<{ workers: Worker[]; houses: Houses; events: number }> {
  const streams = await openStreams(stack)
  const expiry = new Date(Date.now() + 24 * HOUR_MS).toISOString()
  const began = new Date(Date.now() - HOUR_MS).toISOString()
  let events = 0
  const write: typeof streams.write = async (...about) => {
    events++
    await streams.write(...about)
  }
  const houses = options.houses ?? (await found(write))
  const workers: Worker[] = []

  async function addAgent(number: number): Promise<void> {
    const isWorker = number < options.workers
    const key = isWorker ? await realKey() : strangersKey()
    const agent = newId('agt')
    const blueprint = blueprintName(number % BLUEPRINTS)
    const human = houses.humans[number % houses.humans.length] as string
    const spiffeId = `spiffe://${stack.trustDomain}/agent/${blueprint}/${agent}`
    const delegation = newId('dlg')
    const [grant, task, result] = [newId('grt'), newId('tsk'), newId('att')]
    const bound = { agent, key_thumbprint: key.thumbprint }
    await write('IDENTITY', `key/${key.thumbprint}`, { type: 'credence.identity.key.bound.v1', data: bound })
    await write('IDENTITY', `agent/${agent}`, {
      type: 'credence.identity.agent.registered.v1',
      data: {
        agent,
        spiffe_id: spiffeId,
        blueprint,
        purpose: 'Books meetings for the people of one team',
        sponsor: houses.humans[0] as string,
        owner: houses.humans[1] as string,
        kind: 'ephemeral',
        autonomy: 'delegated',
        model: { provider: 'acme', name: 'small', version: '2026-11-01', digest: digest('model') },
        prompt_digest: digest(`prompt of ${blueprint}`),
        tool_manifest_digest: digest(`tools of ${blueprint}`),
        public_jwk: key.publicJwk,
        key_thumbprint: key.thumbprint,
        spawn_depth_left: 1,
        labels: { team: `team-${number % 50}`, environment: 'production' },
        expires_at: expiry,
      },
    })
    await write('IDENTITY', `agent/${agent}`, {
      type: 'credence.identity.agent.activated.v1',
      data: { agent, result, result_expires_at: expiry },
    })
    await write('IDENTITY', `delegation/${delegation}`, {
      type: 'credence.identity.delegation.granted.v1',
      data: {
        delegation,
        human,
        agent,
        authorization_details: DETAILS,
        purpose: 'My meetings of this week',
        not_before: began,
        expires_at: expiry,
        maximum_depth: 1,
      },
    })
    await write(
      'POLICY',
      `task/${task}`,
      {
        type: 'credence.policy.task.opened.v1',
        data: {
          task,
          agent,
          delegation,
          human,
          trigger: {
            type: 'message',
            source: 'https://chat.acme.example',
            id: `m-${number}`,
            digest: digest('message'),
          },
          purpose: 'Find a time for three people',
        },
      },
      {
        type: 'credence.policy.grant.issued.v1',
        data: { grant, task, agent, delegation, authorization_details: DETAILS, dropped: [], expires_at: expiry },
      },
    )
    if (!isWorker || !key.privateKey) return
    await write('ATTESTATION', `challenge/${newId('chl')}`, {
      type: 'credence.attestation.result.recorded.v1',
      data: {
        result,
        challenge: newId('chl'),
        agent,
        kind: 'software',
        status: 'affirming',
        accepted: true,
        trustworthiness_vector: { executables: 2 },
        reasons: [],
        result_digest: digest('result'),
        expires_at: expiry,
      },
    })
    const { publicJwk, thumbprint, privateKey } = key
    workers.push({ agent, spiffeId, delegation, human, grant, privateKey, publicJwk, thumbprint })
  }

  let next = 0
  const hand = async () => {
    while (next < options.agents) await addAgent(next++)
  }
  await Promise.all(Array.from({ length: Math.min(IN_FLIGHT, options.agents) }, hand))
  houses.count += options.agents
  await streams.close()
  return { workers, houses, events }
}

/** People and blueprints. */
async function found(write: Awaited<ReturnType<typeof openStreams>>['write']): Promise<Houses> {
  const humans = Array.from({ length: HUMANS }, () => newId('hum'))
  for (const human of humans)
    await write('IDENTITY', `human/${human}`, { type: 'credence.identity.human.recognised.v1', data: { human } })
  for (let index = 0; index < BLUEPRINTS; index++) {
    const blueprint = blueprintName(index)
    await write('IDENTITY', `blueprint/${blueprint}`, {
      type: 'credence.identity.blueprint.created.v1',
      data: {
        blueprint,
        purpose: 'Books meetings',
        sponsor: humans[0] as string,
        owner: humans[1] as string,
        ceiling: DETAILS,
        allowed_models: [{ provider: 'acme', name: 'small' }],
        maximum_lifetime_seconds: 604_800,
        maximum_spawn_depth: 2,
      },
    })
  }
  return { humans, count: 0 }
}

const blueprintName = (index: number) => `scheduler-${String.fromCharCode(97 + index)}`
const digests = new Map<string, string>()
const digest = (text: string): string => {
  const known = digests.get(text) ?? sha256(text)
  digests.set(text, known)
  return known
}
