/**
 * The attestation key: below the endorsement hierarchy, so that the TPM’s counters are reported as they are (TPM 2.0 Part 1
 * §36.7). Its two files are kept beside the agent; without this TPM they are worth nothing.
 */
import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { ProducerError } from '../producer.ts'
import type { Tools } from './tools.ts'

export const ATTESTATION_KEY_TYPES = {
  'p256-ecdsa-sha256': { algorithm: 'ecc256:ecdsa-sha256:null', scheme: 'ecdsa', hash: 'sha256' },
  'p384-ecdsa-sha384': { algorithm: 'ecc384:ecdsa-sha384:null', scheme: 'ecdsa', hash: 'sha384' },
  'rsa2048-rsassa-sha256': { algorithm: 'rsa2048:rsassa-sha256:null', scheme: 'rsassa', hash: 'sha256' },
  'rsa2048-rsapss-sha256': { algorithm: 'rsa2048:rsapss-sha256:null', scheme: 'rsapss', hash: 'sha256' },
  'rsa3072-rsassa-sha384': { algorithm: 'rsa3072:rsassa-sha384:null', scheme: 'rsassa', hash: 'sha384' },
} as const
export type AttestationKeyType = keyof typeof ATTESTATION_KEY_TYPES

export type Created = { public: Buffer; creationData: Buffer; attest: Buffer; signature: Buffer }

const ATTRIBUTES = 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|sign'
const FILES = ['ak.pub', 'ak.priv', 'ak.json'] as const
const Kept = z.strictObject({ type: z.enum(Object.keys(ATTESTATION_KEY_TYPES) as [AttestationKeyType]) })

/** Makes a key in the TPM and lets it certify its own creation, over these bytes. Its context: `ak.ctx`. */
export async function createAttestationKey(
  tools: Tools,
  type: AttestationKeyType,
  binding: Uint8Array,
): Promise<Created> {
  const { algorithm, scheme, hash } = ATTESTATION_KEY_TYPES[type]
  const at = tools.file
  await createParent(tools)
  const creation = ['--creation-data', at('ak.creation'), '-d', at('ak.hash'), '-t', at('ak.ticket')]
  const key = ['-C', at('parent.ctx'), '-G', algorithm, '-g', 'sha256', '-a', ATTRIBUTES]
  await tools.run('create', '-Q', ...key, '-u', at('ak.pub'), '-r', at('ak.priv'), ...creation)
  await load(tools)
  const certified = ['-C', at('ak.ctx'), '-c', at('ak.ctx'), '-d', at('ak.hash'), '-t', at('ak.ticket')]
  const output = ['--attestation', at('ak.attest'), '-f', 'tss', '-o', at('ak.signature')]
  const qualification = ['-q', Buffer.from(binding).toString('hex')]
  await tools.run('certifycreation', '-Q', ...certified, '-g', hash, '-s', scheme, ...qualification, ...output)
  await writeFile(at('ak.json'), JSON.stringify({ type }))
  const [made, creationData, attest, signature] = await Promise.all(
    ['ak.pub', 'ak.creation', 'ak.attest', 'ak.signature'].map((name) => readFile(at(name))),
  )
  if (!made || !creationData || !attest || !signature) throw new Error('unreachable')
  return { public: made, creationData, attest, signature }
}

/** Keeps the key that was just enrolled, in place of any former one. */
export async function keepAttestationKey(tools: Tools, folder: string): Promise<void> {
  const [next, now] = [join(folder, 'tpm.next'), join(folder, 'tpm')]
  await rm(next, { recursive: true, force: true })
  await mkdir(next, { recursive: true, mode: 0o700 })
  await chmod(next, 0o700)
  for (const name of FILES) await writeFile(join(next, name), await readFile(tools.file(name)), { mode: 0o600 })
  await rm(now, { recursive: true, force: true })
  await rename(next, now)
}

/** Loads the key that was kept; its context: `ak.ctx`. @throws ProducerError `tpm_not_enrolled`, and those of the tools */
export async function loadAttestationKey(tools: Tools, folder: string): Promise<AttestationKeyType> {
  const kept = await Promise.all(FILES.map((name) => readFile(join(folder, 'tpm', name)))).catch(() => undefined)
  const [made, secret, about] = kept ?? []
  if (!made || !secret || !about)
    throw new ProducerError('tpm_not_enrolled', 'No attestation key is kept here: enrol the TPM first.')
  await writeFile(tools.file('ak.pub'), made, { mode: 0o600 })
  await writeFile(tools.file('ak.priv'), secret, { mode: 0o600 })
  await createParent(tools)
  await load(tools)
  return Kept.parse(JSON.parse(about.toString('utf8'))).type
}

/** A storage key of the endorsement hierarchy; the same one each time, since it comes of the hierarchy’s seed. */
const createParent = (tools: Tools) =>
  tools.run('createprimary', '-Q', '-C', 'e', '-g', 'sha256', '-G', 'ecc256', '-c', tools.file('parent.ctx'))

const load = (tools: Tools) =>
  tools.run(
    'load',
    '-Q',
    '-C',
    tools.file('parent.ctx'),
    '-u',
    tools.file('ak.pub'),
    '-r',
    tools.file('ak.priv'),
    '-c',
    tools.file('ak.ctx'),
  )
