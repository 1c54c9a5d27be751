/** What a person typed to delegate, read against the ceiling of the agent's class. Every problem is told at its field. */
import { type AuthorizationDetail, AuthorizationDetails } from '@credence/contracts/authority'
import { Prose } from '@credence/contracts/events/values'
import { Limits, limitsCover, meetLimits } from '@credence/contracts/limits'
import { MAX_LIFETIME_SECONDS } from '../../../domain/delegation.ts'
import { textOf } from '../../../domain/phrase.ts'
import { durationInWords } from '../../../domain/time-in-words.ts'
import { limitsInWords } from '../../../domain/words.ts'

export type Given = {
  details: AuthorizationDetail[]
  lifetimeSeconds: number
  maximumDepth: number
  purpose: string
}
export type Read = { given: Given; problems: Map<string, string> }

/** The first field of a detail’s limits is `d0.amount`, and so on. */
export const LIMIT_FIELDS = ['amount', 'currency', 'count', 'argument', 'pattern', 'from', 'until'] as const

/** @param most.depth how often it may be passed on at most */
export function readDelegation(form: URLSearchParams, ceiling: AuthorizationDetail[], most: { depth: number }): Read {
  const problems = new Map<string, string>()
  const details = ceiling.flatMap((detail, at) => readDetail(form, detail, `d${at}`, problems))
  if (details.length === 0 && problems.size === 0)
    problems.set('details', 'Tick at least one thing that the agent may do.')
  const valid = AuthorizationDetails.safeParse(details)
  if (problems.size === 0 && !valid.success) problems.set('details', valid.error.issues[0]?.message ?? 'does not fit')
  const purpose = Prose.safeParse(form.get('purpose') ?? '')
  if (!purpose.success) problems.set('purpose', `The reason ${purpose.error.issues[0]?.message}.`)
  return {
    given: {
      details,
      lifetimeSeconds: readLifetime(form, problems),
      maximumDepth: readDepth(form, most.depth, problems),
      purpose: purpose.data ?? '',
    },
    problems,
  }
}

type Problems = Map<string, string>

function readDetail(
  form: URLSearchParams,
  detail: AuthorizationDetail,
  at: string,
  problems: Problems,
): AuthorizationDetail[] {
  const ticked = (field: string, names: string[]) => {
    const indices = new Set(form.getAll(`${at}.${field}`))
    return names.flatMap((name, index) =>
      indices.has(String(index)) ? [{ name, field: `${at}.${field}.${index}` }] : [],
    )
  }
  const actions = ticked('actions', detail.actions)
  const resources = ticked('resources', detail.resources)
  const locations =
    detail.locations.length > 1 ? ticked('locations', detail.locations).map(({ name }) => name) : detail.locations
  if (actions.length === 0 && resources.length === 0) return []
  if (actions.length === 0)
    problems.set(`${at}.actions`, 'Tick at least one thing that it may do with what you ticked below.')
  if (resources.length === 0) problems.set(`${at}.resources`, 'Tick at least one thing that it may do this with.')
  if (locations.length === 0) problems.set(`${at}.locations`, 'Tick at least one place.')
  const limits = readLimits(form, detail.limits, at, problems)
  return [
    {
      type: detail.type,
      locations,
      actions: actions.flatMap(({ name, field }) => onlyThese(name, form.get(`${field}.only`) ?? '', field, problems)),
      resources: resources.map(({ name, field }) =>
        beginning(name, form.get(`${field}.begins`) ?? '', field, problems),
      ),
      ...(limits ? { limits } : {}),
    },
  ]
}

/** `calendar.*` with “calendar.read, book” typed: these two. */
function onlyThese(action: string, typed: string, field: string, problems: Problems): string[] {
  const names = typed.split(/[\s,;]+/).filter((name) => name !== '')
  if (!action.endsWith('.*') || names.length === 0) return [action]
  const stem = action.slice(0, -1)
  const full = names.map((name) => (name.startsWith(stem) ? name : `${stem}${name}`))
  const odd = full.find((name) => !/^[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*)+$/.test(name))
  if (odd)
    problems.set(
      `${field}.only`,
      `Name actions under “${stem.slice(0, -1)}”, like “${stem}read”, with commas between them.`,
    )
  return [...new Set(full)]
}

