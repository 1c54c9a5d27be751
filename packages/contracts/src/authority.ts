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
import { Limits, limitsCover, type Measured, meetLimits, withinLimits } from './limits.ts'

const LIMITS = { objects: 32, members: 64, length: 256 }

const ActionName = z
  .string()
  .max(LIMITS.length)
  .regex(
    /^[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*)*\.([a-z][a-z0-9_-]*|\*)$/,
    'must be like "calendar.book" or "calendar.*"',
  )

const ResourceName = z
  .string()
  .max(LIMITS.length)
  .regex(/^[A-Z][A-Za-z0-9]*::[A-Za-z0-9._/@-]*\*?$/, 'must be like "CalendarEvent::2026/7" or "CalendarEvent::*"')
  .refine((name) => !name.endsWith('::'), 'must name an id, or end in "*"')

const Location = z
  .string()
  .max(LIMITS.length)
  .refine((text) => {
    const url = URL.parse(text)
    const bare = url?.protocol === 'https:' && !url.hash && !url.search && !url.username && !url.password
    return bare && !text.includes('*')
  }, 'must be an absolute https URL without query, fragment, user or star')

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
export const AuthorizationDetails = z.array(AuthorizationDetail).min(1, 'must not be empty').max(LIMITS.objects)

/** A part that was asked and not given, with a stable reason code. */
export const DroppedAuthority = z.strictObject({ detail: AuthorizationDetail, reason: z.string() })
export type DroppedAuthority = z.infer<typeof DroppedAuthority>

const covers = (parent: string, child: string): boolean =>
  parent.endsWith('*') ? child.startsWith(parent.slice(0, -1)) : parent === child

const eachCovered = (parents: string[], children: string[]): boolean =>
  children.every((child) => parents.some((parent) => covers(parent, child)))

const objectCovers = (parent: AuthorizationDetail, child: AuthorizationDetail): boolean =>
  parent.type === child.type &&
  child.locations.every((location) => parent.locations.includes(location)) &&
  eachCovered(parent.actions, child.actions) &&
  eachCovered(parent.resources, child.resources) &&
  limitsCover(parent.limits, child.limits)

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
 * What `asked` and `ceiling` have in common: narrower than both. Objects that another object of the answer covers
 * are left out. An empty answer means nothing.
 */
export function intersect(asked: AuthorizationDetail[], ceiling: AuthorizationDetail[]): AuthorizationDetail[] {
  const common = asked.flatMap((a) => ceiling.flatMap((b) => meetObjects(a, b) ?? []))
  return common.filter(
    (detail, index) =>
      !common.some(
        (other, at) => at !== index && objectCovers(other, detail) && (at < index || !objectCovers(detail, other)),
      ),
  )
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

/** One concrete act: is it inside these details? A wildcard in the act itself is never permitted. */
export function permits(
  details: AuthorizationDetail[],
  act: { location: string; action: string; resource: string } & Measured,
): boolean {
  if (act.action.includes('*') || act.resource.includes('*')) return false
  return details.some(
    (detail) =>
      detail.locations.includes(act.location) &&
      detail.actions.some((action) => covers(action, act.action)) &&
      detail.resources.some((resource) => covers(resource, act.resource)) &&
      withinLimits(detail.limits, act),
  )
}
