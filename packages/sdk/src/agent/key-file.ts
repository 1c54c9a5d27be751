/** An agent’s key in a file, for an agent and the helper beside it that attests with the same key. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { link, mkdir, open, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { CredenceError } from '@credence/contracts/errors'
import { importPKCS8 } from 'jose'
import { type AgentKey, agentKeyOf } from './key.ts'

const MAX_BYTES = 4096

/**
 * Opens the agent’s P-256 key (PKCS#8 PEM, mode 0600), or makes it when there is none: of several processes that start
 * together one makes it, and all read the same.
 * @throws CredenceError `failed_precondition`: `key_file_exposed` when others may read or change it, `key_file_foreign`
 * when it belongs to somebody else, `key_file_invalid` when it is no such key
 */
export async function openAgentKey(path: string): Promise<AgentKey> {
  const pem = (await readKey(path)) ?? (await makeKey(path))
  let privateKey: KeyObject
  try {
    privateKey = createPrivateKey(pem)
    if (privateKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1') throw new Error('curve')
  } catch {
    throw refused('invalid', `${path} does not hold a P-256 private key as PKCS#8 PEM.`)
  }
  const publicKey = createPublicKey(privateKey)
  const pkcs8 = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
  const spki = publicKey.export({ type: 'spki', format: 'pem' }) as string
  return agentKeyOf(await importPKCS8(pkcs8, 'ES256', { extractable: false }), spki)
}

/** Looks and reads through one descriptor, so that no other file is put in between. */
async function readKey(path: string): Promise<string | undefined> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    if (error.code === 'ELOOP') throw refused('invalid', `${path} is a symbolic link; name the key file itself.`)
    throw refused('invalid', `${path} cannot be read (${error.code}).`)
  })
  if (!file) return undefined
  try {
    const about = await file.stat()
    if (!about.isFile() || about.size > MAX_BYTES) throw refused('invalid', `${path} is not a key file.`)
    if ((about.mode & 0o077) !== 0)
      throw refused('exposed', `Others may read or change ${path}. Make a new key, or run: chmod 600 ${path}`)
    if (process.getuid && about.uid !== process.getuid() && about.uid !== 0)
      throw refused('foreign', `${path} belongs to another user.`)
    return await file.readFile('utf8')
  } finally {
    await file.close()
  }
}

/** Written whole under another name first: whoever finds the file finds all of it. */
async function makeKey(path: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
  const draft = `${path}.${randomUUID()}`
  try {
    await writeFile(draft, pem, { mode: 0o600, flag: 'wx' })
    await link(draft, path)
    return pem
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return (await readKey(path)) ?? pem
  } finally {
    await rm(draft, { force: true })
  }
}

const refused = (what: 'exposed' | 'foreign' | 'invalid', message: string): CredenceError =>
  new CredenceError('failed_precondition', `key_file_${what}`, message)
