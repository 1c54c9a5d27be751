/** Canaille (PyPI) in its own process: an OpenID provider that shares no code with ours, nor with the demo company’s. */
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { tlsFetch } from '@credence/sdk/tls-fetch'
import { answering } from '../../dev/identity-provider/start.ts'
import { freePorts } from '../../dev/ports.ts'
import { type Running, startProcess } from '../../dev/process.ts'
import { type SignInProvider, signInFolder } from '../../dev/sign-in.ts'
import type { Stack } from '../../dev/stack.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
/** Where .ci/run puts it: `pip install --target .credence/tools/canaille -r infra/testing/canaille/requirements.txt`. */
const TOOLS = join(ROOT, '.credence', 'tools', 'canaille')

const environment = (): Record<string, string> => (existsSync(TOOLS) ? { PYTHONPATH: TOOLS } : {})

/** Whether this machine has it. */
export const hasCanaille = (): boolean =>
  spawnSync('python3', ['-c', 'import canaille, hypercorn'], { env: { ...process.env, ...environment() } }).status === 0

export const GLORIA = {
  login: 'gloria',
  name: 'Gloria Mbeki',
  password: 'orchard-lantern-48-violet',
  groups: ['sales', 'globex-sponsors'],
}

/** @returns how Credence is registered there, by a shared secret */
export async function startCanaille(stack: Stack): Promise<{ provider: SignInProvider; process: Running }> {
  const [port = 0] = await freePorts(1)
  const issuer = `https://localhost:${port}`
  const tls = await stack.workload('globex')
  const secret = randomBytes(24).toString('base64url')
  writeFileSync(join(signInFolder(stack.folder), 'globex-secret'), `${secret}\n`, { mode: 0o600 })
  const settings = {
    secret: randomBytes(24).toString('base64url'),
    port,
    people: [GLORIA],
    client_secret: secret,
    issuer: stack.issuer,
    redirect_uri: `${stack.issuer}/signed-in/globex`,
    cert_file: tls.certFile,
    key_file: tls.keyFile,
  }
  const process = startProcess({
    name: 'canaille',
    command: 'python3',
    args: [join(ROOT, 'infra', 'testing', 'canaille', 'serve.py')],
    env: { ...environment(), CANAILLE_TEST: JSON.stringify(settings) },
    logFile: join(stack.folder, 'logs', 'canaille.log'),
    cwd: stack.folder,
  })
  const http = tlsFetch(stack.authority.caFile)
  await answering(`${issuer}/.well-known/openid-configuration`, http.fetch)
  await http.close()
  const provider = {
    id: 'globex',
    issuer,
    display_name: 'Globex',
    client_id: 'credence-at-globex',
    client_secret_file: 'globex-secret',
    scope: 'openid profile groups',
  }
  return { provider, process }
}
