/** Runs test cases against a version, as the service would decide if nothing but policies spoke for or against an act. */
import { asksOf, demandOf, policyReasons } from '../judge.ts'
import type { LoadedPolicies, Verdict } from '../policies.ts'
import type { CaseFile, Wanted } from './format.ts'
import { inputOf, merged } from './input.ts'

export type Got = Required<Omit<Wanted, 'approval'>> & Pick<Wanted, 'approval'>

/** What did not come out as wanted, one line each; none: the case passed. */
export type CaseResult = { name: string; differences: string[] }

export function runCases({ defaults, cases }: CaseFile, policies: LoadedPolicies): CaseResult[] {
  return cases.map(({ name, given, want }) => {
    try {
      return {
        name,
        differences: differences(want, decide(policies, policies.evaluate(inputOf(merged(defaults, given))))),
      }
    } catch (error) {
      return { name, differences: [error instanceof Error ? error.message : String(error)] }
    }
  })
}

function decide(policies: LoadedPolicies, verdict: Verdict): Got {
  const asking = asksOf(verdict, policies)
  const demand = demandOf(asking)
  const reasons = [
    ...policyReasons(verdict, asking.length),
    ...(asking.length > 0 && !demand ? ['approval_impossible'] : []),
  ]
  if (reasons.length > 0) {
    const asks = new Set(asking.map(({ policy }) => policy))
    const decided = [...verdict.forbids.filter((id) => !asks.has(id) || !demand), ...verdict.erroredForbids]
    return { outcome: 'deny', reasons, policies: decided, obligations: [] }
  }
  if (demand) {
    const { approver, persons } = demand
    const asks = asking.map(({ policy }) => policy)
    return {
      outcome: 'ask',
      reasons: ['approval_required'],
      policies: asks,
      obligations: [],
      approval: { approver, persons },
    }
  }
  const obligations = verdict.permits.flatMap((id) => policies.meaningOf(id).obligations)
  return {
    outcome: 'allow',
    reasons,
    policies: verdict.permits,
    obligations: obligations.map(({ type, properties }) => ({ type, properties })),
  }
}

/** Only what the case speaks of is compared; lists in any order. */
function differences(want: Wanted, got: Got): string[] {
  const found: string[] = []
  for (const member of ['outcome', 'policies', 'reasons', 'obligations', 'approval'] as const) {
    if (want[member] === undefined) continue
    const [wanted, came] = [spell(want[member]), spell(got[member] ?? 'none')]
    if (wanted !== came) found.push(`${member}: wanted ${wanted}, got ${came}${member === 'outcome' ? why(got) : ''}`)
  }
  return found
}

const why = ({ policies, reasons }: Got): string => {
  const parts = [policies.length > 0 ? `by ${policies.join(', ')}` : '', reasons.join(', ')].filter(Boolean)
  return parts.length > 0 ? ` (${parts.join('; ')})` : ''
}

function spell(value: unknown): string {
  if (typeof value === 'string') return value
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map(spell).sort().join(', ')
  const entries = Object.entries(value as Record<string, unknown>).sort(([left], [right]) => (left < right ? -1 : 1))
  return `{ ${entries.map(([name, member]) => `${name}: ${typeof member === 'object' ? spell(member) : String(member)}`).join(', ')} }`
}
