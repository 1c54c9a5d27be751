/** A child process with its output in a file, that can be waited for, stopped and killed. */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'

export type Running = {
  name: string
  pid: number
  /** Resolves with the exit code, or the signal's name. */
  exited: Promise<number | string>
  running(): boolean
  stop(): Promise<void>
  kill(signal: NodeJS.Signals): void
  /** The last lines that it wrote. */
  tail(lines?: number): string
}

const STOP_MS = 10_000

export function startProcess(options: {
  name: string
  command: string
  args: string[]
  env?: Record<string, string>
  logFile: string
  cwd?: string
}): Running {
  const output = openSync(options.logFile, 'a')
  const child: ChildProcess = spawn(options.command, options.args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', output, output],
    detached: true,
  })
  closeSync(output)
  let ended = false
  const exited = new Promise<number | string>((resolve) => {
    child.once('error', (error) => {
      ended = true
      resolve(error.message)
    })
    child.once('exit', (code, signal) => {
      ended = true
      resolve(signal ?? code ?? 0)
    })
  })
  const kill = (signal: NodeJS.Signals) => {
    if (!ended) child.kill(signal)
  }
  return {
    name: options.name,
    pid: child.pid ?? 0,
    exited,
    running: () => !ended,
    kill,
    stop: async () => {
      kill('SIGTERM')
      const timer = setTimeout(() => kill('SIGKILL'), STOP_MS)
      await exited
      clearTimeout(timer)
    },
    tail: (lines = 12) => readFileSync(options.logFile, 'utf8').trimEnd().split('\n').slice(-lines).join('\n'),
  }
}
