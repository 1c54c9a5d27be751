/** A PKCS#11 token to test with: SoftHSM (Debian package softhsm2), when the machine has it. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const MODULES = [
  '/usr/lib/softhsm/libsofthsm2.so',
  '/usr/lib64/softhsm/libsofthsm2.so',
  '/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so',
  '/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so',
  '/opt/homebrew/lib/softhsm/libsofthsm2.so',
]

/** Undefined: why it is skipped stands in `missing`. */
export const softHsmModule = MODULES.find(existsSync)
export const softHsmMissing = 'SoftHSM is not installed (Debian: apt-get install softhsm2)'

/** Makes a token in a folder. `environment` must be set before the module is loaded. */
export function newToken(folder: string, label: string) {
  const pin = '624519'
  const configuration = join(folder, 'softhsm2.conf')
  mkdirSync(join(folder, 'tokens'), { recursive: true })
  writeFileSync(
    configuration,
    `directories.tokendir = ${join(folder, 'tokens')}\nobjectstore.backend = file\nlog.level = ERROR\n`,
  )
  const environment = { SOFTHSM2_CONF: configuration }
  const softHsm = (...args: string[]) =>
    execFileSync('softhsm2-util', args, { env: { ...process.env, ...environment }, stdio: 'pipe' }).toString()
  softHsm('--init-token', '--free', '--label', label, '--so-pin', '19283746', '--pin', pin)
  const pinFile = join(folder, `${label}.pin`)
  writeFileSync(pinFile, `${pin}\n`, { mode: 0o600 })
  return { environment, pinFile, label, softHsm }
}
