/** The commands of tpm2-tools as child processes, one at a time, in a folder that only their owner can read. */
import { execFile } from 'node:child_process'
import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ProducerError } from '../producer.ts'

/** How to reach a TPM (tpm2-tss): `device:/dev/tpmrm0`, `swtpm:path=…`, … A command is none: nothing is run by configuration. */
export type Tcti = string

export type Tools = {
  /** Path of a file in the private folder. */
  file(name: string): string
  /**
   * Runs `tpm2_<tool>`, and puts out of the TPM what it left loaded there: without a resource manager there is room for
   * three objects.
   */
  run(tool: string, ...args: string[]): Promise<Buffer>
  /** Removes the folder with everything in it. */
  close(): Promise<void>
}

const TCTI = /^(device|swtpm|mssim|tabrmd|libtpms)(:[^\0]{0,256})?$/
const TIMEOUT_MS = 60_000
const MOST_OUTPUT = 1_048_576

/** Those that nobody closed go with the process. What is in them is worth nothing without the TPM. */
const folders = new Set<string>()
process.once('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

/** @throws ProducerError `tpm_tcti_unknown` */
export async function openTools(tcti: Tcti): Promise<Tools> {
  if (!TCTI.test(tcti))
    throw new ProducerError('tpm_tcti_unknown', 'The TCTI must be device:…, swtpm:…, mssim:…, tabrmd:… or libtpms:….')
  // mkdtemp makes it with mode 0700.
  const folder = await mkdtemp(join(tmpdir(), 'credence-tpm-'))
  folders.add(folder)
  const environment = { PATH: process.env.PATH ?? '/usr/bin:/bin', TPM2TOOLS_TCTI: tcti, TSS2_LOG: 'all+none' }
  const command = (tool: string, args: string[]) =>
    new Promise<Buffer>((resolve, reject) => {
      const options = {
        cwd: folder,
        env: environment,
        timeout: TIMEOUT_MS,
        maxBuffer: MOST_OUTPUT,
        encoding: 'buffer' as const,
      }
      execFile(`tpm2_${tool}`, args, options, (error, output, complaint) =>
        error ? reject(failed(tool, error, complaint)) : resolve(output),
      )
    })
  return {
    file: (name) => join(folder, name),
    run: async (tool, ...args) => {
      const flush = async () => LOADS.has(tool) && command('flushcontext', ['-t'])
      const output = await command(tool, args).catch(async (error) => {
        await flush().catch(() => undefined)
        throw error
      })
      await flush()
      return output
    },
    close: async () => {
      await rm(folder, { recursive: true, force: true })
      folders.delete(folder)
    },
  }
}

/** Those that leave a key loaded. */
const LOADS = new Set(['createprimary', 'createek', 'create', 'load', 'certifycreation', 'quote', 'activatecredential'])

function failed(tool: string, error: Error & { code?: unknown }, complaint: Buffer): ProducerError {
  if (error.code === 'ENOENT')
    return new ProducerError('tpm_tools_missing', `tpm2_${tool} is not installed (Debian: apt-get install tpm2-tools).`)
  const reason = complaint
    .toString('utf8')
    .split('\n')
    .find((line) => line.startsWith('ERROR'))
  const more = reason ? `: ${reason.slice('ERROR'.length).replace(/^:\s*/, '').slice(0, 300)}` : '.'
  return new ProducerError('tpm_command_failed', `tpm2_${tool} failed${more}`, { cause: error })
}
