/**
 * The algebra of authority: when one set of RFC 9396 authorization details is narrower than another, and what two
 * sets have in common. Everything that hands authority on (delegation, grant, token) uses these three functions.
 *
 * Rules (RFC 9396 §6.1 leaves comparison to the type's designer):
 * - the schema is closed, an empty member is refused, and absence never means "everything";
 * - inside an object the members are a conjunction;
 * - a child object must be covered by ONE parent object, never by the union of two: the union would give cross
 *   products that nobody approved;
 * - strings compare byte by byte; the only wildcard is a terminal one, and a bare `*` is refused; locations have none;
 * - limits (limits.ts) may be added and tightened, never dropped.
 */
import { z } from 'zod'
import { CredenceError } from './errors.ts'
import {
  isCounted,
  Limits,
  limitsCover,
  MAX_PATTERNS,
  type Measure,
  type Measured,
  measure,
  meetLimits,
  type Used,
} from './limits.ts'

/** `names`: locations, actions, resources and patterns of all objects together; comparing costs their square. */
const LIMITS = { objects: 32, members: 64, length: 256, names: 512 }

const ACTION = /^[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*)*\.([a-z][a-z0-9_-]*|\*)$/
const ActionName = z.string().max(LIMITS.length).regex(ACTION, 'must be like "calendar.book" or "calendar.*"')

const RESOURCE = /^[A-Z][A-Za-z0-9]*::[A-Za-z0-9._/@-]*\*?$/
/** A resource server that resolves paths would leave what a prefix was meant to hold. */
const hasDotSegment = (name: string): boolean => /(::|\/)\.\.?(\/|\*?$)/.test(name)
const ResourceName = z
  .string()
  .max(LIMITS.length)
  .regex(RESOURCE, 'must be like "CalendarEvent::2026/7" or "CalendarEvent::*"')
  .refine((name) => !name.endsWith('::'), 'must name an id, or end in "*"')
  .refine((name) => !hasDotSegment(name), 'must not hold "." or ".." as a segment')

