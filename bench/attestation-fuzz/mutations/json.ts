/** What is done to JSON: members of other types, missing, twice, nested, exchanged with others; and to its text. */
import { mutateBytes } from './bytes.ts'
import type { Random } from './random.ts'

type Holder = Record<string, unknown>
type Place = { holder: Holder; name: string }

const DEEPEST = 100_000
const LONGEST = 1_200_000
const RARE = 0.003

const odd = (random: Random): unknown =>
  random.pick<() => unknown>([
    () => null,
    () => true,
    () => 0,
    () => -1,
    () => 1.5,
    () => 2 ** 53,
    () => 1e308,
    () => '',
    () => [],
    () => ({}),
    () => '__proto__',
    () => '\0',
    () => '\ud800',
    () => '𝒜é',
    () => 'a'.repeat(random.chance(RARE) ? LONGEST : 1 + random.below(3_000)),
    () => Array.from({ length: random.below(300) }, (_, at) => at),
    () => nested(random.below(60)),
    () => ({ constructor: {}, toString: 1, length: -1 }),
  ])()

const nested = (depth: number): unknown =>
  depth === 0 ? 1 : depth % 2 ? [nested(depth - 1)] : { a: nested(depth - 1) }

/** Some member, at any depth; undefined for a value that has none. */
function place(value: unknown, random: Random): Place | undefined {
  let found: Place | undefined
  for (let at = value; typeof at === 'object' && at !== null; ) {
    const names = Object.keys(at)
    if (names.length === 0 || (found && random.chance(0.25))) return found
    found = { holder: at as Holder, name: random.pick(names) }
    at = found.holder[found.name]
  }
  return found
}

function changeText(text: string, random: Random): string {
  const at = random.below(text.length + 1)
  return random.pick<() => string>([
    () => text.slice(0, at),
    () => `${text.slice(0, at)}${random.pick(['=', ' ', '/', '.', ':', '@', '%00', '..', '*', '\n'])}${text.slice(at)}`,
    () => text.toUpperCase(),
    () => `${text} `,
    () => text + text,
    () => text.slice(at),
    () => mutateBytes(Buffer.from(text), random, Buffer.from(text)).toString('latin1'),
    () => mutateBytes(Buffer.from(text, 'base64'), random, Buffer.from(text)).toString('base64'),
    () => Buffer.from(text, 'base64').toString('base64url'),
  ])()
}

/** What stands there instead; `MISSING`: nothing. */
type Change = (value: unknown, random: Random, about: { name: string; donor: unknown }) => unknown
const MISSING = Symbol('missing')

const CHANGES: readonly Change[] = [
  () => MISSING,
  (_, random) => odd(random),
  (_, random) => odd(random),
  (value) => [value],
  (value, _, { name }) => ({ [name]: value }),
  (value, random) => Array.from({ length: 1 + random.below(random.chance(RARE) ? 20_000 : 40) }, () => value),
  (value, random, { donor }) => {
    const other = place(donor, random)
    return other ? other.holder[other.name] : value
  },
  (value, random) => {
    if (typeof value === 'string') return changeText(value, random)
    if (typeof value === 'number') return value + random.pick([1, -1, 0.5, 1e9, -1e12])
    return Array.isArray(value) ? [...value, ...value] : odd(random)
  },
]
/** Most of what stands in there are texts. */
const WEIGHTED = [...CHANGES, ...Array(4).fill(CHANGES.at(-1))] as typeof CHANGES
const UNKNOWN_MEMBER = 0.06

const ofText: ((text: string, random: Random) => string)[] = [
  // A name twice in one object.
  (text, random) => {
    const names = [...text.matchAll(/"(?:[^"\\]|\\.)*"\s*:/g)]
    if (names.length === 0) return text
    const { index, 0: name } = random.pick(names)
    return `${text.slice(0, index)}${name}${random.pick(['0', 'null', '""', '[]', '{}'])},${text.slice(index)}`
  },
  (text, random) => {
    const depth = 1 + random.below(random.chance(RARE) ? DEEPEST : 200)
    const [open, close] = random.pick([
      ['[', ']'],
      ['{"a":', '}'],
    ] as const)
    return `${open.repeat(depth)}${text}${random.chance(0.8) ? close.repeat(depth) : ''}`
  },
  (text, random) =>
    text.replace(/\d+/, random.pick(['1e400', '-0', '1e-400', '00', '0x1', '9'.repeat(400), '1.0', 'NaN'])),
  (text) => `\ufeff${text}`,
  (text, random) => text.replaceAll(':', `:${' '.repeat(random.below(9))}`),
  (text) => text.replace(/"([a-z])/, (_, letter: string) => `"\\u00${letter.charCodeAt(0).toString(16)}`),
  (text) => `${text}${text}`,
]

export function mutateJson(bytes: Buffer, random: Random, donor: Buffer): Buffer {
  if (random.chance(0.2)) return Buffer.from(random.pick(ofText)(bytes.toString(), random))
  const [value, other] = [parsed(bytes), parsed(donor)]
  const found = place(value, random)
  if (!found) return mutateBytes(bytes, random, donor)
  const { holder, name } = found
  const changed = random.pick(WEIGHTED)(holder[name], random, { name, donor: other })
  if (changed === MISSING) delete holder[name]
  else holder[random.chance(UNKNOWN_MEMBER) ? `${name}${random.pick(['', 's', ' ', '\0', '_'])}x` : name] = changed
  return text(value) ?? mutateBytes(bytes, random, donor)
}

/** Undefined for what an earlier change has nested deeper than can be written. */
function text(value: unknown): Buffer | undefined {
  try {
    return Buffer.from(JSON.stringify(value))
  } catch {
    return undefined
  }
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString())
  } catch {
    return undefined
  }
}
