/** The peers' programs, in exact versions, in .credence/tools: got when this bench first needs them, by nothing else. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const CERBOS_VERSION = '0.51.0'
export const OPA_VERSION = '1.22.2'

const TOOLS = fileURLToPath(new URL('../../../.credence/tools', import.meta.url))
const CERBOS = join(TOOLS, `cerbos-${CERBOS_VERSION}`)
const OPA = join(TOOLS, `opa-${OPA_VERSION}`)
/** OPA is compiled, which takes minutes where others work as well. */
const PATIENCE_MS = 1_200_000

export type Tool = { name: string; version: string; path: string; missing?: string }

/** What is there already. */
export function cerbosTool(): Tool {
  const platform = `cerbos-${process.platform}-${process.arch}`
  const path = join(CERBOS, 'node_modules', '@cerbos', platform, platform)
  return tool('Cerbos', CERBOS_VERSION, path)
}

export const opaTool = (): Tool => tool('OPA', OPA_VERSION, join(OPA, 'opa'))

const tool = (name: string, version: string, path: string): Tool => ({
  name,
  version,
  path,
  ...(existsSync(path) ? {} : { missing: `${name} ${version} is not in .credence/tools: npm run bench -- decisions` }),
})

/** From npm, whose package brings the program. */
export function getCerbos(): Tool {
  if (!cerbosTool().missing) return cerbosTool()
  const why = install(CERBOS, 'npm', [
    'install',
    '--prefix',
    CERBOS,
    '--no-save',
    '--no-package-lock',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    `cerbos@${CERBOS_VERSION}`,
  ])
  const found = cerbosTool()
  return found.missing ? { ...found, missing: `Cerbos ${CERBOS_VERSION} could not be had from npm. ${why}` } : found
}

/** From its Go module, compiled here. */
export function getOpa(): Tool {
  if (!opaTool().missing) return opaTool()
  const go = ['go', '/usr/local/go/bin/go'].find((name) => !spawnSync(name, ['version']).error)
  if (!go) return { ...opaTool(), missing: `OPA ${OPA_VERSION} is compiled from its module, and there is no go here` }
  const module = `github.com/open-policy-agent/opa@v${OPA_VERSION}`
  const why = install(OPA, go, ['install', module], { GOBIN: OPA })
  const found = opaTool()
  return found.missing ? { ...found, missing: `OPA ${OPA_VERSION} could not be compiled. ${why}` } : found
}

/** @returns the last line of what went wrong */
function install(folder: string, command: string, args: string[], env: Record<string, string> = {}): string {
  mkdirSync(folder, { recursive: true })
  const done = spawnSync(command, args, { encoding: 'utf8', env: { ...process.env, ...env }, timeout: PATIENCE_MS })
  if (done.status === 0) return ''
  rmSync(folder, { recursive: true, force: true })
  return (done.error?.message ?? done.stderr ?? '').trim().split('\n').at(-1) ?? ''
}
