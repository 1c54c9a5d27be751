/** Every decision of a run made again, from its record and the snapshot that it names, by the code that replays single ones. */
import type { Stack } from '@credence/infra/dev/stack'
import type { LoadedPolicies } from '@credence/policies/policies'
import { versionOf } from '@credence/policies/version'
import { type Bus, connectBus } from '@credence/shared/bus/connect'
import { decodeCommit } from '@credence/shared/event-store/commit'
import { createLog } from '@credence/shared/log'
import type { JsMsg } from '@nats-io/jetstream'
import { cedarEngine } from '../../services/policy/src/adapters/cedar/cedar.ts'
import { situationFrom } from '../../services/policy/src/adapters/snapshots/snapshots.ts'
import { type Recorded, replay } from '../../services/policy/src/domain/replay.ts'

export type Replays = {
  replayed: number
  /** Allowed ones among them. */
  allowed: number
  disagreements: string[]
  /** Deciding again alone, and with reading the snapshots. */
  perSecond: number
}

/** @param most none: all that are there */
export async function replayAll(stack: Stack, cedar: string, most = Number.POSITIVE_INFINITY): Promise<Replays> {
  const policies = await loaded(cedar)
  const records: { recorded: Recorded; time: Date }[] = []
  await withBus(stack, 'audit', (bus) =>
    each(bus, 'DECISIONS', (message) => {
      const commit = decodeCommit(message, 'DECISIONS', message.seq)
      for (const { type, data } of commit.facts)
        if (type === 'credence.policy.decision.made.v1') records.push({ recorded: data, time: new Date(commit.time) })
      return records.length < most
    }),
  )
  const texts = new Map<string, string>()
  // The policy service reads its snapshots one by one; it may not read the bucket as a stream.
  await withBus(stack, 'bootstrap', (bus) =>
    each(bus, 'KV_policy_snapshots', (message) => {
      texts.set(message.subject.slice(message.subject.lastIndexOf('.') + 1), message.string())
      return true
    }),
  )
  const disagreements: string[] = []
  const began = performance.now()
  for (const { recorded, time } of records) disagreements.push(...(await differences(recorded, time, texts, policies)))
  const seconds = (performance.now() - began) / 1000
  return {
    replayed: records.length,
    allowed: records.filter(({ recorded }) => recorded.outcome === 'allow').length,
    disagreements,
    perSecond: records.length / seconds,
  }
}

async function differences(
  recorded: Recorded,
  time: Date,
  texts: ReadonlyMap<string, string>,
  policies: LoadedPolicies,
): Promise<string[]> {
  const { decision } = recorded
  if (recorded.policy_version !== policies.version) return [`${decision}: by other policies`]
  const situation = await situationFrom(recorded.snapshot, async (digest) => texts.get(digest))
  if (!situation) return [`${decision}: the snapshot ${recorded.snapshot} is not kept, or was altered`]
  const found = replay(recorded, time, situation, {}, policies, []).differences
  return found.length > 0 ? [`${decision}: ${found.join('; ')}`] : []
}

/** The version is a digest of the text: it is the one that was active. */
async function loaded(policies: string): Promise<LoadedPolicies> {
  const source = { policies, schema: '' }
  const checked = await cedarEngine.check(versionOf(source), source)
  if (!checked.loaded) throw new Error(checked.findings.map(({ message }) => message).join('; '))
  return checked.loaded
}

async function withBus(
  { nats, authority, trustDomain }: Stack,
  name: string,
  work: (bus: Bus) => Promise<void>,
): Promise<void> {
  const tls = await authority.issue(`service-${name}`, `spiffe://${trustDomain}/service/${name}`)
  const log = createLog('bench', 'error')
  const bus = await connectBus({ servers: [nats.url], name, nkeyFile: nats.nkeyFile(name), log, ...tls })
  try {
    await work(bus)
  } finally {
    await bus.close()
  }
}

/** All messages that a stream has, while they are wanted. */
async function each(bus: Bus, stream: string, take: (message: JsMsg) => boolean): Promise<void> {
  const { state } = await bus.jsm.streams.info(stream)
  if (state.messages === 0) return
  const messages = await (await bus.js.consumers.get(stream)).consume({ max_messages: 5_000 })
  for await (const message of messages) if (!take(message) || message.seq >= state.last_seq) break
  await messages.close()
}
