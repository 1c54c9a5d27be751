import { commonConfig, readConfig, schemas } from '@credence/shared/config'
import { z } from 'zod'

export const readAuditConfig = () =>
  readConfig({
    ...commonConfig,
    CREDENCE_IDENTITY_GRPC: schemas.address('7401'),
    CREDENCE_KEYS_DIR: z.string({ error: 'is not set: folder for this service’s signing keys' }),
    /** A ClickHouse server; without it the embedded engine is used. */
    CREDENCE_CLICKHOUSE_URL: z.url('must be the URL of a ClickHouse server').optional(),
    CREDENCE_DATA_DIR: z.string({ error: 'is not set: folder for tiles and the embedded ClickHouse' }),
    CREDENCE_LOG_ORIGIN: z
      .string({ error: 'is not set: name of the log, for example audit.example.org/trail' })
      .regex(/^[a-z0-9._/-]{1,200}$/, 'must be a host name and a path without scheme, like audit.example.org/trail'),
  })
