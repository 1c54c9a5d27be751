/**
 * Policies beside which others make no difference. Proved from scopes alone: the wider policy has no condition, so it applies
 * wherever the narrower one could.
 */
import type { Finding, Meaning } from '../policies.ts'
import type { Policy } from '../read.ts'
import { coversActions, type Scope } from './scope.ts'

export type Scoped = { policy: Policy; scope: Scope; meaning: Meaning }

export function shadowed(all: readonly Scoped[]): Finding[] {
  const wide = index(all.filter(({ policy, meaning }) => policy.json.conditions.length === 0 && !meaning.approval))
  const seen = new Map<string, string>()
  const findings: Finding[] = []
  const say = (policy: string, message: string) =>
    findings.push({ severity: 'warning', code: 'shadowed', policy, message })
  for (const one of all) {
    const { id, effect } = one.policy
    const spelt = spelling(one)
    const twin = seen.get(spelt)
    if (twin !== undefined) {
      say(id, `says exactly what "${twin}" says`)
      continue
    }
    seen.set(spelt, id)
    const forbid = wide.find(one, 'forbid')
    const permit = effect === 'permit' && saysNothingMore(one.meaning) ? wide.find(one, 'permit') : undefined
    if (forbid && effect === 'permit') say(id, `never permits anything: "${forbid}" forbids all of it, always`)
    else if (forbid) say(id, `forbids nothing that "${forbid}" does not forbid anyway`)
    else if (permit) say(id, `permits nothing that "${permit}" does not permit anyway`)
  }
  return findings
}

const saysNothingMore = ({ obligations, reliedSeconds }: Meaning): boolean =>
  obligations.length === 0 && reliedSeconds === 0

/** The same for policies that differ in their ids, or in what only people read. */
function spelling({ policy: { json }, meaning }: Scoped): string {
  const { effect, principal, action, resource, conditions } = json
  const obligations = meaning.obligations.map(({ type, properties }) => ({ type, properties }))
  return JSON.stringify([
    effect,
    principal,
    action,
    resource,
    conditions,
    meaning.approval,
    obligations,
    meaning.reliedSeconds,
  ])
}

/** Unconditional policies by what they fit, so that ten thousand are compared with ten thousand in a moment. */
function index(wide: readonly Scoped[]) {
  type Group = { all: Scoped[]; byAction: Map<string, Scoped[]> }
  const groups = new Map<string, Group>()
  for (const one of wide) {
    const { effect } = one.policy
    const key = JSON.stringify([effect, one.scope.principal.key, one.scope.resource.key])
    const group: Group = groups.get(key) ?? { all: [], byAction: new Map() }
    groups.set(key, group)
    if (!one.scope.actions) group.all.push(one)
    for (const action of one.scope.actions ?? [])
      group.byAction.set(action, [...(group.byAction.get(action) ?? []), one])
  }
  return {
    /** Another policy of this effect that applies wherever this one could. */
    find: ({ policy, scope }: Scoped, effect: 'permit' | 'forbid'): string | undefined => {
      const [first] = scope.actions ?? []
      for (const principal of scope.principal.wider)
        for (const resource of scope.resource.wider) {
          const group = groups.get(JSON.stringify([effect, principal, resource]))
          const candidates = group
            ? [...group.all, ...(first === undefined ? [] : (group.byAction.get(first) ?? []))]
            : []
          const found = candidates.find(
            (other) => other.policy !== policy && coversActions(other.scope.actions, scope.actions),
          )
          if (found) return found.policy.id
        }
      return undefined
    },
  }
}
