/** Every signing key gets into the record once, whichever replica made it. */
import type { EventData } from '@credence/contracts/events/catalog'
import type { Clock } from '@credence/shared/clock'
import type { Writer } from '@credence/shared/event-store/aggregates'
import type { SigningKeys } from '../projections/signing-keys.ts'

export type Rotation = EventData<'credence.identity.signing_key.rotated.v1'>

/** @param parts.source SPIFFE ID of this service */
export function createKeyRotation(parts: { signingKeys: SigningKeys; writer: Writer; clock: Clock; source: string }) {
  const { signingKeys, writer, clock, source } = parts
  return async (keys: readonly Rotation[]): Promise<void> => {
    for (const data of keys) {
      if (signingKeys.get(data.kid).state) continue
      await writer.execute(signingKeys, {
        id: data.kid,
        actor: { kind: 'workload', id: source },
        now: clock(),
        decide: (state) => (state ? [] : [{ type: 'credence.identity.signing_key.rotated.v1' as const, data }]),
      })
    }
  }
}
