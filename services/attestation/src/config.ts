import { commonConfig, readConfig, schemas, snapshotConfig } from '@credence/shared/config'

export const readAttestationConfig = () =>
  readConfig({
    ...commonConfig,
    ...snapshotConfig,
    CREDENCE_IDENTITY_GRPC: schemas.address('7401'),
  })
