import { z } from 'zod'
import { addressRule } from './http/egress.ts'

/** Stops the process with one line that names the variable and says what is allowed. */
export class ConfigurationError extends Error {}

/**
 * Reads a service's configuration once, from environment variables.
 * @param shape one zod schema a variable; the values are strings
 * @throws ConfigurationError naming every variable that is wrong
 */
export function readConfig<Shape extends z.ZodRawShape>(
  shape: Shape,
  environment: NodeJS.ProcessEnv = process.env,
): z.infer<z.ZodObject<Shape>> {
  const wanted = Object.fromEntries(Object.keys(shape).map((name) => [name, environment[name] || undefined]))
  const result = z.object(shape).safeParse(wanted)
  if (result.success) return result.data
  const lines = result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`)
  throw new ConfigurationError(`Configuration: ${lines.join('; ')}. See the table "Configuration" in README.md.`)
}

const port = z.coerce.number().int().min(1).max(65_535)
const address = (name: string) =>
  z.string({ error: 'is not set' }).regex(/^[^:]+:\d{1,5}$/, `must be host:port, for example 127.0.0.1:${name}`)

function areNetworks(list: string[]): boolean {
  try {
    addressRule(list)
    return true
  } catch {
    return false
  }
}

/** What every service needs. */
export const commonConfig = {
  CREDENCE_TRUST_DOMAIN: z
    .string({ error: 'is not set' })
    .regex(/^[a-z0-9._-]{1,255}$/, 'must be a SPIFFE trust domain name, for example "example.org"'),
  CREDENCE_NATS_SERVERS: z.string({ error: 'is not set' }).transform((text) => text.split(',')),
  CREDENCE_NATS_NKEY_FILE: z.string({ error: 'is not set: path of the file with this service’s nkey seed' }),
  CREDENCE_TLS_CA_FILE: z.string({ error: 'is not set: path of the PEM file with the CA certificates' }),
  CREDENCE_TLS_CERT_FILE: z.string({ error: 'is not set: path of the PEM file with this service’s certificate' }),
  CREDENCE_TLS_KEY_FILE: z.string({ error: 'is not set: path of the PEM file with this service’s private key' }),
  CREDENCE_ROLES_FILE: z.string({ error: 'is not set: path of the JSON file that maps callers to roles' }),
  CREDENCE_GRPC_LISTEN: address('7401'),
  CREDENCE_GRPC_PUBLIC_LISTEN: address('7411'),
  CREDENCE_GRPC_REFLECTION: z.enum(['on', 'off']).default('off'),
  CREDENCE_OIDC_ISSUERS: z
    .string({ error: 'is not set: issuer URLs of the enterprise identity providers, comma separated' })
    .transform((text) => text.split(',')),
  CREDENCE_OIDC_AUDIENCE: z.string({ error: 'is not set: the audience that human tokens must name' }),
  // Networks besides the public Internet to which URLs of others (issuers’ keys) may lead: CIDR, comma separated.
  CREDENCE_EGRESS_ALLOW: z
    .string()
    .default('')
    .transform((text) => text.split(',').filter((network) => network !== ''))
    .refine(areNetworks, 'must be networks like 10.0.0.0/8, comma separated'),
  CREDENCE_LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  OTEL_EXPORTER_OTLP_ENDPOINT: z.url().optional(),
}

/** Of services that keep snapshots of what they have read. */
export const snapshotConfig = { CREDENCE_DATA_DIR: z.string().optional() }

export const schemas = { port, address }
