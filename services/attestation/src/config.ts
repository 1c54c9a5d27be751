import { commonConfig, readConfig, schemas } from '@credence/shared/config'
import { z } from 'zod'

export const readAttestationConfig = () =>
  readConfig({
    ...commonConfig,
    CREDENCE_IDENTITY_GRPC: schemas.address('7401'),
    CREDENCE_KEYS_DIR: z.string({ error: 'is not set: folder for this service’s signing keys' }),
    // Clusters whose API servers may be asked (adapters/kubernetes/clusters.ts); none when absent.
    CREDENCE_KUBERNETES_CLUSTERS_FILE: z.string().optional(),
  })
