/** What a process uses of the machine, from Linux's proc(5). */
import { readFileSync } from 'node:fs'

/** Resident memory in MiB (proc(5), VmRSS). */
export const residentMiB = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? Number.NaN) / 1024

/** Time on a processor since it began, in milliseconds (proc(5), utime and stime in hundredths of a second). */
export function processorMs(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const [user = 0, system = 0] = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
    .map(Number)
  return (user + system) * 10
}
