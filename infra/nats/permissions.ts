/**
 * What each service may do on NATS: publish its own subjects, read the streams that it follows, and nothing else. Only
 * the bootstrap identity may make or change a stream.
 */
import { STREAMS, type StreamName } from '@credence/contracts/streams'
import { BUCKETS, REACTIONS } from '@credence/shared/bus/streams'

export type Permissions = { publish: string[]; subscribe: string[] }

/** Streams that a service reads besides its own. */
const FOLLOWS: Record<string, StreamName[]> = {
  identity: ['IDENTITY', 'ATTESTATION', 'POLICY'],
  policy: ['IDENTITY', 'ATTESTATION', 'POLICY'],
  attestation: ['IDENTITY', 'ATTESTATION'],
  audit: ['IDENTITY', 'POLICY', 'ATTESTATION', 'DECISIONS', 'EFFECTS', 'TRAIL'],
}

export const SERVICES = Object.keys(FOLLOWS)

const streamNames = Object.keys(STREAMS) as StreamName[]

const reading = (stream: string): string[] => [
  `$JS.API.STREAM.MSG.GET.${stream}`,
  `$JS.API.CONSUMER.CREATE.${stream}`,
  `$JS.API.CONSUMER.CREATE.${stream}.>`,
  `$JS.API.CONSUMER.INFO.${stream}.>`,
  `$JS.API.CONSUMER.MSG.NEXT.${stream}.>`,
  `$JS.API.CONSUMER.DELETE.${stream}.>`,
]

const writing = (stream: StreamName): string[] => [...STREAMS[stream].subjects, `$JS.API.STREAM.MSG.GET.${stream}`]

/** Acknowledgement subjects have two shapes: servers before 2.15, and from 2.15 with domain and account. */
const reacting = (durable: string, stream: string): string[] => [
  `$JS.API.CONSUMER.INFO.${stream}.${durable}`,
  `$JS.API.CONSUMER.MSG.NEXT.${stream}.${durable}`,
  `$JS.ACK.${stream}.${durable}.>`,
  `$JS.ACK.*.*.${stream}.${durable}.>`,
]

const keeping = (bucket: string): string[] => [
  `$KV.${bucket}.>`,
  `$JS.API.STREAM.INFO.KV_${bucket}`,
  `$JS.API.STREAM.MSG.GET.KV_${bucket}`,
  `$JS.API.DIRECT.GET.KV_${bucket}`,
  `$JS.API.DIRECT.GET.KV_${bucket}.>`,
]

export function permissionsOf(service: string): Permissions {
  const written = streamNames.filter((stream) => STREAMS[stream].writer === service)
  const reactions = Object.entries(REACTIONS).filter(([, { owner }]) => owner === service)
  const buckets = Object.entries(BUCKETS).filter(([, { owner }]) => owner === service)
  return {
    publish: [
      ...streamNames.map((stream) => `$JS.API.STREAM.INFO.${stream}`),
      ...(FOLLOWS[service] ?? []).flatMap(reading),
      ...written.flatMap(writing),
      ...reactions.flatMap(([durable, { stream }]) => reacting(durable, stream)),
      ...buckets.flatMap(([bucket]) => keeping(bucket)),
    ],
    subscribe: [`_INBOX_${service}.>`],
  }
}

/** The bootstrap identity: streams, consumers and buckets, but no event. */
export const bootstrapPermissions: Permissions = { publish: ['$JS.API.>'], subscribe: ['_INBOX_bootstrap.>'] }
