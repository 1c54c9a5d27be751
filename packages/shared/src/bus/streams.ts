/** What the streams must look like; made by the bootstrap identity, compared by every service at start. */

import { CredenceError } from '@credence/contracts/errors'
import { ORIGINS, STREAMS, type StreamName } from '@credence/contracts/streams'
import {
  AckPolicy,
  DeliverPolicy,
  DiscardPolicy,
  type JetStreamManager,
  PersistMode,
  RetentionPolicy,
  StorageType,
} from '@nats-io/jetstream'
import { Kvm } from '@nats-io/kv'
import { type Bus, patiently } from './connect.ts'

export type StreamSize = { replicas: number; maxBytes: number }

/** Append-only: nothing expires, nothing is deleted, and a full disk refuses instead of eating history. */
const wanted = (stream: StreamName, { replicas, maxBytes }: StreamSize) => ({
  name: stream,
  subjects: [...STREAMS[stream].subjects],
  retention: RetentionPolicy.Limits,
  storage: StorageType.File,
  discard: DiscardPolicy.New,
  max_age: 0,
  max_msgs: -1,
  max_msgs_per_subject: -1,
  max_bytes: maxBytes,
  max_msg_size: 1024 * 1024,
  deny_delete: true,
  deny_purge: true,
  allow_rollup_hdrs: false,
  num_replicas: replicas,
  duplicate_window: 120 * 1_000_000_000,
})

/** Durable consumers of the reactions, and the service that owns each. */
export const REACTIONS = {
  'identity-activation': { stream: 'ATTESTATION', owner: 'identity' },
  'policy-endings': { stream: 'IDENTITY', owner: 'policy' },
} as const satisfies Record<string, { stream: StreamName; owner: string }>

export type ReactionName = keyof typeof REACTIONS

/** Key-value buckets: what must be shared between replicas and may be forgotten. Lives are in milliseconds, 0 = no end. */
export const BUCKETS = {
  identity_directory: { owner: 'identity', ttl: 0 },
  identity_replay: { owner: 'identity', ttl: 10 * 60_000 },
  /** People who are signed in. */
  identity_sessions: { owner: 'identity', ttl: 8 * 3_600_000 },
  /** People who are on their way to sign in, and codes that they tried. */
  identity_sign_ins: { owner: 'identity', ttl: 10 * 60_000 },
  /** What agents say when they ask for authority. */
  identity_statements: { owner: 'identity', ttl: 24 * 3_600_000 },
  /** What the authorization server keeps between two requests: pushed requests, interactions, codes. */
  identity_oauth: { owner: 'identity', ttl: 15 * 60_000 },
  /** The secret of nonces and challenges, the same for every replica; delete it to renew it. */
  identity_challenges: { owner: 'identity', ttl: 0 },
  /** What decisions knew, by its digest: with it they can be recomputed. */
  policy_snapshots: { owner: 'policy', ttl: 0 },
  /** What was told of acts: amounts, arguments, properties, what agents say of them. Erasable. */
  policy_acts: { owner: 'policy', ttl: 30 * 86_400_000 },
  /** The key of the digests of acts, the same for every replica; delete it to renew it (approvals then fit no more). */
  policy_secret: { owner: 'policy', ttl: 0 },
} as const

/** Makes streams, durable consumers and buckets. Needs the bootstrap identity; safe to repeat. */
export async function bootstrapStreams(bus: Bus, size: StreamSize): Promise<void> {
  for (const stream of Object.keys(STREAMS) as StreamName[]) await ensureStream(bus.jsm, stream, size)
  for (const [durable, { stream }] of Object.entries(REACTIONS)) {
    await bus.jsm.consumers.add(stream, {
      durable_name: durable,
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.All,
      // How long a reaction stands still when the process that had an event was killed.
      ack_wait: 5 * 1_000_000_000,
      max_ack_pending: 1,
    })
  }
  const buckets = new Kvm(bus.connection)
  for (const [bucket, { ttl }] of Object.entries(BUCKETS))
    await buckets.create(bucket, { ttl, history: 1, replicas: size.replicas })
}

async function ensureStream(jsm: JetStreamManager, stream: StreamName, size: StreamSize): Promise<void> {
  const existing = await jsm.streams.info(stream).catch(() => undefined)
  if (!existing) await jsm.streams.add(wanted(stream, size))
}

/**
 * Compares what the server really offers with what is needed: old servers drop settings that they do not know, in
 * silence. @throws CredenceError `failed_precondition` naming stream and setting
 */
export async function verifyStreams(bus: Bus, streams: readonly StreamName[] = [...ORIGINS, 'TRAIL']): Promise<void> {
  for (const stream of streams) {
    const { config } = await patiently(() => bus.jsm.streams.info(stream))
    if (config.persist_mode === PersistMode.Async) {
      const message = `Stream ${stream} has persist_mode = "async": it acknowledges what is not on disk yet. This cannot be changed; make the stream anew from a backup.`
      throw new CredenceError('failed_precondition', 'stream_mismatch', message)
    }
    const target = wanted(stream, { replicas: config.num_replicas, maxBytes: config.max_bytes })
    for (const key of Object.keys(target) as (keyof typeof target)[]) {
      if (key === 'duplicate_window') continue
      if (JSON.stringify(config[key] ?? false) !== JSON.stringify(target[key])) {
        const message = `Stream ${stream} has ${key} = ${JSON.stringify(config[key])}, and ${JSON.stringify(target[key])} is needed. Run the bootstrap with the bootstrap identity, or repair the stream.`
        throw new CredenceError('failed_precondition', 'stream_mismatch', message)
      }
    }
  }
}
