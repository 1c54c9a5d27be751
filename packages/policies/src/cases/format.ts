/** Test cases of policies as people write them: one JSON file with what all cases share, and the cases. */

import { EarStatus, RiskLevel, Sensitivity } from '@credence/contracts/events/values'
import { Amount } from '@credence/contracts/limits'
import { z } from 'zod'

const Place = z.strictObject({ name: z.string(), trusted: z.boolean() })
const text = z.string()

/** As JSON, or as JSON text where a number must not pass through JavaScript. */
const Told = z.union([text, z.record(text, z.unknown())])

/** What is asked and what is known. Everything has a value when nothing is said (input.ts). */
const Given = z.strictObject({
  now: z.iso.datetime(),
  agent: z
    .strictObject({
      id: text,
      blueprint: text,
      kind: z.enum(['ephemeral', 'continuous']),
      autonomy: z.enum(['delegated', 'autonomous']),
      purpose: text,
      owner: text,
      sponsor: text,
      model: z.strictObject({ provider: text, name: text, version: text, digest: text }).partial(),
      labels: z.record(text, text),
    })
    .partial(),
  depth: z.int().nonnegative(),
  human: z
    .strictObject({ id: text, groups: z.array(text) })
    .partial()
    .nullable(),
  sign_in: z.strictObject({ acr: text.optional(), amr: z.array(text).optional(), age_seconds: z.int() }).nullable(),
  task: z
    .strictObject({ purpose: text, trigger: z.strictObject({ type: text, source: text }).partial() })
    .partial()
    .nullable(),
  action: text,
  resource: z.strictObject({ type: text, id: text, sensitivity: Sensitivity, properties: Told }).partial(),
  audience: text,
  arguments: Told.nullable(),
  amount: Amount.nullable(),
  location: Place.partial(),
  enforcement_point: z.strictObject({ id: text, location: Place.partial() }).partial(),
  attestation: z
    .strictObject({
      status: EarStatus,
      kinds: z.array(text),
      age_seconds: z.int(),
      program: text,
      model: text,
      prompt: text,
      tool_manifest: text,
      model_grade: text,
    })
    .partial()
    .nullable(),
  risk: z.strictObject({ level: z.union([z.literal('none'), RiskLevel]), codes: z.array(text) }).partial(),
})

/** Some of it; the rest is as in the defaults. */
export const GivenPart = Given.partial()
export type GivenPart = z.infer<typeof GivenPart>

const Wanted = z.strictObject({
  outcome: z.enum(['allow', 'deny', 'ask']),
  /** Ids of the policies that decided it: no more, no less, in any order. */
  policies: z.array(text).optional(),
  reasons: z.array(text).optional(),
  obligations: z.array(z.strictObject({ type: text, properties: z.record(text, text).default({}) })).optional(),
  approval: z.strictObject({ approver: text, persons: z.int() }).optional(),
})
export type Wanted = z.infer<typeof Wanted>

export const CaseFile = z.strictObject({
  /** For people. */
  about: text.optional(),
  defaults: GivenPart.default({}),
  cases: z
    .array(z.strictObject({ name: z.string().min(1), given: GivenPart.default({}), want: Wanted }))
    .min(1, 'must not be empty'),
})
export type CaseFile = z.infer<typeof CaseFile>
