/** Cedar's `like`: literal text and `*`, nothing else. */

/** `"Wildcard"` or `{ Literal }`, as policyToJson writes a pattern. */
export type PatternElement = 'Wildcard' | { Literal: string }

/**
 * The literal parts between wildcards; `a*b` gives ["a", "b"]. Well-formed strings match in whole Unicode scalars when
 * they are compared by UTF-16 unit, since no part begins or ends inside a surrogate pair.
 */
export function partsOf(pattern: readonly PatternElement[]): string[] {
  const parts = ['']
  for (const element of pattern) {
    if (element === 'Wildcard') parts.push('')
    else parts[parts.length - 1] += element.Literal
  }
  return parts
}

/** Leftmost placing of each part: no backtracking, at most text × pattern steps. */
export function matches(text: string, parts: readonly string[]): boolean {
  const [first = ''] = parts
  if (parts.length === 1) return text === first
  const last = parts[parts.length - 1] ?? ''
  if (text.length < first.length + last.length) return false
  if (!text.startsWith(first) || !text.endsWith(last)) return false
  let at = first.length
  const end = text.length - last.length
  for (let index = 1; index < parts.length - 1; index++) {
    const part = parts[index] ?? ''
    const found = text.indexOf(part, at)
    if (found < 0 || found + part.length > end) return false
    at = found + part.length
  }
  return true
}
