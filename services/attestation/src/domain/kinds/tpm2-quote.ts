/** A TPM’s word on what the machine booted: the registers against approved ones, and the TPM’s clock against its last word. */
import type { ClaimsOf } from '@credence/contracts/attestation/claims'
import {
  EXECUTABLES_APPROVED_AT_BOOT,
  EXECUTABLES_CONTRAINDICATED,
  HARDWARE_GENUINE,
  INSTANCE_RECOGNISED,
  INSTANCE_UNTRUSTWORTHY,
} from '../ar4si.ts'
import type { About, KindAppraiser } from './kind.ts'

type Claims = ClaimsOf<'tpm2-quote'>

export const tpm2Quote: KindAppraiser<'tpm2-quote'> = {
  kind: 'tpm2-quote',
  appraise: (claims, about) => {
    const approved = approvedRegisters(claims, about.references)
    const boot = isEmpty(claims) ? ['pcrs_empty'] : approved ? [] : ['pcrs_not_approved']
    const { faults: clock, notes } = againstPrevious(claims, previousClaims(about))
    return {
      // Nothing is said of what runs now, nor of what others can see of it: a TPM does not know (AR4SI §2.3).
      vector: {
        'instance-identity': clock.length > 0 ? INSTANCE_UNTRUSTWORTHY : INSTANCE_RECOGNISED,
        executables: boot.length > 0 ? EXECUTABLES_CONTRAINDICATED : EXECUTABLES_APPROVED_AT_BOOT,
        ...(claims.certified ? { hardware: HARDWARE_GENUINE } : {}),
      },
      faults: [...boot, ...clock],
      notes: [...notes, ...(claims.certified ? [] : ['endorsement_key_listed'])],
      references: approved ? [approved] : [],
      digests: digestsOf(claims),
    }
  },
  unmet: (claims, requirement) => [
    ...(claims.bank === requirement.bank && sameList(claims.selection, requirement.pcrs)
      ? []
      : ['pcr_selection_wrong']),
    ...(requirement.certified && !claims.certified ? ['endorsement_key_not_certified'] : []),
  ],
  reasons: {
    evidence_malformed: 'The quote, or a structure inside it, is not of its form.',
    evidence_too_large: 'The quote is larger than 1 MiB.',
    algorithm_weak: 'An algorithm is too weak: SHA-1, RSA below 2048 bits, or one that is not known here.',
    tpm_not_enrolled: 'The agent has not enrolled a TPM.',
    other_agent: 'The TPM was enrolled by another agent.',
    anchor_unknown: 'What vouched for the TPM at its enrolment does not count any more.',
    certificate_expired: 'The certificate of the endorsement key, or one above it, has expired.',
    signature_invalid: 'The quote was not signed by the enrolled attestation key, with its scheme and hash.',
    attest_not_generated: 'What was signed was not made by a TPM.',
    attest_wrong_type: 'What was signed is not a quote.',
    binding_invalid: 'The quote was made for another challenge, another key or another audience.',
    pcr_selection_wrong: 'The quote is not over exactly the registers and the bank that the profile selects.',
    pcr_digest_mismatch: 'The registers that were sent are not those that were signed.',
    event_log_mismatch: 'The event log does not lead to the registers that were signed.',
    clock_unsafe: 'The TPM cannot rule out that its clock went back, as after a power cut.',
    qualified_signer_wrong: 'The key that signed stands elsewhere in the TPM than at its enrolment.',
    pcrs_not_approved: 'Nobody approved these registers together.',
    pcrs_empty: 'Nothing was measured into any of these registers.',
    reset_count_went_back: 'The TPM counts fewer resets than before: it was cleared, or an older state was put back.',
    restart_count_went_back: 'The TPM counts fewer restarts than before, without a reset between.',
    clock_went_back: 'The clock of the TPM went back.',
    rebooted: 'The machine was restarted since the last quote.',
    firmware_changed: 'The firmware of the TPM is of another version than at the last quote.',
    tpm_changed: 'The last quote was by another TPM, or by another attestation key.',
    endorsement_key_listed: 'The endorsement key is listed by its digest: no manufacturer vouches for the TPM.',
    endorsement_key_not_certified: 'The profile asks for a TPM that its manufacturer vouches for.',
    blocked: 'One of its digests is blocked.',
  },
}

/** One reference value that approves every quoted register: parts of several were approved, but not together. */
function approvedRegisters(claims: Claims, references: About['references']): string | undefined {
  return references.find(
    ({ value }) =>
      value.type === 'pcrs' &&
      value.bank === claims.bank &&
      claims.selection.every((pcr) => value.values[pcr] !== undefined && value.values[pcr] === claims.pcrs[pcr]),
  )?.reference
}

/** Registers as they are before anything is measured: all zeros, or all ones in those of a dynamic launch. */
const isEmpty = ({ pcrs }: Claims): boolean => Object.values(pcrs).every((value) => /^(0+|f+)$/.test(value))

function previousClaims({ previous }: About): Claims | undefined {
  const piece = previous?.evidence.find(({ kind }) => kind === 'tpm2-quote')
  return piece?.kind === 'tpm2-quote' ? piece.claims : undefined
}

/** TPM 2.0 Part 1 §36: counters of one TPM and its clock only go up, unless it was cleared or its state was put back. */
function againstPrevious(now: Claims, before: Claims | undefined): { faults: string[]; notes: string[] } {
  if (!before) return { faults: [], notes: [] }
  if (before.ek_digest !== now.ek_digest || before.ak_name !== now.ak_name)
    return { faults: [], notes: ['tpm_changed'] }
  const resets = now.reset_count - before.reset_count
  const restarts = now.restart_count - before.restart_count
  return {
    faults: [
      ...(resets < 0 ? ['reset_count_went_back'] : []),
      ...(resets === 0 && restarts < 0 ? ['restart_count_went_back'] : []),
      ...(BigInt(now.clock) < BigInt(before.clock) ? ['clock_went_back'] : []),
    ],
    notes: [
      ...(resets > 0 || (resets === 0 && restarts > 0) ? ['rebooted'] : []),
      ...(now.firmware_version === before.firmware_version ? [] : ['firmware_changed']),
    ],
  }
}

const sameList = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((value, index) => value === b[index])

/** The key, the machine’s log and its registers: whatever of it is a SHA-256 can be blocked. */
const digestsOf = ({ ek_digest, event_log_digest, bank, pcrs }: Claims): string[] => [
  ek_digest,
  ...(event_log_digest ? [event_log_digest] : []),
  ...(bank === 'sha256' ? Object.values(pcrs) : []),
]
