/**
 * An entry of the trail: what was stored in an origin stream, where, and as which event. Its bytes are the message in
 * TRAIL and the leaf of the tree; they follow from the origin's message alone, so any sequencer writes the same.
 */
import { ORIGINS, type Origin } from '@credence/contracts/streams'
import { z } from 'zod'

export type Recorded = {
  origin: Origin
  sequence: number
  subject: string
  header: (name: string) => string
  data: string
}

const Entry = z.object({
  origin: z.enum(ORIGINS),
  sequence: z.int().positive(),
  subject: z.string(),
  /** CloudEvents 1.0, structured. */
  event: z.object({
    id: z.string(),
    type: z.string(),
    source: z.string(),
    subject: z.string(),
    time: z.string(),
    traceparent: z.string().optional(),
    data: z.object({
      facts: z.array(z.object({ type: z.string(), data: z.record(z.string(), z.unknown()) })),
      actor: z.object({ kind: z.string(), id: z.string() }),
      correlation: z.object({
        task: z.string().optional(),
        trigger: z.string().optional(),
        delegation: z.string().optional(),
        human: z.string().optional(),
      }),
      causation: z.string().optional(),
    }),
  }),
})
export type Entry = z.infer<typeof Entry>

/** Members in this order, no white space; the body is taken over as it was stored. */
export function encodeEntry({ origin, sequence, subject, header, data }: Recorded): Buffer {
  const text = (name: string) => JSON.stringify(header(name))
  const traceparent = header('traceparent')
  const event = [
    `"specversion":"1.0","id":${text('ce-id')},"type":${text('ce-type')},"source":${text('ce-source')}`,
    `"subject":${text('ce-subject')},"time":${text('ce-time')},"datacontenttype":"application/json"`,
    ...(traceparent ? [`"traceparent":${JSON.stringify(traceparent)}`] : []),
    `"data":${data}`,
  ]
  return Buffer.from(
    `{"origin":"${origin}","sequence":${sequence},"subject":${JSON.stringify(subject)},"event":{${event.join(',')}}}`,
  )
}

const PLACE = /^\{"origin":"([A-Z]+)","sequence":([0-9]{1,15}),/

/** Only where an entry comes from, read from its first bytes. @throws Error when the bytes are not an entry */
export function placeOf(bytes: Uint8Array): { origin: Origin; sequence: number } {
  const found = PLACE.exec(Buffer.from(bytes.subarray(0, 80)).toString('latin1'))
  const origin = ORIGINS.find((name) => name === found?.[1])
  if (!found || !origin) throw new Error('not an entry of the trail')
  return { origin, sequence: Number(found[2]) }
}

/** @throws Error when the bytes are not an entry */
export const decodeEntry = (bytes: Uint8Array): Entry => Entry.parse(JSON.parse(Buffer.from(bytes).toString('utf8')))
