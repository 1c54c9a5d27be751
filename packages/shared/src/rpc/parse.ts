/** From bytes to trusted input: size, wire format, unknown fields, then the method's own schema. */

import { CredenceError, type FieldViolation, invalid } from '@credence/contracts/errors'
import type { z } from 'zod'

/** Largest request in bytes, of methods that do not say otherwise. */
export const MAX_REQUEST_BYTES = 1024 * 1024

const snake = (name: PropertyKey): string => String(name).replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
const fieldOf = (path: readonly PropertyKey[]): string => path.map(snake).join('.') || 'request'

/**
 * @param options.fields `open`: fields that we do not know are passed over
 * @param options.maxBytes where it is not the usual (`MAX_REQUEST_BYTES`)
 * @throws CredenceError `invalid_argument` naming every field that is wrong, and what is allowed
 */
export function parseRequest<T>(
  bytes: Uint8Array,
  decode: (bytes: Buffer) => unknown,
  schema: z.ZodType<T>,
  {
    fields = 'closed',
    maxBytes = MAX_REQUEST_BYTES,
  }: { fields?: 'closed' | 'open'; maxBytes?: number | undefined } = {},
): T {
  if (bytes.byteLength > maxBytes)
    throw invalid('request', `is ${bytes.byteLength} bytes; at most ${maxBytes} are allowed`)
  let message: unknown
  try {
    message = decode(Buffer.from(bytes))
  } catch {
    throw invalid('request', 'is not a well-formed protobuf message of this method')
  }
  if (fields === 'closed') refuseUnknownFields(message)
  const result = schema.safeParse(message)
  if (result.success) return result.data
  const violations: FieldViolation[] = result.error.issues
    .slice(0, 20)
    .map((issue) => ({ field: fieldOf(issue.path), description: issue.message }))
  const text = violations.map(({ field, description }) => `${field}: ${description}`).join('; ')
  throw new CredenceError('invalid_argument', 'invalid_field', text, violations)
}

/**
 * Readies a decoded message for a closed schema, where a field that is not known must not be passed over.
 * @throws CredenceError `invalid_argument` naming it
 */
export function refuseUnknownFields(value: unknown, path: readonly PropertyKey[] = []): void {
  if (!value || typeof value !== 'object' || value instanceof Uint8Array || value instanceof Date) return
  for (const [key, member] of Object.entries(value)) {
    if (key !== '_unknownFields') refuseUnknownFields(member, [...path, key])
    else {
      const numbers = Object.keys(member).map((tag) => Number(tag) >>> 3)
      if (numbers.length > 0) throw invalid(fieldOf(path), `has unknown field number ${numbers.join(', ')}`)
      // The decoder makes an empty one in every message; closed schemas must not see it.
      delete (value as { _unknownFields?: unknown })._unknownFields
    }
  }
}
