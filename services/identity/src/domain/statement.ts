/**
 * Words of somebody else (an agent above all) made harmless to show: they cannot turn the direction of a line, hide in
 * invisible characters, tower over other lines, or pass one alphabet off as another without its being said.
 * Unicode TR 36 §3, UTS 39 §5.1 (mixed scripts).
 */

/** A run of text, and why it is not what it may look like. */
export type Run = { text: string; warning?: string }

/** The longest statement that is shown, in characters. */
export const MAX_STATEMENT = 500

/** Controls, direction marks, variation selectors, blanks with other names. */
const INVISIBLE =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\u115f\u1160\u2800\u3164\uffa0]|\p{Variation_Selector}|\p{Default_Ignorable_Code_Point}/gu
const BREAKS = /[\t\n\r\v\f\u0085\u2028\u2029]/gu
/** More than two marks on one letter reach into other lines. */
const TOWERS = /(\p{M}{2})\p{M}+/gu

/** One paragraph of at most `most` characters: no control, direction or invisible ones, single spaces. */
export function harmless(text: string, most: number = MAX_STATEMENT): string {
  const flat = text
    .slice(0, most * 8)
    .replaceAll(BREAKS, ' ')
    .replaceAll(INVISIBLE, '')
    .replaceAll(TOWERS, '$1')
  const characters = [...flat.replaceAll(/\s+/gu, ' ').trim()]
  return characters.length > most
    ? `${characters
        .slice(0, most - 1)
        .join('')
        .trimEnd()}…`
    : characters.join('')
}

const SCRIPTS = ['Latin', 'Cyrillic', 'Greek', 'Armenian', 'Hebrew', 'Arabic', 'Cherokee', 'Georgian', 'Coptic', 'Lisu', 'Han', 'Hiragana', 'Katakana', 'Hangul', 'Bopomofo', 'Thai', 'Devanagari'] // biome-ignore format: a list
const PATTERNS = SCRIPTS.map((name): [string, RegExp] => [name, new RegExp(`\\p{Script=${name}}`, 'u')])
/** Scripts that are written together: Japanese, Chinese with Bopomofo, Korean (UTS 39 §5.1). */
const TOGETHER = [
  ['Han', 'Hiragana', 'Katakana'],
  ['Han', 'Bopomofo'],
  ['Han', 'Hangul'],
]
/** Letters of Cyrillic, Greek and Armenian that look like Latin ones: a word of these alone looks like another word. */
const LIKE_LATIN = /^[аАВсСԁеЕНһіІјЈКкӏМоОрРԛѕЅТхХуУѵԝαΑΒΕΖΗΙΚΜΝοΟΡΤΥΧνօՏՕսԼ\P{L}]+$/u

const scriptsIn = (word: string): string[] => PATTERNS.flatMap(([name, pattern]) => (pattern.test(word) ? [name] : []))

/** Words of one or two letters look like others in every language. */
const letters = (word: string): number => word.match(/\p{L}/gu)?.length ?? 0

function warningOf(word: string): string | undefined {
  const scripts = scriptsIn(word)
  if (scripts.length > 1 && !TOGETHER.some((set) => scripts.every((script) => set.includes(script))))
    return `mixes ${scripts.join(' and ')} letters`
  const [only] = scripts
  if (only && only !== 'Latin' && LIKE_LATIN.test(word) && letters(word) > 2)
    return `is written in ${only} letters that look like Latin ones`
  if (/\p{L}|\p{N}/u.test(word) && word.normalize('NFKC') !== word.normalize('NFC'))
    return 'is written in look-alike characters'
  return undefined
}

/** The text in runs; a word that can deceive the eye is a run of its own with the reason. */
export function runsOf(text: string, most?: number): Run[] {
  const runs: Run[] = []
  for (const part of harmless(text, most).split(/([\s/.,:;()'"“”@-]+)/u)) {
    const warning = warningOf(part)
    const last = runs.at(-1)
    if (warning) runs.push({ text: part, warning })
    else if (last && !last.warning) last.text += part
    else if (part) runs.push({ text: part })
  }
  return runs
}
