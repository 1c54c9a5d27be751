/** What is done to bytes of any form. */
import type { Random } from './random.ts'

const ODD_BYTES = [0x00, 0x01, 0x20, 0x7f, 0x80, 0xff]
const ODD_LENGTHS = [
  0, 1, 2, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff,
]
const MOST_INSERTED = 64
/** Now and then, since a large input takes long to make. */
const LARGE = 0.003
const LARGEST = 1_200_000

type Mutation = (bytes: Buffer, random: Random, donor: Buffer) => Buffer

const slice = (bytes: Buffer, random: Random): [from: number, until: number] => {
  const from = random.below(bytes.length)
  return [from, Math.min(bytes.length, from + 1 + random.below(random.chance(0.5) ? 8 : bytes.length))]
}
const spliced = (bytes: Buffer, from: number, until: number, by: Uint8Array): Buffer =>
  Buffer.concat([bytes.subarray(0, from), by, bytes.subarray(until)])

const truncated: Mutation = (bytes, random) => bytes.subarray(0, random.below(bytes.length))
const beheaded: Mutation = (bytes, random) => bytes.subarray(random.below(bytes.length))
const cut: Mutation = (bytes, random) => spliced(bytes, ...slice(bytes, random), Buffer.alloc(0))
const flipped: Mutation = (bytes, random) => {
  const changed = Buffer.from(bytes)
  for (let times = 1 + random.below(4); times > 0; times--) {
    const at = random.below(changed.length)
    changed[at] = (changed[at] ?? 0) ^ (1 << random.below(8))
  }
  return changed
}
const overwritten: Mutation = (bytes, random) => {
  const changed = Buffer.from(bytes)
  for (let times = 1 + random.below(6); times > 0; times--)
    changed[random.below(changed.length)] = random.chance(0.5) ? random.pick(ODD_BYTES) : random.below(256)
  return changed
}
/** As if it were the length of something. */
const length: Mutation = (bytes, random) => {
  const size = random.pick([1, 2, 4])
  if (bytes.length < size) return bytes
  const changed = Buffer.from(bytes)
  const at = random.below(bytes.length - size + 1)
  const value = (random.chance(0.7) ? random.pick(ODD_LENGTHS) : bytes.length + random.below(9) - 4) % 2 ** (8 * size)
  if (random.chance(0.5)) changed.writeUIntBE(Math.max(0, value), at, size)
  else changed.writeUIntLE(Math.max(0, value), at, size)
  return changed
}
const inserted: Mutation = (bytes, random) => {
  const at = random.below(bytes.length + 1)
  return spliced(bytes, at, at, random.bytes(1 + random.below(MOST_INSERTED)))
}
const repeated: Mutation = (bytes, random) => {
  const [from, until] = slice(bytes, random)
  const piece = bytes.subarray(from, until)
  const most = random.chance(LARGE) ? LARGEST : 2_048
  const times = 1 + random.below(Math.max(1, Math.floor(most / piece.length)))
  return spliced(bytes, until, until, Buffer.alloc(piece.length * times, piece))
}
const exchanged: Mutation = (bytes, random, donor) => {
  const [from, until] = slice(donor, random)
  return spliced(bytes, ...slice(bytes, random), donor.subarray(from, until))
}
const grafted: Mutation = (bytes, random, donor) =>
  Buffer.concat([bytes.subarray(0, random.below(bytes.length)), donor.subarray(random.below(donor.length))])
const doubled: Mutation = (bytes, _, donor) => Buffer.concat([bytes, donor])
const emptied: Mutation = () => Buffer.alloc(0)

const MUTATIONS: readonly Mutation[] = [
  ...[flipped, flipped, flipped, overwritten, overwritten, length, length, length],
  ...[truncated, beheaded, cut, inserted, repeated, exchanged, grafted, doubled],
]

export function mutateBytes(bytes: Buffer, random: Random, donor: Buffer): Buffer {
  if (random.chance(0.005)) return emptied(bytes, random, donor)
  if (bytes.length === 0) return random.bytes(1 + random.below(MOST_INSERTED))
  return random.pick(MUTATIONS)(bytes, random, donor.length > 0 ? donor : bytes)
}
