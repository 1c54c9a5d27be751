/** Snapshots and their parts by digest, in a KV bucket: each is written once, by whichever replica needs it first. */
import { unavailable } from '@credence/contracts/errors'
import { isConflict } from '@credence/shared/bus/conflict'
import type { Bus } from '@credence/shared/bus/connect'
import { sha256 } from '@credence/shared/digest'
import { createPublisher } from '@credence/shared/event-store/publisher'
import { ReadyHeaders } from '@credence/shared/event-store/recorder-message'
import { Kvm } from '@nats-io/kv'
import type { KeptSituation, Kind, Situation } from '../../domain/situation.ts'
import type { KeepSnapshot } from '../../projections/snapshots.ts'

export type SnapshotStore = {
  keep: KeepSnapshot
  /** @returns undefined when it, or a part of it, is not there or was altered */
  read(digest: string): Promise<Situation | undefined>
  stop(): Promise<void>
}

const BUCKET = 'policy_snapshots'
/** A value of a KV bucket that must not be there yet (NATS ADR-8), as the client would write it. */
const NEW = new ReadyHeaders(Buffer.from('NATS/1.0\r\nNats-Expected-Last-Subject-Sequence: 0\r\n\r\n'))

export async function openSnapshots(bus: Bus): Promise<SnapshotStore> {
  const bucket = await new Kvm(bus.js).open(BUCKET)
  const publisher = createPublisher({ bus, stream: `KV_${BUCKET}` })
  return {
    keep: (digest, text) =>
      publisher
        .publish(`$KV.${BUCKET}.${digest}`, () => ({ headers: NEW, payload: Buffer.from(text) }))
        .then(() => undefined, refuseOther),
    read: (digest) => situationFrom(digest, async (one) => (await bucket.get(one))?.string()),
    stop: publisher.stop,
  }
}

/**
 * Puts a snapshot together again.
 * @param get what is kept under a digest
 * @returns undefined when it, or a part of it, is not there or was altered
 */
export async function situationFrom(
  digest: string,
  get: (digest: string) => Promise<string | undefined>,
): Promise<Situation | undefined> {
  const textOf = async (of: string): Promise<string | undefined> => {
    const text = await get(of)
    return text !== undefined && sha256(text) === of ? text : undefined
  }
  const root = await textOf(digest)
  if (root === undefined) return undefined
  const { parts, ...situation } = JSON.parse(root) as KeptSituation & Situation
  for (const [kind, digests] of Object.entries(parts)) {
    const states: [string, unknown][] = []
    for (const [id, part] of Object.entries(digests)) {
      const state = await textOf(part)
      if (state === undefined) return undefined
      states.push([id, JSON.parse(state)])
    }
    situation[kind as Kind] = Object.fromEntries(states)
  }
  return situation
}

/** That it is there already is as good. */
function refuseOther(error: unknown): void {
  if (!(error instanceof Error && isConflict(error.cause)))
    throw unavailable('snapshot_not_kept', 'What the decision knew could not be kept.', error)
}
