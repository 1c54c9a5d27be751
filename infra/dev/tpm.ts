/**
 * A TPM 2.0 in software (swtpm) with endorsement keys that a manufacturer of its own certified, as a machine would have one:
 * something measures the boot into its registers, and leaves a log of it. Proves how things work, and of no hardware anything.
 */
import { execFile } from 'node:child_process'
import { hash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { startProcess } from './process.ts'
import { eventLogOf, type Measured, measuredBoot } from './tpm-boot.ts'

const run = promisify(execFile)

export type DevelopmentTpm = {
  /** For tpm2-tools. */
  tcti: string
  /** Certificates of the manufacturer: root, and the one that issued the endorsement keys’. */
  manufacturerPem: string
  /** What was measured since it was switched on, as a crypto-agile event log. */
  eventLog: string
  /** Switches it off as a machine that is shut down does. */
  stop(): Promise<void>
  /** Takes its power away: at the next start it cannot rule out that its clock went back, for some seconds. */
  cut(): Promise<void>
}

const COMMANDS = ['swtpm', 'swtpm_setup', 'swtpm_localca', 'tpm2_quote', 'tpm2_pcrextend']

/** Why there is none on this machine; undefined when there is one. */
export function tpmMissing(): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter)
  const missing = COMMANDS.filter((command) => !folders.some((folder) => existsSync(join(folder, command))))
  return missing.length === 0
    ? undefined
    : `${missing.join(', ')} not installed (Debian: apt-get install swtpm swtpm-tools tpm2-tools)`
}

/**
 * Switches it on. Its state stays in the folder: the next start is the same TPM after a restart of the machine.
 * @param measured what is booted; the same by default each time
 */
export async function start(folder: string, measured: readonly Measured[] = measuredBoot()): Promise<DevelopmentTpm> {
  const state = join(folder, 'state')
  if (!existsSync(state)) await manufacture(folder)
  // A socket’s path must be short; and the same at each start, as a device’s is.
  const sockets = join(tmpdir(), `credence-swtpm-${hash('sha256', folder).slice(0, 16)}`)
  await rm(sockets, { recursive: true, force: true })
  await mkdir(sockets, { mode: 0o700 })
  const socket = join(sockets, 'tpm')
  const running = startProcess({
    name: 'swtpm',
    command: 'swtpm',
    args: [
      ...['socket', '--tpm2', '--tpmstate', `dir=${state}`, '--flags', 'not-need-init,startup-clear'],
      ...['--server', `type=unixio,path=${socket}`, '--ctrl', `type=unixio,path=${socket}.ctrl`],
    ],
    logFile: join(folder, 'swtpm.log'),
  })
  const tcti = `swtpm:path=${socket}`
  const cut = async () => {
    await running.stop()
    await rm(sockets, { recursive: true, force: true })
  }
  const stop = async () => {
    if (running.running()) await tool(tcti, 'tpm2_shutdown', '-c').catch(() => undefined)
    await cut()
  }
  try {
    await reachable(tcti, running.running)
    await boot(tcti, measured)
  } catch (error) {
    await stop()
    throw new Error(`The TPM did not start: ${running.tail()}`, { cause: error })
  }
  const eventLog = join(folder, 'event-log')
  await writeFile(eventLog, eventLogOf(measured))
  const authority = ['swtpm-localca-rootca-cert.pem', 'issuercert.pem']
  const certificates = await Promise.all(authority.map((name) => readFile(join(folder, 'ca', name), 'utf8')))
  return { tcti, manufacturerPem: certificates.join(''), eventLog, stop, cut }
}

/** Makes state, endorsement keys (RSA 2048, P-384), and their certificates by an authority that is made with the first. */
async function manufacture(folder: string): Promise<void> {
  const [state, authority] = [join(folder, 'state.new'), join(folder, 'ca')]
  await rm(state, { recursive: true, force: true })
  for (const one of [state, authority]) await mkdir(one, { recursive: true, mode: 0o700 })
  const file = async (name: string, lines: string[]) => {
    await writeFile(join(folder, name), `${lines.join('\n')}\n`)
    return join(folder, name)
  }
  const issuer = await file('localca.conf', [
    `statedir = ${authority}`,
    `signingkey = ${join(authority, 'signkey.pem')}`,
    `issuercert = ${join(authority, 'issuercert.pem')}`,
    `certserial = ${join(authority, 'certserial')}`,
  ])
  const options = await file('localca.options', [
    '--platform-manufacturer Credence',
    '--platform-version 1',
    '--platform-model development',
  ])
  const setup = await file('setup.conf', [
    'create_certs_tool = swtpm_localca',
    `create_certs_tool_config = ${issuer}`,
    `create_certs_tool_options = ${options}`,
  ])
  const parts = ['--tpm-state', state, '--config', setup, '--create-ek-cert', '--pcr-banks', 'sha256,sha384']
  await run('swtpm_setup', ['--tpm2', ...parts, '--overwrite'])
  await rename(state, join(folder, 'state'))
}

const PATIENCE_MS = 10_000

async function reachable(tcti: string, running: () => boolean): Promise<void> {
  const until = Date.now() + PATIENCE_MS
  for (;;) {
    try {
      await tool(tcti, 'tpm2_getcap', 'properties-fixed')
      return
    } catch (error) {
      if (!running() || Date.now() > until) throw error
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}

/** Measures as firmware does: a digest of each event, in every bank, extended into its register. */
async function boot(tcti: string, measured: readonly Measured[]): Promise<void> {
  for (const { pcr, digests } of measured) {
    const values = Object.entries(digests).map(([bank, digest]) => `${bank}=${digest}`)
    await tool(tcti, 'tpm2_pcrextend', `${pcr}:${values.join(',')}`)
  }
}

const tool = (tcti: string, command: string, ...args: string[]) =>
  run(command, args, { env: { ...process.env, TPM2TOOLS_TCTI: tcti, TSS2_LOG: 'all+none' } })
