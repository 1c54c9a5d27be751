/**
 * Trustworthiness vectors as AR4SI has them (draft-ietf-rats-ar4si §2.3): for each category one value, whose size is its
 * tier. Names of values are the draft’s.
 */
import type { EarStatus } from '@credence/contracts/events/values'

export type Category =
  | 'instance-identity'
  | 'configuration'
  | 'executables'
  | 'file-system'
  | 'hardware'
  | 'runtime-opaque'
  | 'storage-opaque'
  | 'sourced-data'
export type TrustVector = Partial<Record<Category, number>>

/** For every category. */
export const VERIFIER_MALFUNCTION = -1
export const CRYPTO_CHECK_FAILED = 99

export const INSTANCE_RECOGNISED = 2
export const INSTANCE_UNTRUSTWORTHY = 96
export const INSTANCE_UNKNOWN = 97

export const CONFIGURATION_APPROVED = 2
/** Parts of the configuration cannot be seen. */
export const CONFIGURATION_PARTLY_HIDDEN = 36
export const CONFIGURATION_UNSUPPORTABLE = 96

/** Only approved ones, during and after boot. */
export const EXECUTABLES_APPROVED = 2
/** Only approved ones at boot. */
export const EXECUTABLES_APPROVED_AT_BOOT = 3
export const EXECUTABLES_UNRECOGNISED = 33
export const EXECUTABLES_CONTRAINDICATED = 96

export const FILES_APPROVED = 2
export const FILES_UNRECOGNISED = 32
export const FILES_CONTRAINDICATED = 96

export const HARDWARE_GENUINE = 2
export const HARDWARE_UNTRUSTWORTHY = 96
export const HARDWARE_UNKNOWN = 97

/** Keys that software holds. */
export const STORAGE_SOFTWARE_KEYS = 32

const RANK: Record<EarStatus, number> = { affirming: 0, warning: 1, none: 2, contraindicated: 3 }

/** Whether a status is as good as another, or better. */
export const asGoodAs = (status: EarStatus, least: EarStatus): boolean => RANK[status] <= RANK[least]
export const worse = (a: EarStatus, b: EarStatus): EarStatus => (RANK[a] >= RANK[b] ? a : b)

/** §2.3.2: none −1…1, affirming 2…31, warning 32…95, contraindicated 96…127; negative values from −2 mirror them. */
export function tierOf(value: number): EarStatus {
  if (value >= -1 && value <= 1) return 'none'
  const size = value < 0 ? -value - 1 : value
  return size < 32 ? 'affirming' : size < 96 ? 'warning' : 'contraindicated'
}

/** The worst that is claimed; `none` when nothing is. */
export function statusOf(vector: TrustVector): EarStatus {
  const claimed = Object.values(vector)
    .map(tierOf)
    .filter((tier) => tier !== 'none')
  return claimed.length > 0 ? claimed.reduce(worse, 'affirming') : 'none'
}

/** One vector of several: for each category the worst that is claimed (§2.3.3: one value a category). */
export function combined(vectors: readonly TrustVector[]): TrustVector {
  const all: TrustVector = {}
  for (const vector of vectors)
    for (const [name, value] of Object.entries(vector)) {
      const category = name as Category
      const held = all[category]
      if (held === undefined || isWorse(value, held)) all[category] = value
    }
  return all
}

function isWorse(value: number, than: number): boolean {
  const [one, other] = [tierOf(value), tierOf(than)]
  // What is not claimed neither helps nor harms.
  if (one === 'none') return false
  if (other === 'none') return true
  return RANK[one] === RANK[other] ? Math.abs(value) > Math.abs(than) : RANK[one] > RANK[other]
}
