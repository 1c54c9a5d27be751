/** The build pipeline of the demo company: measures its agent, and signs what it is made of. */
import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createHashing } from '@credence/attester/hashing/hashing'
import { signManifest } from '@credence/attester/manifest/sign'
import { measureComposition } from '@credence/attester/measure/composition'
import { writeAgentManifest } from '@credence/contracts/attestation/agent-manifest'
import { readTools } from '@credence/contracts/attestation/tools'
import type { Composition } from '@credence/contracts/events/values'
import { madeIn } from '../agent/evidence.ts'

export type Built = {
  composition: Composition
  /** File of the signed manifest. */
  manifest: string
  /** Public keys: of this pipeline, and of who signed the model. */
  builderPem: string
  modelSignerPem: string
}

export const BLUEPRINT = 'meeting-scheduler'
const MODEL_SIGNER = fileURLToPath(new URL('./model-signer.pem', import.meta.url))

/** @param out folder for the manifest and the pipeline's key */
export async function buildAgent(folder: string, out: string): Promise<Built> {
  const made = madeIn(folder)
  const hashing = createHashing()
  const { composition } = await measureComposition(made, { hashing }).finally(() => hashing.close())
  const { value: tools = [], detail } = readTools(readFileSync(made.tools.file))
  if (detail) throw new Error(`${made.tools.file} ${detail}`)
  const part = (path: string, digest: string) => ({ name: basename(path), digest })
  const statement = writeAgentManifest({
    blueprint: BLUEPRINT,
    label: 'Meeting scheduler 1.2',
    program: part(made.program.file, composition.program),
    prompt: part(made.prompt, composition.prompt),
    model: { name: 'intent-small', digest: composition.model },
    tools,
  })
  const key = createPrivateKey(pipelineKey(out))
  const manifest = join(out, 'agent-manifest.sigstore.json')
  writeFileSync(manifest, signManifest(statement, key))
  const builderPem = createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString()
  return { composition, manifest, builderPem, modelSignerPem: readFileSync(MODEL_SIGNER, 'utf8') }
}

function pipelineKey(out: string): string {
  const file = join(out, 'builder.pem')
  if (!existsSync(file)) {
    mkdirSync(out, { recursive: true, mode: 0o700 })
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    writeFileSync(file, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
  }
  return readFileSync(file, 'utf8')
}
