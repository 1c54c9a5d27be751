import { commonConfig, readConfig, schemas } from '@credence/shared/config'
import { z } from 'zod'

export const readIdentityConfig = () =>
  readConfig({
    ...commonConfig,
    CREDENCE_HTTP_LISTEN: schemas.address('7421'),
    CREDENCE_ISSUER: z.url({ protocol: /^https$/, error: 'must be the https URL of this OAuth issuer' }),
    CREDENCE_KEYS_DIR: z.string({ error: 'is not set: folder for this service’s signing keys' }),
  })

export type IdentityConfig = ReturnType<typeof readIdentityConfig>
