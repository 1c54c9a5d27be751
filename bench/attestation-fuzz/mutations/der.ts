/** What is done to DER (X.690): elements missing, twice, nested, of other types and lengths, exchanged with others. */
import { mutateBytes } from './bytes.ts'
import type { Random } from './random.ts'

/** `head`: tag and length as they are to be written, right or not. */
type Element = { tag: number; content: Buffer; children?: Element[]; head?: Buffer }

const CONSTRUCTED = 0x20
const MOST_DEPTH = 24

/** @returns undefined for what is not DER */
function read(bytes: Buffer, depth = 0): Element[] | undefined {
  const elements: Element[] = []
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes[at] as number
    const first = bytes[at + 1]
    if (first === undefined || depth > MOST_DEPTH) return undefined
    const more = first > 0x80 && first <= 0x84 ? first - 0x80 : 0
    if (at + 2 + more > bytes.length || first === 0x80 || first > 0x84) return undefined
    const length = more ? bytes.readUIntBE(at + 2, more) : first
    const from = at + 2 + more
    if (from + length > bytes.length) return undefined
    const content = bytes.subarray(from, from + length)
    const children = (tag & CONSTRUCTED) !== 0 ? read(content, depth + 1) : undefined
    elements.push({ tag, content, ...(children ? { children } : {}) })
    at = from + length
  }
  return elements
}

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length])
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(length)
  const from = bytes.findIndex((byte) => byte !== 0)
  return Buffer.concat([Buffer.from([0x80 | (4 - from)]), bytes.subarray(from)])
}

function written(element: Element): Buffer {
  const content = element.children ? Buffer.concat(element.children.map(written)) : element.content
  return Buffer.concat([element.head ?? Buffer.concat([Buffer.from([element.tag]), lengthOf(content.length)]), content])
}

type Place = { among: Element[]; index: number }

function places(elements: Element[]): Place[] {
  return elements.flatMap((one, index) => [{ among: elements, index }, ...(one.children ? places(one.children) : [])])
}

const WRONG_LENGTHS = ['00', '7f', '80', '8100', '81ff', '82ffff', '8400000000', '84ffffffff', '85ffffffffff', 'ff']

type Change = (place: Place, element: Element, random: Random, donors: Place[]) => void
const CHANGES: readonly Change[] = [
  ({ among, index }) => void among.splice(index, 1),
  ({ among, index }, element) => void among.splice(index, 0, element),
  ({ among, index }, element, random) => {
    const times = 1 + random.below(random.chance(0.01) ? 2_000 : 12)
    among.splice(index, 1, ...Array.from({ length: times }, () => element))
  },
  (_, element, random) => {
    element.tag = random.chance(0.5) ? element.tag ^ (1 << random.below(8)) : random.below(256)
  },
  (_, element, random) => {
    element.head = Buffer.concat([Buffer.from([element.tag]), Buffer.from(random.pick(WRONG_LENGTHS), 'hex')])
  },
  ({ among, index }, element, random) => {
    let outer = element
    const depth = 1 + random.below(random.chance(0.02) ? 1_500 : 8)
    const tag = random.chance(0.5) ? 0x30 : element.tag | CONSTRUCTED
    for (let level = 0; level < depth; level++) outer = { tag, content: written(outer) }
    among[index] = outer
  },
  ({ among, index }, _, random, donors) => {
    const other = donors.length > 0 ? random.pick(donors) : undefined
    if (other) among[index] = other.among[other.index] as Element
  },
  ({ among, index }, element, random) => {
    const other = random.below(among.length)
    among[index] = among[other] as Element
    among[other] = element
  },
]
/** Content of the right length in wrong bytes, or of another length: parsers get to it, since all around it fits. */
const contents: Change = (_, element, random) => {
  element.content = mutateBytes(
    written(element).subarray(-Math.max(1, element.content.length)),
    random,
    element.content,
  )
  delete element.children
}
const WEIGHTED = [...CHANGES, ...Array(6).fill(contents)] as readonly Change[]

export function mutateDer(bytes: Buffer, random: Random, donor: Buffer): Buffer {
  const elements = read(bytes)
  const all = elements ? places(elements) : []
  if (!elements || all.length === 0) return mutateBytes(bytes, random, donor)
  const place = random.pick(all)
  const element = place.among[place.index] as Element
  random.pick(WEIGHTED)(place, element, random, places(read(donor) ?? []))
  return Buffer.concat(elements.map(written))
}
