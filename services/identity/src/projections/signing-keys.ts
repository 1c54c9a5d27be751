/** Signing keys of this service as the record tells of them. */
import { latest } from '@credence/contracts/events/latest'
import { aggregates } from '@credence/shared/event-store/aggregates'

export type SigningKeys = ReturnType<typeof createSigningKeys>

/** Each named by its `kid`. */
export const createSigningKeys = () =>
  aggregates('identity', 'signing_key', latest('credence.identity.signing_key.rotated.v1'))
