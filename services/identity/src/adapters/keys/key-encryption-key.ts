/** The key that encrypts the signing keys' files. It lies elsewhere: a mounted secret, another disk. */
import { readFileSync, statSync } from 'node:fs'
import { ConfigurationError } from '@credence/shared/config'
import { messageOf } from '@credence/shared/log'

const BYTES = 32

/** @throws ConfigurationError when the file is missing, is not 32 bytes, or can be read by everybody */
export function readKeyEncryptionKey(path: string): Uint8Array {
  const refuse = (why: string) => new ConfigurationError(`CREDENCE_KEYS_KEK_FILE (${path}) cannot be used: ${why}`)
  let bytes: Buffer
  let mode: number
  try {
    bytes = readFileSync(path)
    mode = statSync(path).mode
  } catch (error) {
    throw refuse(messageOf(error))
  }
  if (bytes.length !== BYTES)
    throw refuse(
      `it must hold exactly ${BYTES} random bytes, for example by "head -c 32 /dev/urandom"; it has ${bytes.length}`,
    )
  if (mode & 0o007) throw refuse('everybody on this machine may read or change it; set its mode to 0600 or 0640')
  return new Uint8Array(bytes)
}
