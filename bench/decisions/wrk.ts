/** Load by `wrk`: the same threads, connections and script for every server. */
import { spawn, spawnSync } from 'node:child_process'
import { closeSync, openSync, writeSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { processorMs } from '../processor.ts'
import type { AskedWith } from './requests.ts'
import type { Target } from './target.ts'

export const THREADS = 2
export const CONNECTIONS = 32
const SCRIPT = fileURLToPath(new URL('./wrk.lua', import.meta.url))

/** Latencies in milliseconds; `wrong`: answers that allow or deny what should not be. */
export type Measured = {
  perSecond: number
  p50: number
  p99: number
  /** Answers that are no 2xx, and connections that broke. */
  failed: number
  wrong: number
  compared: number
  /** Processor time of the server for each answer. */
  processorUs: number
}

type Counted = {
  requests: number
  seconds: number
  p50: number
  p99: number
  failed: number
  broken: number
  sent: number
  sentAllowed: number
  got: number
  gotAllowed: number
  wrong: number
}

/** Why it cannot be used, or nothing. */
export const wrkMissing = (): string | undefined =>
  spawnSync('wrk', ['--version']).error
    ? 'wrk is not installed: apt-get install wrk (Debian), brew install wrk'
    : undefined

/** Writes the requests as they go over the wire. */
export function writeRequests(
  file: string,
  target: Pick<Target, 'url' | 'headers' | 'body'>,
  requests: readonly AskedWith[],
  answer: (asked: AskedWith) => boolean,
): void {
  const { pathname, host } = new URL(target.url)
  const headers = Object.entries({ host, 'content-type': 'application/json', ...target.headers })
  const head = [`POST ${pathname} HTTP/1.1`, ...headers.map(([name, value]) => `${name}: ${value}`)].join('\r\n')
  const output = openSync(file, 'w', 0o600)
  try {
    for (let from = 0; from < requests.length; from += 1_000) {
      const part = requests.slice(from, from + 1_000).map((asked) => {
        const body = target.body(asked)
        const request = `${head}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
        return `${answer(asked) ? 1 : 0} ${Buffer.byteLength(request)}\n${request}\n`
      })
      writeSync(output, part.join(''))
    }
  } finally {
    closeSync(output)
  }
}

/** One request at a time, and each answer compared with the one that was expected. It warms the server up as well. */
export async function compare(target: Target, file: string, seconds: number): Promise<Measured> {
  const counted = await run(target, file, { threads: 1, connections: 1, seconds, ordered: true })
  return { ...counted, compared: counted.got }
}

/** All connections. Answers are counted: too many or too few that allow are wrong, beyond those that were under way. */
export async function press(target: Target, file: string, seconds: number): Promise<Measured> {
  const counted = await run(target, file, { threads: THREADS, connections: CONNECTIONS, seconds, ordered: false })
  const missing = counted.sentAllowed - counted.gotAllowed
  const underWay = counted.sent - counted.got
  return { ...counted, wrong: Math.max(0, missing - underWay, -missing), compared: counted.got }
}

async function run(
  target: Target,
  file: string,
  how: { threads: number; connections: number; seconds: number; ordered: boolean },
): Promise<Counted & { perSecond: number; processorUs: number }> {
  const authorization = (await target.authorization?.()) ?? ''
  const args = [`-t${how.threads}`, `-c${how.connections}`, `-d${how.seconds}s`, '--timeout', '10s', '-s', SCRIPT]
  const before = used(target)
  const output = await wrk([...args, target.url], {
    CREDENCE_REQUESTS: file,
    CREDENCE_ALLOWED: target.allowed,
    CREDENCE_ORDERED: how.ordered ? 'yes' : 'no',
    CREDENCE_AUTHORIZATION: authorization,
  })
  const processor = used(target) - before
  const line = output.trimEnd().split('\n').at(-1) ?? ''
  if (!line.startsWith('{')) throw new Error(`wrk gave no result for ${target.name}:\n${output}`)
  const counted = JSON.parse(line) as Counted
  return {
    ...counted,
    failed: counted.failed + counted.broken,
    perSecond: counted.requests / counted.seconds,
    processorUs: (processor * 1000) / counted.requests,
  }
}

const used = ({ pids }: Target): number => pids.reduce((sum, pid) => sum + processorMs(pid), 0)

function wrk(args: string[], env: Record<string, string>): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('wrk', args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text
      })
    child.once('error', reject)
    child.once('close', (code) =>
      code === 0 ? resolve(output) : reject(new Error(`wrk ended with ${code}:\n${output}`)),
    )
  })
}
