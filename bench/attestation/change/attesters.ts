/** The process with the helpers, as the bench sees it. */
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Noticed } from './beside.ts'

export type Attesters = {
  /** The first that fits and came after that moment. @throws Error when none comes */
  noticed<W extends Noticed['what']>(
    agent: number,
    what: W,
    about: { since: number; fits?: (noticed: Extract<Noticed, { what: W }>) => boolean },
  ): Promise<Extract<Noticed, { what: W }>>
  stop(): void
}

const PATIENCE_MS = 30_000

export function startAttesters(configFiles: readonly string[]): Attesters {
  const child: ChildProcess = fork(fileURLToPath(new URL('./beside.ts', import.meta.url)), configFiles, {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  let log: Noticed[] = []
  const listeners = new Set<() => void>()
  child.on('message', (noticed: Noticed) => {
    log = [...log.slice(-200), noticed]
    for (const listener of listeners) listener()
  })
  return {
    noticed: (agent, what, { since, fits = () => true }) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = log.find(
            (one) => one.agent === agent && one.what === what && one.at >= since && fits(one as never),
          )
          if (found) settle(() => resolve(found as never))
        }
        const settle = (end: () => void) => {
          clearTimeout(timer)
          listeners.delete(look)
          end()
        }
        const timer = setTimeout(
          () => settle(() => reject(new Error(`nothing ${what} in time; last: ${JSON.stringify(log.at(-1))}`))),
          PATIENCE_MS,
        )
        listeners.add(look)
        look()
      }),
    stop: () => void child.kill(),
  }
}
