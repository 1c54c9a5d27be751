/** Values that events of several services share. */
import { z } from 'zod'

export const Sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hexadecimal digits (SHA-256)')

/** An id as `newId` makes it: a type prefix and a UUIDv7 in base32 (TypeID 0.3). */
export const idOf = (prefix: string) =>
  z.string().regex(new RegExp(`^${prefix}_[0-7][0-9a-hjkmnp-tv-z]{25}$`), `must be an id that begins with "${prefix}_"`)

export const AgentId = idOf('agt')
export const HumanId = idOf('hum')
export const DelegationId = idOf('dlg')
export const TaskId = idOf('tsk')
export const GrantId = idOf('grt')
export const DecisionId = idOf('dec')
export const EffectId = idOf('eff')
export const ResultId = idOf('att')
export const ChallengeId = idOf('chl')
export const ReferenceId = idOf('ref')
export const AnchorId = idOf('anc')
export const EnrolmentId = idOf('enr')
export const MandateId = idOf('mnd')
export const RequestId = idOf('drq')
export const ApprovalId = idOf('apr')

export const Slug = z
  .string()
  .max(64)
  .regex(
    /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/,
    'must be lower-case letters, digits and single dashes, like "meeting-scheduler"',
  )

/** Free text that people write for people: one line or a few, no control characters, no direction marks. */
export const Prose = z
  .string()
  .trim()
  .min(1, 'must not be empty')
  .max(500, 'must be at most 500 characters')
  .regex(/^[^\p{Cc}\p{Cf}]*$/u, 'must not hold control or direction characters')

/** What a platform says of an agent, to find it by: team, environment, ticket. No personal data. */
export const Labels = z
  .record(
    z.string().regex(/^[a-z][a-z0-9_.-]{0,62}$/, 'must be lower-case, like "team"'),
    z.string().regex(/^[A-Za-z0-9][A-Za-z0-9 ._/:@-]{0,127}$/, 'must be 1 to 128 letters, digits or ._/:@-'),
  )
  .refine((labels) => Object.keys(labels).length <= 16, 'must be at most 16')

/** RFC 6749 §3.1.2, RFC 8252: https, or http on a loopback address; compared byte by byte. */
export const RedirectUri = z
  .string()
  .max(512)
  .refine((text) => {
    const url = URL.parse(text)
    if (!url || url.hash || url.username || url.password) return false
    return url.protocol === 'https:' || (url.protocol === 'http:' && ['127.0.0.1', '[::1]'].includes(url.hostname))
  }, 'must be an https URL, or http on 127.0.0.1, without fragment or user')

export const Instant = z.iso.datetime({ error: 'must be an RFC 3339 time in UTC' })

export const Model = z.strictObject({
  provider: z.string().min(1).max(100),
  name: z.string().min(1).max(100),
  version: z.string().min(1).max(100),
  digest: Sha256,
})
export type Model = z.infer<typeof Model>

/** What made the agent act; `token_request`: it asked for a token and named nothing else. */
export const Trigger = z.strictObject({
  type: z.enum(['message', 'ticket', 'schedule', 'webhook', 'token_request']),
  source: z.string().min(1).max(256),
  id: z.string().min(1).max(256),
  digest: Sha256,
})
export type Trigger = z.infer<typeof Trigger>

/** SHA-256 of each part that an agent is made of. */
export const Composition = z.strictObject({ program: Sha256, prompt: Sha256, tool_manifest: Sha256, model: Sha256 })
export type Composition = z.infer<typeof Composition>

export const Sensitivity = z.enum(['public', 'internal', 'confidential', 'restricted'])

/** What speaks against an agent, from little to enough to stop it. */
export const RiskLevel = z.enum(['low', 'medium', 'high', 'critical'])
export type RiskLevel = z.infer<typeof RiskLevel>

export type Sensitivity = z.infer<typeof Sensitivity>

/** EAR status words (draft-ietf-rats-ear). */
export const EarStatus = z.enum(['none', 'affirming', 'warning', 'contraindicated'])
export type EarStatus = z.infer<typeof EarStatus>

/** Where in the world a thing is known by its place in a stream: `IDENTITY:1234`. */
export const Position = z.string().regex(/^[A-Z]+(\/[0-9]+)?:[0-9]{1,19}$/, 'must be like "IDENTITY:1234"')
