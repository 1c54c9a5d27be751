/** When to attest again: in time, spread over the fleet, and sooner when something failed. */

export type Standing = {
  /** When the newest accepted result was asked for, and when it ends: milliseconds by our clock. */
  from: number
  until: number
}

/** Two thirds of the life on average; apart, so that a fleet that was started together does not come together. */
const EARLIEST = 0.6
const SPREAD = 2 / 15
const FIRST_BACKOFF_MS = 500
const MAX_BACKOFF_MS = 30_000
/** A refusal is an answer: it stays the same until somebody approves something. */
const FIRST_REFUSED_MS = 5_000
const MAX_REFUSED_MS = 300_000
const LEAST_MS = 250

/**
 * @param about.failures how often in a row it did not end in an accepted result; 0 after an accepted one
 * @param about.refused whether the last attempt was answered with a refusal (not with an error)
 * @param about.random from 0 (inclusive) to 1 (exclusive)
 * @returns milliseconds from `now`; while a result stands, well before it ends
 */
export function nextAttempt(about: {
  now: number
  standing: Standing | undefined
  failures: number
  refused: boolean
  random: number
}): number {
  const { now, standing, failures, refused, random } = about
  const left = standing ? standing.until - now : 0
  if (standing && failures === 0) {
    const due = standing.from + (standing.until - standing.from) * (EARLIEST + SPREAD * random)
    return Math.max(LEAST_MS, due - now)
  }
  const [first, most] = refused ? [FIRST_REFUSED_MS, MAX_REFUSED_MS] : [FIRST_BACKOFF_MS, MAX_BACKOFF_MS]
  const backoff = Math.min(most, first * 2 ** Math.min(failures - 1, 16)) * (0.5 + random / 2)
  // Half of what is left, each time: several attempts are made before the end.
  return Math.max(LEAST_MS, left > 0 ? Math.min(backoff, left / 2) : backoff)
}
