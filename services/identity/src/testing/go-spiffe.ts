/** The Go program that meets our SVIDs by go-spiffe (infra/interop/go-spiffe), built for the occasion. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const MODULE = fileURLToPath(new URL('../../../../infra/interop/go-spiffe/', import.meta.url))
const BUILD_MS = 300_000

export type GoAnswer = {
  id?: string
  address?: string
  x509?: number
  jwt?: string[]
  sequence?: number
  refresh?: number
  error?: string
}
export type GoSpiffe = { do(command: string, parts?: object): Promise<GoAnswer>; close(): void }

/** Builds the program. @returns its path, or why it cannot be had here */
export async function buildGoSpiffe(folder: string): Promise<{ program: string } | { missing: string }> {
  const program = join(folder, 'go-spiffe')
  const go = ['/usr/local/go/bin/go'].find(existsSync) ?? 'go'
  // What go.sum pins, and nothing else.
  const env = { ...process.env, GOFLAGS: '-mod=readonly -buildvcs=false', CGO_ENABLED: '0', GOTOOLCHAIN: 'local' }
  try {
    await promisify(execFile)(go, ['build', '-o', program, '.'], { cwd: MODULE, env, timeout: BUILD_MS })
    return { program }
  } catch (error) {
    const { code, stderr = '' } = error as { code?: string | number; stderr?: string }
    if (code === 'ENOENT') return { missing: 'there is no go (1.24 or newer) on this machine' }
    const outside = /dial tcp|proxy|lookup|no such host|timeout|requires go|go\.mod requires/i.test(stderr)
    // A program that does not compile is our fault, and fails.
    if (!outside) throw new Error(`go build: ${stderr}`)
    return { missing: `go-spiffe cannot be built here: ${stderr.trim().split('\n').at(-1)}` }
  }
}

export function startGoSpiffe(program: string): GoSpiffe {
  const child: ChildProcess = spawn(program, { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]()
  let turn: Promise<unknown> = Promise.resolve()
  const ask = async (line: string): Promise<GoAnswer> => {
    child.stdin?.write(`${line}\n`)
    const { value, done } = await lines.next()
    if (done) throw new Error('the Go program has ended')
    return JSON.parse(value)
  }
  return {
    do: (command, parts = {}) => {
      const answer = turn.then(() => ask(JSON.stringify({ do: command, ...parts })))
      turn = answer.catch(() => undefined)
      return answer
    },
    close: () => void child.kill(),
  }
}
