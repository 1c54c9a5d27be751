/** The reference signer of OpenSSF Model Signing (PyPI `model-signing`) in its own process. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Certified, Signer } from '../signers.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
/** Where .ci/run puts it: `pip install --target .credence/tools/model-signing -r infra/testing/model-signing/requirements.txt`. */
const TOOLS = join(ROOT, '.credence', 'tools', 'model-signing')
const SCRIPT = fileURLToPath(new URL('sign.py', import.meta.url))

const environment = (): NodeJS.ProcessEnv =>
  existsSync(TOOLS) ? { ...process.env, PYTHONPATH: TOOLS } : { ...process.env }

/** Why this machine cannot run it; empty when it can. */
export const modelSigningMissing = (): string => {
  const { status } = spawnSync('python3', ['-c', 'import model_signing'], { env: environment() })
  return status === 0 ? '' : 'PyPI’s model-signing is not installed'
}

export type SigningWishes = {
  /** Signer’s certificate first. */
  chain?: readonly Certified[]
  algorithm?: 'sha256' | 'blake2' | 'blake3'
  shardSize?: number
  allowSymlinks?: boolean
  /** Absolute. */
  ignorePaths?: string[]
}

/** Signs the files below `model`; the bundle is written to `signature`. @throws Error with what the signer says */
export function signModel(model: string, signature: string, signer: Signer, wishes: SigningWishes = {}): void {
  const folder = mkdtempSync(join(tmpdir(), 'model-signer-'))
  const file = (name: string, text: string) => {
    const path = join(folder, name)
    writeFileSync(path, text, { mode: 0o600 })
    return path
  }
  const [leaf, ...above] = wishes.chain ?? []
  const settings = {
    model,
    signature,
    private_key: file('key.pem', signer.privatePem),
    algorithm: wishes.algorithm,
    shard_size: wishes.shardSize,
    allow_symlinks: wishes.allowSymlinks,
    ignore_paths: wishes.ignorePaths,
    ...(leaf && { certificate: file('leaf.pem', leaf.pem), chain: above.map(({ pem }, at) => file(`${at}.pem`, pem)) }),
  }
  try {
    const { status, stderr } = spawnSync('python3', [SCRIPT, JSON.stringify(settings)], {
      env: environment(),
      encoding: 'utf8',
    })
    if (status !== 0) throw new Error(`model-signing failed: ${stderr}`)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Writes a small model and returns its folder: names whose order differs by spelling and by component, and an empty file. */
export function writeModel(folder: string, files: Record<string, string> = MODEL): string {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(folder, name, '..'), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  return folder
}

export const MODEL: Record<string, string> = {
  'config.json': '{"architectures":["IntentSmall"]}\n',
  'tokenizer/vocab.txt': 'meet\nmeeting\nschedule\n',
  'tokenizer-notes.md': 'How the words were chosen.\n',
  'weights/part-1.bin': 'abcdefghijklmnopqrstuvwxyz',
  'weights/part-2.bin': '0123456789',
  '.gitattributes': '*.bin binary\n',
  empty: '',
}
