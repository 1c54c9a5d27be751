/** Findings as they are kept and shown: ten thousand policies can have as many. */

type Finding = { severity: 'error' | 'warning'; code: string; policy: string; message: string }

const MOST = { kept: 80, shown: 500 }
const MAX_MESSAGE = 300

/** As an event holds them. */
export const keptFindings = (findings: readonly Finding[]): Finding[] =>
  cut(findings, MOST.kept).map(({ severity, code, policy, message }) => ({
    severity,
    code,
    policy,
    message: message.slice(0, MAX_MESSAGE),
  }))

export const shownFindings = (findings: readonly Finding[]) =>
  cut(findings, MOST.shown).map(({ policy, ...rest }) => ({ ...rest, policyId: policy }))

/** The last one says how many more there were. */
function cut(findings: readonly Finding[], most: number): readonly Finding[] {
  if (findings.length <= most) return findings
  const left = findings.length - most + 1
  const rest: Finding = { severity: 'warning', code: 'more', policy: '', message: `and ${left} more findings` }
  return [...findings.slice(0, most - 1), rest]
}
