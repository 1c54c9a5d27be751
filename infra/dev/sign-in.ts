/** How Credence is registered at identity providers in the development stack: one key, and the file that names them. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openSigningKey } from '@credence/shared/keys'

/** As in CREDENCE_SIGN_IN_FILE; without a credential of its own it is our key, in ES256. */
export type SignInProvider = { id: string; issuer: string; display_name: string } & Record<string, string>

export const signInFolder = (folder: string): string => join(folder, 'sign-in')

/** Writes `providers.json` and `jwks.json` (RFC 7517) into `<folder>/sign-in`. */
export async function registerForSignIn(folder: string, providers: SignInProvider[]): Promise<void> {
  const at = signInFolder(folder)
  mkdirSync(at, { recursive: true, mode: 0o700 })
  const { publicJwk, keyId } = await openSigningKey(join(at, 'key.pem'), 'P-256')
  writeFileSync(
    join(at, 'jwks.json'),
    JSON.stringify({ keys: [{ ...publicJwk, kid: keyId, alg: 'ES256', use: 'sig' }] }),
  )
  const own = { client_id: 'credence', private_key_file: 'key.pem', id_token_algorithm: 'ES256' }
  const issuers = providers.map((one) => (one.client_id ? one : { ...own, ...one }))
  writeFileSync(join(at, 'providers.json'), JSON.stringify({ issuers }, null, 2))
}
