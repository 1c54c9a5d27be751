import { commonConfig, readConfig, schemas } from '@credence/shared/config'

export const readPolicyConfig = () => readConfig({ ...commonConfig, CREDENCE_IDENTITY_GRPC: schemas.address('7401') })
