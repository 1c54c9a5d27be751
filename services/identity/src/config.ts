import { commonConfig, readConfig, schemas, snapshotConfig } from '@credence/shared/config'
import { z } from 'zod'

export const readIdentityConfig = () =>
  readConfig({
    ...commonConfig,
    CREDENCE_HTTP_LISTEN: schemas.address('7421'),
    // Without a path: the metadata and the keys are served at the root only (RFC 8414 §3).
    CREDENCE_ISSUER: z
      .url({ protocol: /^https$/, error: 'must be the https URL of this OAuth issuer' })
      .refine(
        (url) => URL.parse(url)?.origin === url,
        'must be scheme, host and port only, for example https://localhost:7421',
      ),
    CREDENCE_SIGN_IN_FILE: z.string().optional(),
    CREDENCE_DPOP_NONCE: z
      .enum(['optional', 'required'], { error: 'must be "optional" or "required"' })
      .default('optional'),
    CREDENCE_CLIENT_ATTESTERS_FILE: z.string().optional(),
    CREDENCE_TOKEN_RATE_PER_CLIENT: z.coerce
      .number()
      .int()
      .min(1, 'must be from 1 to 1000000, in requests a second')
      .max(1_000_000, 'must be from 1 to 1000000, in requests a second')
      .default(50),
    // How long agents go on without a sponsor when nobody is in line: seven days unless said.
    CREDENCE_SPONSOR_GRACE_SECONDS: z.coerce
      .number({ error: 'must be a number of seconds' })
      .int('must be a whole number of seconds')
      .min(0, 'must be from 0 to 31622400')
      .max(366 * 86_400, 'must be from 0 to 31622400')
      .default(7 * 86_400),
    CREDENCE_POLICY_GRPC: schemas.address('7402'),
    CREDENCE_KEYS_DIR: z.string({ error: 'is not set: folder for this service’s signing keys' }),
    ...snapshotConfig,
    CREDENCE_KEYS_KEK_FILE: z.string().optional(),
    CREDENCE_KEYS_ROTATION_SECONDS: z.coerce
      .number({ error: 'must be a number of seconds' })
      .int()
      .min(8, 'must be at least 8 seconds')
      .default(30 * 86_400),
    CREDENCE_KEYS_PKCS11_MODULE: z.string().optional(),
    CREDENCE_KEYS_PKCS11_TOKEN_LABEL: z.string().optional(),
    CREDENCE_KEYS_PKCS11_PIN_FILE: z.string().optional(),
  })

export type IdentityConfig = ReturnType<typeof readIdentityConfig>