/** As a URL parser writes it (WHATWG URL), with or without the slash after a bare host: nothing that reads like another place. */
const Location = z
  .string()
  .max(LIMITS.length)
  .refine((text) => {
    const url = URL.parse(text)
    const normal = url?.protocol === 'https:' && (url.href === text || url.href === `${text}/`)
    return normal && !url.username && !url.password && !/[*?#]/.test(text)
  }, 'must be an absolute https URL in its normal form, without query, fragment, user or star')

const members = <T extends z.ZodType>(item: T) => z.array(item).min(1, 'must not be empty').max(LIMITS.members)

/** One authorization details object (RFC 9396 §2), type `agent_permission`. */
export const AuthorizationDetail = z.strictObject({
  type: z.literal('agent_permission', { error: 'must be "agent_permission"' }),
  locations: members(Location),
  actions: members(ActionName),
  resources: members(ResourceName),
  limits: Limits.optional(),
})
export type AuthorizationDetail = z.infer<typeof AuthorizationDetail>

/** A non-empty `authorization_details` array (RFC 9396 §2). */
export const AuthorizationDetails = z
  .array(AuthorizationDetail)
  .min(1, 'must not be empty')
  .max(LIMITS.objects)
  .refine((details) => namesIn(details) <= LIMITS.names, `must hold at most ${LIMITS.names} names in all`)

const namesIn = (details: AuthorizationDetail[]): number =>
  details.reduce(
    (sum, { locations, actions, resources, limits }) =>
      sum + locations.length + actions.length + resources.length + (limits?.patterns.length ?? 0),
    0,
  )

/** What is well-formed stays so when it is cut, but for its size. */
const isOfSize = (details: AuthorizationDetail[]): boolean =>
  details.length <= LIMITS.objects &&
  namesIn(details) <= LIMITS.names &&
  details.every(
    ({ locations, actions, resources, limits }) =>
      Math.max(locations.length, actions.length, resources.length) <= LIMITS.members &&
      (limits?.patterns.length ?? 0) <= MAX_PATTERNS,
  )

/** A part that was asked and not given, with a stable reason code. */
export const DroppedAuthority = z.strictObject({ detail: AuthorizationDetail, reason: z.string() })
export type DroppedAuthority = z.infer<typeof DroppedAuthority>

const covers = (parent: string, child: string): boolean =>
  parent.endsWith('*') ? child.startsWith(parent.slice(0, -1)) : parent === child

const eachCovered = (parents: string[], children: string[]): boolean =>
  children.every((child) => parents.some((parent) => covers(parent, child)))

/** The rules, member by member (docs/narrowing.md): does what `parent` says cover what `child` says? */
const MEMBERS = {
  type: (parent, child) => parent.type === child.type,
  locations: (parent, child) => child.locations.every((location) => parent.locations.includes(location)),
  actions: (parent, child) => eachCovered(parent.actions, child.actions),
  resources: (parent, child) => eachCovered(parent.resources, child.resources),
  limits: (parent, child) => limitsCover(parent.limits, child.limits),
} satisfies Record<keyof AuthorizationDetail, (parent: AuthorizationDetail, child: AuthorizationDetail) => boolean>
type Member = keyof typeof MEMBERS
const MEMBER_NAMES = Object.keys(MEMBERS) as Member[]

const objectCovers = (parent: AuthorizationDetail, child: AuthorizationDetail): boolean =>
  MEMBER_NAMES.every((member) => MEMBERS[member](parent, child))

/** The members of `child` that no object of `parent` covers; none when several objects would have to be taken together. */
export const misfits = (child: AuthorizationDetail, parent: AuthorizationDetail[]): Member[] =>
  MEMBER_NAMES.filter((member) => !parent.some((candidate) => MEMBERS[member](candidate, child)))

/** True when every object of `child` is covered by one object of `parent`. Nothing is narrower than anything. */
export function isNarrower(child: AuthorizationDetail[], parent: AuthorizationDetail[]): boolean {
  return child.every((detail) => parent.some((candidate) => objectCovers(candidate, detail)))
}

const meet = (left: string[], right: string[]): string[] => {
  const found = new Set<string>()
  for (const a of left)
    for (const b of right)
      if (covers(a, b)) found.add(b)
      else if (covers(b, a)) found.add(a)
  return [...found]
}

function meetObjects(a: AuthorizationDetail, b: AuthorizationDetail): AuthorizationDetail | undefined {
  if (a.type !== b.type) return undefined
  const locations = a.locations.filter((location) => b.locations.includes(location))
  const actions = meet(a.actions, b.actions)
  const resources = meet(a.resources, b.resources)
  const limits = meetLimits(a.limits, b.limits)
  if (limits === 'nothing' || !locations.length || !actions.length || !resources.length) return undefined
  return { type: a.type, locations, actions, resources, ...(limits ? { limits } : {}) }
}

/**
 * What `asked` and `ceiling` have in common: narrower than both, and it permits exactly what both permit. Objects that
 * another object of the answer covers are left out. An empty answer means nothing.
 * @throws CredenceError `too_many_parts`: two sets of 32 can have 1,024 parts in common, which nobody could read
 */
export function intersect(asked: AuthorizationDetail[], ceiling: AuthorizationDetail[]): AuthorizationDetail[] {
  let found: AuthorizationDetail[] = []
  for (const a of asked)
    for (const b of ceiling) {
      const common = meetObjects(a, b)
      if (!common || found.some((other) => objectCovers(other, common))) continue
      found = [...found.filter((other) => !objectCovers(common, other)), common]
      if (found.length > LIMITS.objects) throw tooManyParts()
    }
  return found
}

/** The objects of `asked` that are not wholly inside `given`, with the reason code that the caller states. */
export function dropped(
  asked: AuthorizationDetail[],
  given: AuthorizationDetail[],
  reason: string,
): DroppedAuthority[] {
  return asked
    .filter((detail) => !given.some((candidate) => objectCovers(candidate, detail)))
    .map((detail) => ({ detail, reason }))
}

const tooManyParts = () =>
  new CredenceError(
    'failed_precondition',
    'too_many_parts',
    'authorization_details: what was asked falls into too many parts: ask for less at once.',
  )

/** What a holder may have at most, and the reason code for what lies beyond. */
export type Bound = { details: AuthorizationDetail[]; reason: string }

/**
 * Cuts `asked` to what lies inside every bound, one bound after the other. An object that was asked is named, as it was
 * asked, for each bound that takes something away from what is left of it: what is told does not grow with what is compared.
 * @throws CredenceError `too_many_parts` when what is left is not of the size that details may have
 */
export function narrow(
  asked: AuthorizationDetail[],
  bounds: Bound[],
): { given: AuthorizationDetail[]; dropped: DroppedAuthority[] } {
  const given = bounds.reduce((rest, { details }) => intersect(rest, details), asked)
  if (!isOfSize(given)) throw tooManyParts()
  return { given, dropped: asked.flatMap((detail) => takenFrom(detail, bounds)) }
}

function takenFrom(detail: AuthorizationDetail, bounds: Bound[]): DroppedAuthority[] {
  const taken: DroppedAuthority[] = []
  let rest = [detail]
  for (const { details, reason } of bounds) {
    if (!isNarrower(rest, details)) taken.push({ detail, reason })
    rest = intersect(rest, details)
  }
  return taken
}

export type Act = { location: string; action: string; resource: string } & Measured

export type Judged = 'permitted' | 'outside' | Exclude<Measure, 'fits'>

/**
 * How one concrete act stands to these details: one object that covers its names and whose limits it fits permits it.
 * Otherwise the nearest miss is told. An act that is not named as
 * one (with a wildcard, a dot segment) is never inside.
 */
export const judge = (details: AuthorizationDetail[], act: Act): Judged => judgeUse(details, act, () => act.used).judged

/**
 * The same, with the object that permits it: one that need not be counted before one that must be.
 * @param usedOf how much of each object is used up; undefined when nobody counted
 */
export function judgeUse(
  details: AuthorizationDetail[],
  act: Act,
  usedOf: (index: number) => Used | undefined,
): { judged: Judged; detail: number; counted: boolean } {
  let nearest: Judged = 'outside'
  let found = -1
  if (isConcrete(act))
    for (const [index, detail] of details.entries()) {
      if (!names(detail, act)) continue
      const counted = isCounted(detail.limits)
      const measured = measure(detail.limits, counted ? { ...act, used: usedOf(index) } : act)
      if (measured === 'fits' && !counted) return { judged: 'permitted', detail: index, counted }
      if (measured === 'fits' && found < 0) found = index
      if (measured !== 'fits' && isNearer(measured, nearest)) nearest = measured
    }
  if (found >= 0) return { judged: 'permitted', detail: found, counted: true }
  return { judged: nearest, detail: -1, counted: false }
}

const isConcrete = ({ action, resource }: Act): boolean =>
  ACTION.test(action) &&
  !action.endsWith('*') &&
  RESOURCE.test(resource) &&
  !/(\*|::)$/.test(resource) &&
  !hasDotSegment(resource)

const NEARNESS: Record<Judged, number> = {
  permitted: 4,
  limit_unverifiable: 3,
  limit_exceeded: 2,
  outside_window: 1,
  outside: 0,
}
const isNearer = (one: Judged, other: Judged): boolean => NEARNESS[one] > NEARNESS[other]

const names = ({ locations, actions, resources }: AuthorizationDetail, act: Act): boolean =>
  locations.includes(act.location) &&
  actions.some((action) => covers(action, act.action)) &&
  resources.some((resource) => covers(resource, act.resource))

/** One concrete act: is it inside these details? */
export const permits = (details: AuthorizationDetail[], act: Act): boolean => judge(details, act) === 'permitted'
