/** Schemathesis (PyPI) in its own process: it reads an OpenAPI document and sends what nobody thought of. */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { TlsFiles } from '@credence/shared/rpc/tls'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
/** Where .ci/run puts it: `pip install --target .credence/tools/schemathesis -r infra/testing/schemathesis/requirements.txt`. */
const TOOLS = join(ROOT, '.credence', 'tools', 'schemathesis')
const CONFIG = join(ROOT, 'infra', 'testing', 'schemathesis', 'schemathesis.toml')
const PROGRAM = 'from schemathesis.cli import schemathesis; schemathesis()'

const environment = (): Record<string, string> => (existsSync(TOOLS) ? { PYTHONPATH: TOOLS } : {})

/** Whether this machine has it. */
export const hasSchemathesis = (): boolean =>
  spawnSync('python3', ['-c', 'import schemathesis.cli'], { env: { ...process.env, ...environment() } }).status === 0

/**
 * @param folder where it may leave what it remembers
 * @param options as its command line has them
 * @returns what it says, and 0 when it found nothing
 */
export function runSchemathesis(
  document: string,
  files: TlsFiles,
  folder: string,
  options: string[],
): Promise<{ code: number; text: string }> {
  const tls = ['--tls-verify', files.caFile, '--request-cert', files.certFile, '--request-cert-key', files.keyFile]
  const child = spawn(
    'python3',
    ['-c', PROGRAM, `--config-file=${CONFIG}`, '--no-color', 'run', document, ...tls, ...options],
    {
      cwd: folder,
      env: { ...process.env, ...environment(), REQUESTS_CA_BUNDLE: files.caFile },
    },
  )
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      text += chunk
    })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve({ code: code ?? 1, text }))
  })
}
