/**
 * From a request line to the names in it. Proxy, decision point and upstream must all read the same path, so one that
 * any of them could read in another way is refused, and nothing is repaired.
 */

/** An operation of an API: its methods, and its path with every segment said: a word, or a name in braces for one segment. */
export type Template = { methods: readonly string[]; segments: readonly Segment[] }
type Segment = { word: string } | { name: string }

export type Match = { names: Record<string, string> } | { fault: 'path_ambiguous' | 'other_method' | 'other_path' }

const TEMPLATE = /^([A-Z]+(?:,[A-Z]+)*) (\/\S*)$/
const WORD = /^[A-Za-z0-9._~:@+,=-]*$/
const NAME = /^\{([a-z][a-z0-9_]*)\}$/
/** What may stand for a name; it becomes part of the id of a resource. */
const VALUE = /^[A-Za-z0-9._@-]{1,128}$/
const DOTS = /^\.+$/

/** `GET,HEAD /calendars/{calendar}/events/{event}`; undefined when it is something else. */
export function readTemplate(text: string): Template | undefined {
  const [, methods = '', path = ''] = TEMPLATE.exec(text) ?? []
  const segments = path
    .split('/')
    .slice(1)
    .map((text): Segment => {
      const name = NAME.exec(text)?.[1]
      return name ? { name } : { word: text }
    })
  const names = segments.flatMap((segment) => ('name' in segment ? [segment.name] : []))
  const words = segments.map((segment) => ('word' in segment ? segment.word : 'x'))
  if (!methods || new Set(names).size !== names.length || !arePlain(words)) return undefined
  return { methods: methods.split(','), segments }
}

/** @param path with its query, which names nothing */
export function matchRequest({ methods, segments }: Template, method: string, path: string): Match {
  const [before = '', ...query] = path.split('?')
  const parts = before.split('/')
  if (parts.shift() !== '' || !arePlain(parts) || query.some((text) => text.includes('#')))
    return { fault: 'path_ambiguous' }
  if (!methods.includes(method)) return { fault: 'other_method' }
  if (parts.length !== segments.length) return { fault: 'other_path' }
  const names: Record<string, string> = {}
  for (const [index, segment] of segments.entries()) {
    const part = parts[index] ?? ''
    if ('name' in segment ? !VALUE.test(part) : part !== segment.word) return { fault: 'other_path' }
    if ('name' in segment) names[segment.name] = part
  }
  return { names }
}

/**
 * No percent-encoding (`%2e`, `%2f`), backslash, parameter (`;`, RFC 3986 §3.3) or fragment, no segment of dots, and an
 * empty one only at the end: what RFC 3986 §6.2.2 would have to normalise, and what servers read each in their own way.
 */
const arePlain = (segments: string[]): boolean =>
  segments.length > 0 &&
  segments.every((text, index) => WORD.test(text) && !DOTS.test(text) && (text !== '' || index === segments.length - 1))
