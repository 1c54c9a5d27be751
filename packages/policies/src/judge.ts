/** What Credence makes of a verdict. One place for it, so that test cases say what the service does. */
import type { ApprovalRule, LoadedPolicies, Verdict } from './policies.ts'

/** A forbid that applied and that people may lift. */
export type Asking = { policy: string; rule: ApprovalRule }

/** What people have to approve. `policy`: ids of all that ask, with a space between them. */
export type Needed = ApprovalRule & { policy: string }

export const asksOf = ({ forbids }: Verdict, { meaningOf }: Pick<LoadedPolicies, 'meaningOf'>): Asking[] =>
  forbids.flatMap((policy) => {
    const rule = meaningOf(policy).approval
    return rule ? [{ policy, rule }] : []
  })

/** All that policies ask for, as one demand: the most persons, the shortest time. Undefined when they ask different people. */
export function demandOf(asking: readonly Asking[]): Needed | undefined {
  const [first, ...others] = asking
  if (!first || others.some(({ rule }) => rule.approver !== first.rule.approver)) return undefined
  return {
    policy: asking.map(({ policy }) => policy).join(' '),
    approver: first.rule.approver,
    persons: Math.max(...asking.map(({ rule }) => rule.persons)),
    withinSeconds: Math.min(...asking.map(({ rule }) => rule.withinSeconds)),
  }
}

/**
 * Why policies deny; empty when they do not. Cedar passes over a forbid that errors; here it denies (Cedar's own verdict
 * stays in the record).
 * @param asking how many of the forbids people may lift
 */
export function policyReasons(verdict: Verdict, asking: number): string[] {
  if (verdict.misfits) return verdict.misfits.map(({ part }) => `${part}_misfit`)
  return [
    ...(verdict.forbids.length > asking ? ['policy_forbids'] : []),
    ...(verdict.permits.length === 0 ? ['policy_no_permit'] : []),
    ...(verdict.erroredForbids.length > 0 ? ['policy_error'] : []),
  ]
}
