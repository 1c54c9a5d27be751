/** What cedar-wasm says went wrong, in words for the author of the text. */
import type { DetailedError } from '@cedar-policy/cedar-wasm/nodejs'

const MAX_LENGTH = 300

/** One sentence or two, without the policy's name, which findings carry apart. */
export function detailOf({ message, help, sourceLocations }: DetailedError): string {
  const expected = sourceLocations?.find(({ label }) => label)?.label
  const text = [message.replace(/^for policy `[^`]*`, /, ''), expected ?? help].filter(Boolean).join(': ')
  return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH - 1)}…` : text
}

/** "line 3: ", from the place in bytes that the engine names; empty when it names none. @param before bytes of what was put before the text */
export function lineOf({ sourceLocations }: DetailedError, text: string, before = 0): string {
  const start = sourceLocations?.[0]?.start
  if (start === undefined || start < before) return ''
  const until = Buffer.from(text).subarray(0, start - before)
  return `line ${until.filter((byte) => byte === NEWLINE).length + 1}: `
}

const NEWLINE = 10
