/** The key ring as it is configured: encrypted files, or a PKCS#11 token; and its upkeep while the service runs. */
import type { Clock } from '@credence/shared/clock'
import { ConfigurationError } from '@credence/shared/config'
import { type Log, messageOf } from '@credence/shared/log'
import type { KeyUse, SigningAlgorithm } from '../../api/context.ts'
import { openEncryptedFiles } from './encrypted-files.ts'
import { readKeyEncryptionKey } from './key-encryption-key.ts'
import { type KeyRing, openKeyRing } from './key-ring.ts'
import type { Certify, KeyStore } from './key-store.ts'
import { openPkcs11 } from './pkcs11.ts'

export type KeysConfig = {
  CREDENCE_KEYS_DIR: string
  CREDENCE_KEYS_KEK_FILE?: string | undefined
  CREDENCE_KEYS_ROTATION_SECONDS: number
  CREDENCE_KEYS_PKCS11_MODULE?: string | undefined
  CREDENCE_KEYS_PKCS11_TOKEN_LABEL?: string | undefined
  CREDENCE_KEYS_PKCS11_PIN_FILE?: string | undefined
}

/** Puts keys into the record that are not there yet. */
type RecordRotations = (
  keys: { kid: string; use: KeyUse; algorithm: SigningAlgorithm; not_before: string }[],
) => Promise<void>

/** @throws ConfigurationError that names the variable */
export async function openKeys(
  config: KeysConfig,
  parts: { clock: Clock; log: Log; certify: Certify },
): Promise<{ keys: KeyRing; keepUp(record: RecordRotations): Promise<void>; close(): Promise<void> }> {
  const store = await openStore(config)
  const keys = await openKeyRing({ ...parts, store, rotationSeconds: config.CREDENCE_KEYS_ROTATION_SECONDS })
  const made = () =>
    keys
      .all()
      .map(({ kid, use, algorithm, signsFrom }) => ({ kid, use, algorithm, not_before: signsFrom.toISOString() }))
  let timer: NodeJS.Timeout | undefined
  return {
    keys,
    /** From now on the ring is looked after, and what is made is recorded. */
    keepUp: async (record) => {
      await record(made())
      const turn = async () => {
        try {
          await keys.maintain()
          await record(made())
        } catch (error) {
          parts.log.error('signing keys', { error: messageOf(error) })
        }
        timer = setTimeout(turn, keys.tickMs).unref()
      }
      timer = setTimeout(turn, keys.tickMs).unref()
    },
    close: async () => {
      clearTimeout(timer)
      await store.close()
    },
  }
}

function openStore(config: KeysConfig): Promise<KeyStore> {
  const module = config.CREDENCE_KEYS_PKCS11_MODULE
  if (module) {
    const tokenLabel = config.CREDENCE_KEYS_PKCS11_TOKEN_LABEL
    const pinFile = config.CREDENCE_KEYS_PKCS11_PIN_FILE
    if (!tokenLabel) throw missing('CREDENCE_KEYS_PKCS11_TOKEN_LABEL', 'label of the token that keeps the keys')
    if (!pinFile) throw missing('CREDENCE_KEYS_PKCS11_PIN_FILE', 'path of the file with the PIN of the token')
    return openPkcs11({ module, tokenLabel, pinFile })
  }
  const kekFile = config.CREDENCE_KEYS_KEK_FILE
  if (!kekFile)
    throw missing('CREDENCE_KEYS_KEK_FILE', 'path of the file with the 32 bytes that encrypt the signing keys')
  return openEncryptedFiles(config.CREDENCE_KEYS_DIR, readKeyEncryptionKey(kekFile))
}

const missing = (name: string, what: string) =>
  new ConfigurationError(`Configuration: ${name}: is not set: ${what}. See the table "Configuration" in README.md.`)