/** `CalendarEvent::*` with “2026/” typed: `CalendarEvent::2026/*`. */
function beginning(resource: string, typed: string, field: string, problems: Problems): string {
  const begins = typed.trim()
  if (!resource.endsWith('*') || begins === '') return resource
  if (!/^[A-Za-z0-9._/@-]{1,128}$/.test(begins))
    problems.set(`${field}.begins`, 'An id holds letters, digits and . _ / @ - only, at most 128 of them.')
  return `${resource.slice(0, -1)}${begins}*`
}

/** What was typed and the limits of the ceiling, both; what goes beyond the ceiling is a problem, not cut away in silence. */
function readLimits(
  form: URLSearchParams,
  ceiling: Limits | undefined,
  at: string,
  problems: Problems,
): Limits | undefined {
  const text = (name: (typeof LIMIT_FIELDS)[number]) => (form.get(`${at}.${name}`) ?? '').trim()
  const typed = {
    ...(text('amount') || text('currency')
      ? { amount: { value: text('amount'), currency: text('currency').toUpperCase() } }
      : {}),
    ...(text('count') ? { count: Number(text('count')) } : {}),
    patterns: text('argument') || text('pattern') ? [{ argument: text('argument'), pattern: text('pattern') }] : [],
    ...(text('from') || text('until')
      ? { window: { from: instantOf(text('from')), until: instantOf(text('until')) } }
      : {}),
  }
  if (!typed.amount && typed.count === undefined && typed.patterns.length === 0 && !typed.window) return ceiling
  const read = Limits.safeParse(typed)
  if (!read.success) {
    for (const { path, message } of read.error.issues) problems.set(`${at}.${fieldAt(path)}`, `This ${message}.`)
    return ceiling
  }
  for (const kind of ['amount', 'count', 'window'] as const) {
    const bound = ceiling?.[kind] === undefined ? undefined : { [kind]: ceiling[kind], patterns: [] }
    const within = read.data[kind] === undefined || limitsCover(bound, read.data)
    const allowed = textOf(limitsInWords(bound, [kind])[0] ?? [])
    if (!within)
      problems.set(
        `${at}.${kind === 'window' ? 'from' : kind}`,
        `The class of this agent allows ${allowed}; choose within that.`,
      )
  }
  const both = meetLimits(ceiling, read.data)
  return both === 'nothing' ? ceiling : both
}

const FIELDS: Record<string, (typeof LIMIT_FIELDS)[number]> = {
  'amount.value': 'amount',
  'amount.currency': 'currency',
  count: 'count',
  'patterns.argument': 'argument',
  'patterns.pattern': 'pattern',
  'window.from': 'from',
  'window.until': 'until',
  window: 'until',
}
const fieldAt = (path: readonly PropertyKey[]): string =>
  FIELDS[path.filter((step) => typeof step === 'string').join('.')] ?? 'amount'

/** What a field for date and time holds (`2026-11-24T09:00`), as UTC. */
const instantOf = (typed: string): string => (/^\d{4}-\d\d-\d\dT\d\d:\d\d$/.test(typed) ? `${typed}:00Z` : typed)

export const LIVES = [3_600, 8 * 3_600, 86_400, 7 * 86_400]
const UNITS: Record<string, number> = { minutes: 60, hours: 3_600, days: 86_400 }

function readLifetime(form: URLSearchParams, problems: Problems): number {
  const most = durationInWords(MAX_LIFETIME_SECONDS)
  const chosen = form.get('life') ?? ''
  if (chosen !== 'other') {
    const seconds = Number(chosen)
    if (!LIVES.includes(seconds)) problems.set('life', 'Choose how long it counts.')
    return seconds
  }
  const seconds = Number(form.get('life_count') ?? '') * (UNITS[form.get('life_unit') ?? ''] ?? Number.NaN)
  if (!Number.isInteger(seconds) || seconds < 60 || seconds > MAX_LIFETIME_SECONDS)
    problems.set('life_count', `Choose a whole number, from 1 minute to ${most}.`)
  return seconds
}

function readDepth(form: URLSearchParams, most: number, problems: Problems): number {
  const depth = Number(form.get('depth') ?? '0')
  if (!Number.isInteger(depth) || depth < 0 || depth > most) problems.set('depth', `Choose from 0 to ${most}.`)
  return depth
}
