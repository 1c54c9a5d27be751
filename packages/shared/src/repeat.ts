/** Work that is done again and again, because time or others bring it about. What fails is logged, and tried the next time. */
import { type Log, messageOf } from './log.ts'

export type Repeated = {
  /** Not at the next turn but now; once, however often this is said meanwhile. */
  soon(): void
  stop(): Promise<void>
}

/** Turns of different replicas drift apart, so that one mostly finds done what another did. */
const SPREAD = 0.25

/** @param work safe to do on any number of replicas at once */
export function repeat(options: { name: string; everyMs: number; log: Log }, work: () => Promise<void>): Repeated {
  let stopped = false
  let again = false
  let hurry = () => {}

  const pause = (): Promise<void> =>
    new Promise((resolve) => {
      if (stopped || again) return resolve()
      const timer = setTimeout(resolve, options.everyMs * (1 + SPREAD * (2 * Math.random() - 1)))
      hurry = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  const running = (async () => {
    while (!stopped) {
      again = false
      await work().catch((error) => options.log.warn(`${options.name} not done`, { error: messageOf(error) }))
      await pause()
    }
  })()
  return {
    soon: () => {
      again = true
      hurry()
    },
    stop: async () => {
      stopped = true
      hurry()
      await running
    },
  }
}
