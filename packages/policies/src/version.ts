/** What a version of the policies is called, and how its text is cut so that every part fits into an event. */
import { sha256 } from '@credence/shared/digest'
import { BASE_SCHEMA } from './base-schema.ts'
import type { Source } from './check.ts'

export const LIMITS = { policyBytes: 3 * 1024 * 1024, schemaBytes: 512 * 1024 }

/** SHA-256 over Credence's schema, the platform's and the policies, as text. */
export const versionOf = ({ policies, schema }: Source): string =>
  sha256(JSON.stringify([BASE_SCHEMA, schema, policies]))

/** Bytes of a part as JSON writes it: what is around it in the event needs some of the 60,000 that fit. */
const PART_BYTES = 48_000

/** Cuts text into parts that give it again when they are joined; none for an empty text. */
export function partsOf(text: string): string[] {
  const parts: string[] = []
  let part = ''
  let bytes = 0
  for (const line of text.split(/(?<=\n)/))
    for (const piece of pieces(line)) {
      const size = jsonBytes(piece)
      if (bytes + size > PART_BYTES) {
        parts.push(part)
        part = ''
        bytes = 0
      }
      part += piece
      bytes += size
    }
  return part ? [...parts, part] : parts
}

const jsonBytes = (text: string): number => Buffer.byteLength(JSON.stringify(text))

/** A line, or pieces of one that is too long: at most six bytes of JSON for each UTF-16 unit. */
function* pieces(line: string): Iterable<string> {
  const most = PART_BYTES / 6 - 1
  let start = 0
  while (line.length - start > most) {
    const end = start + most
    const cutsPair = /[\uD800-\uDBFF]/.test(line[end - 1] ?? '')
    yield line.slice(start, cutsPair ? end - 1 : end)
    start = cutsPair ? end - 1 : end
  }
  yield line.slice(start)
}
