/** Attests again by itself, so that an agent that works never lacks a fresh result. */
import { CredenceError } from '@credence/contracts/errors'
import type { Shown } from './attestation.ts'
import { nextAttempt, type Standing } from './schedule.ts'

export type Listeners = {
  /** Each answer, accepted or refused. */
  onResult?: (shown: Shown, next: Date | undefined) => void
  /** Nothing was answered: service away, evidence not to be had. `next` is missing when trying again is of no use. */
  onFailure?: (error: unknown, next: Date | undefined) => void
}

export type Kept = {
  /** Attests at once, because something changed; when one is under way, once more after it. */
  now(): void
  /** No more attempts; resolves when the one under way has ended. */
  stop(): Promise<void>
  /** Resolves when it has ended: stopped, or of no more use. */
  ended: Promise<void>
}

/** The agent has ended, for good: no result helps it. */
const FINAL = new Set(['agent_revoked', 'agent_retired', 'agent_expired', 'parent_ended', 'blueprint_withdrawn'])
/** Longest wait that a timer takes. */
const LONGEST_MS = 2 ** 31 - 1

/** @param show one attempt @param random for tests; from 0 to 1 */
export function keepAttested(
  show: () => Promise<Shown>,
  { onResult, onFailure }: Listeners = {},
  random: () => number = Math.random,
): Kept {
  let standing: Standing | undefined
  let failures = 0
  let stopped = false
  let wanted = true
  let wake: (() => void) | undefined

  const due = (refused: boolean) => nextAttempt({ now: Date.now(), standing, failures, refused, random: random() })

  async function attempt(): Promise<number | undefined> {
    const from = Date.now()
    try {
      const shown = await show()
      if (shown.accepted) standing = { from, until: shown.freshUntil.getTime() }
      failures = shown.accepted ? 0 : failures + 1
      const wait = due(!shown.accepted)
      onResult?.(shown, new Date(Date.now() + wait))
      return wait
    } catch (error) {
      failures++
      const final = error instanceof CredenceError && FINAL.has(error.reason)
      const wait = final ? undefined : due(false)
      onFailure?.(error, wait === undefined ? undefined : new Date(Date.now() + wait))
      return wait
    }
  }

  async function run(): Promise<void> {
    while (!stopped) {
      wanted = false
      const wait = await attempt()
      if (wait === undefined) return
      if (wanted || stopped) continue
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(wait, LONGEST_MS))
        wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
      wake = undefined
    }
  }

  const ended = run()
  return {
    now: () => {
      wanted = true
      // What failed before says nothing about what changed since.
      failures = 0
      wake?.()
    },
    stop: () => {
      stopped = true
      wake?.()
      return ended
    },
    ended,
  }
}
