/** By what a file is told from its next version without reading it. */
import type { BigIntStats } from 'node:fs'

/** `device:inode:size:modified:changed`, times in nanoseconds. */
export const fingerprintOf = (about: BigIntStats): string =>
  `${about.dev}:${about.ino}:${about.size}:${about.mtimeNs}:${about.ctimeNs}`

/** Clocks of file systems tick in milliseconds, some in two seconds. */
const TICK_NS = 2_000_000_000n
/** A file that nobody changed for so long is told from its next version by its fingerprint. */
export const SETTLE_MS = 2_050

/**
 * Whether a change could still come that leaves no trace: the file was changed so lately that another write within the same
 * tick of the file system’s clock gets the same times. Nothing about such a file is kept.
 * @param since when the look at it began, milliseconds
 */
export function isTooFresh(about: BigIntStats, since: number): boolean {
  const began = BigInt(Math.floor(since)) * 1_000_000n
  return [about.mtimeNs, about.ctimeNs].some((time) => began - time < TICK_NS)
}
