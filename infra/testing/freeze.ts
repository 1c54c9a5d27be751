import { execFileSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Running } from '../dev/process.ts'

/** Makes a process stand still (SIGSTOP; SIGCONT ends it). The signal is there before all of its threads have taken it. */
export async function freeze(process: Pick<Running, 'pid' | 'kill'>): Promise<void> {
  process.kill('SIGSTOP')
  const state = () => execFileSync('ps', ['-o', 'state=', '-p', String(process.pid)], { encoding: 'utf8' })
  while (!state().startsWith('T')) await sleep(5)
}
