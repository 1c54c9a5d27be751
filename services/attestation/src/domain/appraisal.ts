/**
 * Appraisal of software evidence (RFC 9334 §4): what was measured, against what was approved and what was registered.
 * The trustworthiness vector is AR4SI’s (draft-ietf-rats-ar4si), and its worst tier is the status.
 */
import type { Composition, EarStatus } from '@credence/contracts/events/values'
import type { Agent } from '@credence/contracts/principals/agent'
import type { Profile } from './profile.ts'
import type { Reference } from './reference.ts'

/** What a verifier made of the evidence: measurements that it could check, or why it could not. */
export type Verified = { measurements: Composition } | { refused: string }

export type Appraisal = {
  status: EarStatus
  accepted: boolean
  vector: Record<string, number>
  reasons: string[]
  reference?: string
}

/** Values of AR4SI §2.3 that are used here. */
const CRYPTO_CHECK_FAILED = 99
const RECOGNISED = 2
const CONTRAINDICATED = 96
const SOFTWARE_KEYS = 32
const ISOLATION_UNKNOWN = 0

export function appraiseSoftware(
  verified: Verified,
  about: { agent: Agent; profile: Profile | undefined; references: Reference[] },
): Appraisal {
  if ('refused' in verified)
    return {
      status: 'contraindicated',
      accepted: false,
      vector: { 'instance-identity': CRYPTO_CHECK_FAILED },
      reasons: [verified.refused],
    }
  const { measurements } = verified
  const approved = about.references.find(({ composition }) => same(composition, measurements))
  const unknown = (part: keyof Composition) =>
    !about.references.some(({ composition }) => composition[part] === measurements[part])
  const differs = registeredOtherwise(measurements, about.agent)
  const part = (name: keyof Composition, bad: boolean) => (unknown(name) || bad ? CONTRAINDICATED : RECOGNISED)
  const vector = {
    'instance-identity': RECOGNISED,
    configuration: Math.max(part('prompt', differs.prompt), part('tool_manifest', differs.tool_manifest)),
    executables: part('program', false),
    'file-system': part('model', differs.model),
    hardware: ISOLATION_UNKNOWN,
    'runtime-opaque': ISOLATION_UNKNOWN,
    'storage-opaque': SOFTWARE_KEYS,
  }
  const parts = ['program', 'prompt', 'tool_manifest', 'model'] as const
  const faults = [
    ...parts.filter(unknown).map((name) => `${name}_unknown`),
    ...(['prompt', 'tool_manifest', 'model'] as const)
      .filter((name) => differs[name])
      .map((name) => `${name}_not_as_registered`),
    // Every part may be known, and still nobody approved them together.
    ...(approved ? [] : ['composition_not_approved']),
  ]
  const status = faults.length > 0 ? 'contraindicated' : statusOf(vector)
  const unmet = profileFaults(about.profile, status)
  return {
    status,
    accepted: faults.length === 0 && unmet.length === 0,
    vector,
    reasons: [...faults, ...unmet, 'self_measured'],
    reference: approved?.reference,
  }
}

const same = (a: Composition, b: Composition): boolean =>
  a.program === b.program && a.prompt === b.prompt && a.tool_manifest === b.tool_manifest && a.model === b.model

const registeredOtherwise = (measured: Composition, agent: Agent) => ({
  prompt: measured.prompt !== agent.prompt_digest,
  tool_manifest: measured.tool_manifest !== agent.tool_manifest_digest,
  model: measured.model !== agent.model.digest,
})

function profileFaults(profile: Profile | undefined, status: EarStatus): string[] {
  if (!profile) return ['no_profile']
  return [
    ...(profile.required_kinds.every((kind) => kind === 'software') ? [] : ['kind_missing']),
    ...(RANK[status] <= RANK[profile.worst_acceptable_status] ? [] : ['status_below_profile']),
  ]
}

const RANK: Record<EarStatus, number> = { affirming: 0, warning: 1, none: 2, contraindicated: 3 }

/** Tiers of AR4SI §2.3.2: affirming 2…31, warning 32…95, contraindicated 96…127; negative values mirror them. */
export function statusOf(vector: Record<string, number>): EarStatus {
  const tiers = Object.values(vector).map((value): EarStatus => {
    const size = value < 0 ? -value - 1 : value
    if (size <= 1) return 'none'
    return size < 32 ? 'affirming' : size < 96 ? 'warning' : 'contraindicated'
  })
  const claimed = tiers.filter((tier) => tier !== 'none')
  return claimed.reduce<EarStatus>(
    (worst, tier) => (RANK[tier] > RANK[worst] ? tier : worst),
    claimed.length > 0 ? 'affirming' : 'none',
  )
}
