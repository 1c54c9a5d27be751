/** Verification of inclusion and consistency (RFC 9162 §2.1.3.2, §2.1.4.2). Shares no code with what builds the tree. */
import { createHash } from 'node:crypto'
import { VerificationFailed } from './failure.ts'

const sha256 = (...parts: Uint8Array[]): Buffer => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}
const leafOf = (entry: Uint8Array) => sha256(Uint8Array.of(0), entry)
const join = (left: Uint8Array, right: Uint8Array) => sha256(Uint8Array.of(1), left, right)

/** @throws VerificationFailed `not_included` */
export function verifyInclusion(
  entry: Uint8Array,
  index: number,
  size: number,
  path: Uint8Array[],
  root: Uint8Array,
): void {
  const fail = () =>
    new VerificationFailed(
      'not_included',
      `The record is not number ${index} of the ${size} that the checkpoint covers.`,
    )
  if (!(index >= 0 && index < size)) throw fail()
  let fn = index
  let sn = size - 1
  let hash = leafOf(entry)
  for (const sibling of path) {
    if (sn === 0) throw fail()
    if (fn % 2 === 1 || fn === sn) {
      hash = join(sibling, hash)
      while (fn % 2 === 0 && fn !== 0) {
        fn = Math.floor(fn / 2)
        sn = Math.floor(sn / 2)
      }
    } else hash = join(hash, sibling)
    fn = Math.floor(fn / 2)
    sn = Math.floor(sn / 2)
  }
  if (sn !== 0 || !hash.equals(root)) throw fail()
}

/** @throws VerificationFailed `not_consistent` */
export function verifyConsistency(
  older: { size: number; root: Uint8Array },
  newer: { size: number; root: Uint8Array },
  proof: Uint8Array[],
): void {
  const fail = () =>
    new VerificationFailed(
      'not_consistent',
      `The log of ${newer.size} records does not begin with the log of ${older.size}.`,
    )
  if (older.size < 1 || older.size > newer.size) throw fail()
  if (older.size === newer.size) {
    if (proof.length > 0 || !Buffer.from(older.root).equals(newer.root)) throw fail()
    return
  }
  const isPower = Number.isInteger(Math.log2(older.size))
  const [first, ...rest] = isPower ? [older.root, ...proof] : proof
  if (!first) throw fail()
  let fn = older.size - 1
  let sn = newer.size - 1
  while (fn % 2 === 1) {
    fn = Math.floor(fn / 2)
    sn = Math.floor(sn / 2)
  }
  let oldHash: Uint8Array = first
  let newHash: Uint8Array = first
  for (const hash of rest) {
    if (sn === 0) throw fail()
    if (fn % 2 === 1 || fn === sn) {
      oldHash = join(hash, oldHash)
      newHash = join(hash, newHash)
      while (fn % 2 === 0 && fn !== 0) {
        fn = Math.floor(fn / 2)
        sn = Math.floor(sn / 2)
      }
    } else newHash = join(newHash, hash)
    fn = Math.floor(fn / 2)
    sn = Math.floor(sn / 2)
  }
  if (sn !== 0 || !Buffer.from(oldHash).equals(older.root) || !Buffer.from(newHash).equals(newer.root)) throw fail()
}
