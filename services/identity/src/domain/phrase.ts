/** Words of ours with values among them: what a page shows, and must tell apart. */

/** A name, id or pattern as it is; never words of ours. */
export type Value = { value: string; quoted?: boolean }
export type Phrase = readonly (string | Value)[]

export const quoted = (value: string): Value => ({ value, quoted: true })

/** “a”, “a and b”, “a, b and c”. */
export function listed(phrases: readonly Phrase[]): Phrase {
  return phrases.flatMap((phrase, at) => {
    if (at === 0) return phrase
    return [at === phrases.length - 1 ? ' and ' : ', ', ...phrase]
  })
}

/** As plain text, for titles and tests; values in quotes. */
export const textOf = (phrase: Phrase): string =>
  phrase.map((part) => (typeof part === 'string' ? part : part.quoted ? `“${part.value}”` : part.value)).join('')
