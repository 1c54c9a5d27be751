/** Runs a demo resource: its own process, its own data, and the enforcement point in front. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { connectCredence } from '@credence/sdk/clients'
import { createGuard } from '@credence/sdk/resource/guard'
import { tlsFetch } from '@credence/sdk/tls-fetch'
import { readConfig, schemas } from '@credence/shared/config'
import { serveHttps } from '@credence/shared/http/server'
import { z } from 'zod'
import { calendarOperation, openCalendar } from './calendar/calendar.ts'
import { CUSTOMERS_OBLIGATIONS, customersOperation, openCustomers } from './customers/customers.ts'

const config = readConfig({
  DEMO_RESOURCE: z.enum(['calendar', 'customers']),
  DEMO_LISTEN: schemas.address('7441'),
  DEMO_AUDIENCE: z.url(),
  DEMO_DATA_DIR: z.string(),
  CREDENCE_TRUST_DOMAIN: z.string(),
  CREDENCE_ISSUER: z.url(),
  CREDENCE_POLICY_GRPC: z.string(),
  CREDENCE_AUDIT_GRPC: z.string(),
  CREDENCE_TLS_CA_FILE: z.string(),
  CREDENCE_TLS_CERT_FILE: z.string(),
  CREDENCE_TLS_KEY_FILE: z.string(),
})

mkdirSync(config.DEMO_DATA_DIR, { recursive: true })
const file = join(config.DEMO_DATA_DIR, `${config.DEMO_RESOURCE}.db`)
const calendar = config.DEMO_RESOURCE === 'calendar'
const resource = calendar ? openCalendar(file) : openCustomers(file)
const tls = {
  caFile: config.CREDENCE_TLS_CA_FILE,
  certFile: config.CREDENCE_TLS_CERT_FILE,
  keyFile: config.CREDENCE_TLS_KEY_FILE,
}
const clients = connectCredence({
  trustDomain: config.CREDENCE_TRUST_DOMAIN,
  caFile: tls.caFile,
  tls,
  addresses: { policy: config.CREDENCE_POLICY_GRPC, audit: config.CREDENCE_AUDIT_GRPC },
})
const guard = createGuard({
  audience: config.DEMO_AUDIENCE,
  issuer: config.CREDENCE_ISSUER,
  clients,
  fetch: tlsFetch(tls.caFile).fetch,
  operationOf: calendar ? calendarOperation : customersOperation,
  supportedObligations: calendar ? [] : CUSTOMERS_OBLIGATIONS,
  handle: resource.handle,
})
const server = await serveHttps(config.DEMO_LISTEN, tls, guard.listener)
process.on('SIGTERM', async () => {
  await server.stop()
  await guard.close()
  resource.close()
  process.exit(0)
})
