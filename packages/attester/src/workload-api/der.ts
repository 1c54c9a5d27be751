/** DER elements that stand one after the other, as the Workload API sends chains of certificates (§5.1). */
import { ProducerError } from '../producer.ts'

const SEQUENCE = 0x30
/** Of the lengths that a certificate needs. */
const MAX_LENGTH_BYTES = 3

/** @throws ProducerError `svid_unavailable` when it is not a run of whole sequences */
export function derElements(bytes: Uint8Array): Uint8Array[] {
  const elements: Uint8Array[] = []
  for (let at = 0; at < bytes.length; ) {
    const end = endOf(bytes, at)
    if (end === undefined || end > bytes.length)
      throw new ProducerError('svid_unavailable', 'The Workload API sent certificates that are not DER.')
    elements.push(bytes.slice(at, end))
    at = end
  }
  return elements
}

/** X.690 §8.1.3: a short length, or how many bytes it has and then these. */
function endOf(bytes: Uint8Array, at: number): number | undefined {
  const [tag, first = 0] = bytes.subarray(at, at + 2)
  if (tag !== SEQUENCE || at + 2 > bytes.length) return undefined
  if (first < 0x80) return at + 2 + first
  const size = first & 0x7f
  if (size === 0 || size > MAX_LENGTH_BYTES || at + 2 + size > bytes.length) return undefined
  const length = bytes.subarray(at + 2, at + 2 + size).reduce((sum, byte) => sum * 256 + byte, 0)
  return at + 2 + size + length
}
