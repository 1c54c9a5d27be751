/** What the annotations of a policy mean to Credence. Those that are not named here are free text for people. */
import { ROLES } from '@credence/shared/callers/roles'
import type { ApprovalRule, Finding, Meaning, Obligation } from './policies.ts'

export type Effect = 'permit' | 'forbid'

const APPROVAL = ['require_approval', 'approvals', 'approval_within'] as const
const OBLIGATIONS = ['log_more', 'mask_fields', 'limit_rows', 'relied_seconds'] as const
const KNOWN = ['id', ...APPROVAL, ...OBLIGATIONS]

const APPROVERS: readonly string[] = ['delegator', ...ROLES]
const WITHIN = { default: 900, least: 60, most: 7 * 86_400 }
const MAX_PERSONS = 5
const MAX_ROWS = 1_000_000
const MAX_RELIED_SECONDS = 300
const FIELDS = /^[A-Za-z0-9_.-]{1,64}( [A-Za-z0-9_.-]{1,64}){0,31}$/
const MAX_NOTE = 200

/** @returns the meaning, and what is wrong with the annotations; a set with an error among that is never loaded */
export function readAnnotations(
  policy: string,
  effect: Effect,
  annotations: Readonly<Record<string, string>> = {},
): { meaning: Meaning; findings: Finding[] } {
  const findings: Finding[] = []
  const say = (severity: Finding['severity'], code: Finding['code'], message: string) =>
    findings.push({ severity, code, policy, message })
  const annotation = (name: string): string | undefined =>
    Object.hasOwn(annotations, name) ? (annotations[name] ?? '') : undefined
  const whole = (name: string, least: number, most: number): number | undefined => {
    const text = annotation(name)
    if (text === undefined) return undefined
    const value = /^[0-9]{1,9}$/.test(text) ? Number(text) : Number.NaN
    if (value >= least && value <= most) return value
    say('error', 'annotation', `@${name} must be a whole number from ${least} to ${most}, like @${name}("${least}")`)
    return undefined
  }

  for (const name of effect === 'permit' ? APPROVAL : [])
    if (annotation(name) !== undefined)
      say(
        'error',
        'approval_on_permit',
        `@${name} belongs on a forbid: people lift a forbid by approving, not a permit`,
      )
  for (const name of effect === 'forbid' ? OBLIGATIONS : [])
    if (annotation(name) !== undefined)
      say(
        'error',
        'obligation_on_forbid',
        `@${name} belongs on a permit: it says how something that is allowed is done`,
      )
  for (const name of Object.keys(annotations)) {
    const meant = KNOWN.includes(name) ? undefined : KNOWN.find((known) => isNear(name, known))
    if (meant) say('warning', 'annotation', `@${name} means nothing to Credence; @${meant} does`)
  }

  if (effect === 'forbid') {
    const approval = approvalIn({ annotation, whole, say })
    return { meaning: { ...(approval && { approval }), obligations: [], reliedSeconds: 0 }, findings }
  }
  const obligations = obligationsIn(policy, { annotation, whole, say })
  return { meaning: { obligations, reliedSeconds: whole('relied_seconds', 0, MAX_RELIED_SECONDS) ?? 0 }, findings }
}

type Reading = {
  annotation(name: string): string | undefined
  whole(name: string, least: number, most: number): number | undefined
  say(severity: Finding['severity'], code: Finding['code'], message: string): void
}

function approvalIn({ annotation, whole, say }: Reading): ApprovalRule | undefined {
  const approver = annotation('require_approval')
  const persons = whole('approvals', 1, MAX_PERSONS) ?? 1
  const withinSeconds = whole('approval_within', WITHIN.least, WITHIN.most) ?? WITHIN.default
  if (approver === undefined) {
    for (const name of ['approvals', 'approval_within'])
      if (annotation(name) !== undefined) say('error', 'annotation', `@${name} needs @require_approval beside it`)
    return undefined
  }
  if (!APPROVERS.includes(approver)) {
    say('error', 'annotation', `@require_approval must name one of ${APPROVERS.join(', ')}`)
    return undefined
  }
  if (approver === 'delegator' && persons > 1)
    say('error', 'annotation', '@approvals must be "1" with @require_approval("delegator"): there is one delegator')
  return { approver, persons, withinSeconds }
}

function obligationsIn(id: string, { annotation, whole, say }: Reading): Obligation[] {
  const obligations: Obligation[] = []
  const note = annotation('log_more')
  if (note !== undefined) {
    if (note.length > MAX_NOTE) say('error', 'annotation', `@log_more must be at most ${MAX_NOTE} characters`)
    obligations.push({ id, type: 'log_more', properties: note ? { note } : {} })
  }
  const fields = annotation('mask_fields')
  if (fields !== undefined) {
    if (!FIELDS.test(fields))
      say(
        'error',
        'annotation',
        '@mask_fields must be 1 to 32 field names with one space between them, like "name email"',
      )
    obligations.push({ id, type: 'mask_fields', properties: { fields } })
  }
  const rows = whole('limit_rows', 1, MAX_ROWS)
  if (rows !== undefined) obligations.push({ id, type: 'limit_rows', properties: { rows: String(rows) } })
  return obligations
}

/** One letter too many, too few or another one: a slip of the pen, which would silently mean nothing. */
function isNear(name: string, known: string): boolean {
  if (known.length < 4 || Math.abs(name.length - known.length) > 1) return false
  let start = 0
  while (start < name.length && name[start] === known[start]) start++
  const [left, right] = [name.slice(start), known.slice(start)]
  return left.slice(1) === right.slice(1) || left === right.slice(1) || left.slice(1) === right
}
