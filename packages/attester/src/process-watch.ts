import { startOf } from './measure/process.ts'

const EVERY_MS = 500

/** Says once when a process has ended, or its number is that of another one. @returns a function that stops it */
export function followProcess(pid: number, started: string, onEnded: () => void): () => void {
  let stopped = false
  const stop = () => {
    stopped = true
    clearInterval(timer)
  }
  const timer = setInterval(async () => {
    if ((await startOf(pid)) === started || stopped) return
    stop()
    onEnded()
  }, EVERY_MS)
  return stop
}
