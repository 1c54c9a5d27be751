import { commonConfig, readConfig, schemas } from '@credence/shared/config'
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
    CREDENCE_KEYS_DIR: z.string({ error: 'is not set: folder for this service’s signing keys' }),
  })

export type IdentityConfig = ReturnType<typeof readIdentityConfig>
