/** How far the reading of large files is, on a terminal; nothing where nobody looks. */
import { basename } from 'node:path'
import type { Progress } from '@credence/attester/hashing/hashing'
import { harmless } from '../print.ts'

/** Below this it is over before anybody reads it. */
const LEAST_BYTES = 256 * 1024 * 1024
const EVERY_MS = 100
const ERASE = '\r\x1b[2K'

export function showProgress(
  terminal: { isTTY?: boolean; write(text: string): unknown } = process.stderr,
  now: () => number = () => performance.now(),
): { show(progress: Progress): void; end(): void } {
  const began = now()
  let shown = Number.NEGATIVE_INFINITY
  return {
    show: ({ doneBytes, totalBytes, path }) => {
      if (!terminal.isTTY || totalBytes < LEAST_BYTES || now() - shown < EVERY_MS) return
      shown = now()
      const rate = doneBytes / Math.max(1, shown - began) / 1000
      const left = (totalBytes - doneBytes) / 1e6 / Math.max(1, rate)
      const part = Math.floor((100 * doneBytes) / totalBytes)
      terminal.write(
        `${ERASE}measuring ${part} % of ${(totalBytes / 1e9).toFixed(1)} GB, ${Math.round(rate)} MB/s, ${Math.ceil(left)} s left: ${harmless(basename(path))}`,
      )
    },
    end: () => {
      if (shown > Number.NEGATIVE_INFINITY) terminal.write(ERASE)
    },
  }
}
