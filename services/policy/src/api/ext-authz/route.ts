/** What the configuration of a route says that its requests mean: the context extensions of Envoy's check settings. */
import { Sensitivity } from '@credence/contracts/events/values'
import { z } from 'zod'
import { isJsonText } from './body.ts'
import { readTemplate, type Template } from './path.ts'

export type Route = {
  audience: string
  /** Scheme, host and port as clients see them; those of the audience unless said. */
  origin: string
  request: Template
  action: string
  resource: { type: string; sensitivity: Sensitivity; properties?: string }
  /** Text with names of the template in braces. */
  resourceId: string
  /** Types of obligations that Envoy or the upstream carries out. */
  obligations: readonly string[]
  /** The body is a JSON object, and its members are the arguments. */
  readsBody: boolean
  /** The member of the body that says how much the act moves. */
  amount?: string
  keepsCredentials: boolean
}

const PREFIX = 'credence.'
const https = z.url({ protocol: /^https$/ }).max(256)
const flag = z
  .enum(['true', 'false'])
  .default('false')
  .transform((text) => text === 'true')

/** Closed: a key that is misspelt would leave out what somebody wanted. */
const Extensions = z.strictObject({
  audience: https.regex(/^[^?#*]+$/),
  origin: https.refine((text) => new URL(text).origin === text).optional(),
  request: z
    .string()
    .max(512)
    .transform((text, context): Template => {
      const template = readTemplate(text)
      if (!template) context.addIssue('must be like "GET /events/{event}"')
      return template ?? { methods: [], segments: [] }
    }),
  action: z
    .string()
    .max(128)
    .regex(/^[a-z][a-z0-9_.-]*$/),
  resource_type: z
    .string()
    .max(128)
    .regex(/^[A-Z][A-Za-z0-9]*$/),
  resource_id: z
    .string()
    .min(1)
    .max(128)
    .regex(/^([A-Za-z0-9._/@-]|\{[a-z][a-z0-9_]*\})+$/),
  sensitivity: Sensitivity,
  properties: z.string().max(4096).refine(isJsonText).optional(),
  obligations: z
    .string()
    .max(256)
    .default('')
    .transform((text) => text.split(' ').filter(Boolean)),
  arguments: z.literal('body').optional(),
  amount: z.string().min(1).max(64).optional(),
  keep_credentials: flag,
})

/** @returns the route, or undefined when the extensions are not all there, or say what nobody knows */
export function readRoute(extensions: Record<string, string>): Route | undefined {
  const ours = Object.entries(extensions).filter(([key]) => key.startsWith(PREFIX))
  const parsed = Extensions.safeParse(Object.fromEntries(ours.map(([key, text]) => [key.slice(PREFIX.length), text])))
  if (!parsed.success) return undefined
  const { data } = parsed
  const { request, resource_id: resourceId, resource_type: type, sensitivity, properties } = data
  const named = new Set(request.segments.flatMap((segment) => ('name' in segment ? [segment.name] : [])))
  for (const [, name = ''] of resourceId.matchAll(NAMES)) if (!named.has(name)) return undefined
  return {
    audience: data.audience,
    origin: data.origin ?? new URL(data.audience).origin,
    request,
    action: data.action,
    resource: { type, sensitivity, ...(properties ? { properties } : {}) },
    resourceId,
    obligations: data.obligations,
    readsBody: data.arguments === 'body' || data.amount !== undefined,
    amount: data.amount,
    keepsCredentials: data.keep_credentials,
  }
}

const NAMES = /\{([a-z][a-z0-9_]*)\}/g

/** @param names what the template found in the path */
export const resourceIdOf = ({ resourceId }: Route, names: Record<string, string>): string =>
  resourceId.replace(NAMES, (_, name: string) => names[name] ?? '')
