import { ConfigurationError, commonConfig, readConfig, schemas, snapshotConfig } from '@credence/shared/config'
import { z } from 'zod'

export function readPolicyConfig() {
  const config = readConfig({
    ...commonConfig,
    ...snapshotConfig,
    CREDENCE_IDENTITY_GRPC: schemas.address('7401'),
    // Whose access tokens count where a proxy asks in place of the resource.
    CREDENCE_ISSUER: z.url({ protocol: /^https$/, error: 'is not set: the OAuth issuer, the https URL of identity' }),
    CREDENCE_POLICY_HTTP_LISTEN: schemas.address('7423').optional(),
    // Without a path: metadata is served at the root only (AuthZEN Authorization API 1.0 §pdp-metadata-access).
    CREDENCE_POLICY_URL: z
      .url({ protocol: /^https$/, error: 'must be the https URL of this decision point' })
      .refine(
        (url) => URL.parse(url)?.origin === url,
        'must be scheme, host and port only, for example https://localhost:7423',
      )
      .optional(),
  })
  if (config.CREDENCE_POLICY_HTTP_LISTEN && !config.CREDENCE_POLICY_URL)
    throw new ConfigurationError(
      'CREDENCE_POLICY_URL is not set: the https URL by which enforcement points know this decision point.',
    )
  return config
}
