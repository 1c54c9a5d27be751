/** Messages of the proto as values of the contract, where their shapes differ: each fault is named by the proto’s path. */
import { z } from 'zod'

export type Path = readonly PropertyKey[]
/** Says what is wrong with a field. */
export type Fault = (path: Path, message: string) => void

/** A field whose message becomes a value; `convert` gives undefined when it has told a fault. */
export const converted = <Message extends object, Value>(
  convert: (message: Message, fault: Fault) => Value | undefined,
) =>
  z
    .custom<Message>((value) => typeof value === 'object' && value !== null, 'is missing')
    .transform((message, context): Value => {
      let faulty = false
      const value = convert(message, (path, text) => {
        faulty = true
        context.addIssue({ code: 'custom', message: text, path: [...path] })
      })
      return faulty || value === undefined ? z.NEVER : value
    })

/** Checks a value by its schema; `named` tells what a member of it is called in the proto. */
export function checked<Value>(
  schema: z.ZodType<Value>,
  value: unknown,
  { path, fault, named = (inner) => inner }: { path: Path; fault: Fault; named?: (inner: Path) => Path },
): Value | undefined {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  for (const { path: inner, message } of result.error.issues.slice(0, 10)) fault([...path, ...named(inner)], message)
  return undefined
}

/** Fields that the service fills in must be left out by others. */
export function refuseGiven(message: object, fields: readonly string[], fault: Fault): void {
  for (const [name, value] of Object.entries(message))
    if (fields.includes(name) && isSet(value)) fault([name], 'is given by the service: leave it out')
}

/** Whether a field of a proto3 message holds another value than the one that stands for none. */
export function isSet(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0
  if (typeof value === 'string') return value !== '' && !value.endsWith('_UNSPECIFIED')
  return value !== undefined && value !== 0 && value !== 0n && value !== false
}
