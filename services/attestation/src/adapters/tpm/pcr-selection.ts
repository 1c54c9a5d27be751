/** TPML_PCR_SELECTION (TPM 2.0 Part 2 §10.9.7): which registers, in which banks. */
import { ALGORITHM, type Bank } from './algorithms.ts'
import { malformed, type Reader } from './reader.ts'

export type PcrSelection = {
  /** TPM number of the bank’s hash: any, since a selection is compared with the one that is wanted. */
  hash: number
  /** Ascending. */
  pcrs: number[]
}

export const BANKS: Readonly<Record<Bank, number>> = { sha256: ALGORITHM.sha256, sha384: ALGORITHM.sha384 }
export const PCRS = 24

const MOST_BANKS = 16
const MOST_BITMAP = 4

/** Reads a count and so many selections, each with a bitmap, least significant bit first. @throws TpmFault */
export function readPcrSelections(read: Reader, what: string): PcrSelection[] {
  const count = read.u32()
  if (count > MOST_BANKS) throw malformed(what, `more than ${MOST_BANKS} banks are selected`)
  return Array.from({ length: count }, () => {
    const hash = read.u16()
    const size = read.u8()
    if (size > MOST_BITMAP) throw malformed(what, 'the bitmap of a selection is too long')
    const bitmap = read.bytes(size)
    const pcrs = Array.from({ length: size * 8 }, (_, pcr) => pcr).filter((pcr) => bitmap[pcr >> 3]! & (1 << (pcr & 7)))
    return { hash, pcrs }
  })
}

/** Whether exactly these registers of exactly this bank are selected, and no other (CVE-2024-29039). */
export function selects(selection: readonly PcrSelection[], bank: Bank, pcrs: readonly number[]): boolean {
  const [only] = selection
  const wanted = [...new Set(pcrs)].toSorted((a, b) => a - b)
  return (
    only !== undefined &&
    selection.length === 1 &&
    only.hash === BANKS[bank] &&
    only.pcrs.length === wanted.length &&
    only.pcrs.every((pcr, index) => pcr === wanted[index])
  )
}
