/** The identity providers at which people may sign in, and how Credence is known there: one JSON file. */
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { ConfigurationError } from '@credence/shared/config'
import { messageOf } from '@credence/shared/log'
import { z } from 'zod'

const Entry = z
  .strictObject({
    /** Part of the redirect URI at that provider: `<our issuer>/signed-in/<id>`. */
    id: z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, 'must be lower-case letters, digits and dashes'),
    issuer: z.url({ protocol: /^https$/ }),
    /** As people know it. */
    display_name: z.string().min(1).max(60),
    client_id: z.string().min(1),
    /** Beside this file, or absolute. One of the two. */
    client_secret_file: z.string().optional(),
    /** PKCS #8 PEM: `private_key_jwt` (OpenID Connect Core 1.0 §9), ES256 unless said. */
    private_key_file: z.string().optional(),
    private_key_algorithm: z.enum(['ES256', 'RS256', 'PS256']).default('ES256'),
    scope: z
      .string()
      .regex(/\bopenid\b/, 'must hold "openid"')
      .default('openid profile'),
    id_token_algorithm: z.enum(['RS256', 'PS256', 'ES256', 'EdDSA']).default('RS256'),
  })
  .refine(
    ({ client_secret_file, private_key_file }) =>
      (client_secret_file === undefined) !== (private_key_file === undefined),
    'must name client_secret_file or private_key_file',
  )

const File = z.strictObject({ issuers: z.array(Entry).min(1) }).refine(({ issuers }) => {
  const distinct = (name: 'id' | 'issuer') => new Set(issuers.map((one) => one[name])).size === issuers.length
  return distinct('id') && distinct('issuer')
}, 'must not name an id or an issuer twice')

export type SignInFile = z.input<typeof File>
export type ProviderSettings = Omit<z.infer<typeof Entry>, 'client_secret_file' | 'private_key_file'> & {
  credential: { secret: string } | { privateKey: string }
}

/** @throws ConfigurationError when the file, or one that it names, cannot be used */
export function readProviders(path: string): ProviderSettings[] {
  const beside = (name: string) => readFileSync(resolve(dirname(path), name), 'utf8')
  try {
    const file = File.parse(JSON.parse(readFileSync(path, 'utf8')))
    return file.issuers.map(({ client_secret_file, private_key_file, ...entry }) => ({
      ...entry,
      credential: client_secret_file
        ? { secret: beside(client_secret_file).trim() }
        : { privateKey: beside(private_key_file ?? '') },
    }))
  } catch (error) {
    throw new ConfigurationError(`CREDENCE_SIGN_IN_FILE (${path}) cannot be used: ${messageOf(error)}`)
  }
}
