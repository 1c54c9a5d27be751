import { commonConfig, readConfig, schemas, snapshotConfig } from '@credence/shared/config'
import { z } from 'zod'

export const readAttestationConfig = () =>
  readConfig({
    ...commonConfig,
    ...snapshotConfig,
    CREDENCE_IDENTITY_GRPC: schemas.address('7401'),
    // Clusters whose API servers may be asked (adapters/kubernetes/clusters.ts); none when absent.
    CREDENCE_KUBERNETES_CLUSTERS_FILE: z.string().optional(),
  })
