/**
 * Evidence of the kind `tpm2-quote` (TPM 2.0 Part 3 §18.4): the enrolled attestation key signed these registers for this
 * challenge. What they should be is the appraiser’s question (domain/kinds/tpm2-quote.ts).
 */
import type { KeyObject } from 'node:crypto'
import type { ClaimsOf } from '@credence/contracts/attestation/claims'
import { sha256 } from '@credence/shared/digest'
import type { EnrolledTpm, Evidenced, Verified, Verifier } from '../../../api/verifier.ts'
import { parseQuote } from '../../tpm/attest.ts'
import { same } from '../../tpm/attestation-key.ts'
import { selects } from '../../tpm/pcr-selection.ts'
import { type PublicArea, parsePublicArea, publicKeyOf } from '../../tpm/public-area.ts'
import { TpmFault } from '../../tpm/reader.ts'
import { isSignedBy, parseSignature } from '../../tpm/signature.ts'
import { MOST_CONTENT, parseQuoteContent } from './content.ts'
import { digestOf, refuseUnlessReplays, registersOf } from './registers.ts'

type About = Evidenced<'tpm2-quote'>

/** Keys of enrolled TPMs that are held ready: making one of its bytes takes as long as the signature. */
const MOST_KEYS = 16_384

export function tpm2QuoteVerifier(): Verifier<'tpm2-quote'> {
  const keyOf = createKeys()
  return {
    kind: 'tpm2-quote',
    maximumBytes: MOST_CONTENT,
    verify: async (content, about): Promise<Verified<'tpm2-quote'>> => {
      try {
        if (content.byteLength > MOST_CONTENT) return { refused: 'evidence_too_large' }
        const tpm = enrolled(about)
        const claims = claimsOf(content, about, tpm, keyOf(tpm.ak_public))
        return { claims, anchors: [tpm.anchor], measuredAt: about.now }
      } catch (error) {
        if (error instanceof TpmFault) return { refused: error.code, detail: error.message }
        throw error
      }
    },
  }
}

type Key = { area: PublicArea; key: KeyObject }

/** By the text of the record, so that no other key can come of it; the oldest go first. */
function createKeys(): (akPublic: string) => Key {
  const held = new Map<string, Key>()
  return (akPublic) => {
    const found = held.get(akPublic)
    if (found) return found
    const area = parsePublicArea(Buffer.from(akPublic, 'base64url'))
    const made = { area, key: publicKeyOf(area) }
    const [oldest] = held.keys()
    if (held.size >= MOST_KEYS && oldest !== undefined) held.delete(oldest)
    held.set(akPublic, made)
    return made
  }
}

/** The record that enrolment made, as long as what vouches for it lives (CVE-2022-1053: nothing of it comes from the evidence). */
function enrolled({ tpm, agent, anchors, now }: About): EnrolledTpm {
  if (!tpm) throw refused('tpm_not_enrolled', 'the agent has enrolled no TPM')
  if (tpm.agent !== agent.agent) throw refused('other_agent', 'the TPM was enrolled by another agent')
  if (!anchors.some(({ anchor }) => anchor === tpm.anchor))
    throw refused('anchor_unknown', 'what vouched for the TPM was withdrawn, or does not count here')
  if (tpm.expires_at && new Date(tpm.expires_at) < now)
    throw refused('certificate_expired', 'the certificate of the endorsement key, or one above it, has expired')
  return tpm
}

/** The checks of a quote; the numbers are those of docs/attestation.md. @throws TpmFault at the first that fails */
function claimsOf(content: Uint8Array, about: About, tpm: EnrolledTpm, { area, key }: Key): ClaimsOf<'tpm2-quote'> {
  const { attest, signature: signed, pcrs, eventLog } = parseQuoteContent(content)
  // 1: by the enrolled key, with the scheme and the hash that it was made for.
  const signature = parseSignature(signed)
  if (!isSignedBy(area, signature, attest, key))
    throw refused('signature_invalid', 'not signed by the enrolled attestation key')
  // 2, 3: made by a TPM, and a quote (parseQuote).
  const quote = parseQuote(attest)
  // 4: for this challenge, this agent’s key, this service.
  if (about.binding.byteLength === 0 || !same(quote.extraData, about.binding))
    throw refused('binding_invalid', 'it was made for another challenge, key or audience')
  // 5: exactly what the profile selects; the sender has no say in it.
  const policy = about.requirements.find(({ bank, pcrs: wanted }) => selects(quote.selection, bank, wanted))
  if (!policy) throw refused('pcr_selection_wrong', 'its registers are not those that the profile selects')
  // 6: the registers are those that were signed.
  const selection = [...policy.pcrs]
  const values = registersOf(pcrs, selection, policy.bank)
  if (!same(digestOf(values, signature.hash), quote.pcrDigest))
    throw refused('pcr_digest_mismatch', 'the registers are not those that were signed')
  // 7: a log counts where it leads to them. Whether they are the approved ones, the appraiser says.
  if (eventLog) refuseUnlessReplays(eventLog, values, policy.bank)
  // 8: the clock has never gone back; counters and clock against the former result are the appraiser’s.
  if (!quote.safe) throw refused('clock_unsafe', 'the TPM cannot rule out that its clock went back')
  // 9: the key that signed stands where it was enrolled.
  if (!same(quote.qualifiedSigner, Buffer.from(tpm.ak_qualified_name, 'hex')))
    throw refused('qualified_signer_wrong', 'the key that signed stands elsewhere in the TPM')
  return {
    ek_digest: tpm.ek_digest,
    ak_name: tpm.ak_name,
    bank: policy.bank,
    selection,
    pcrs: Object.fromEntries(selection.map((pcr) => [pcr, values.get(pcr)?.toString('hex') ?? ''])),
    firmware_version: String(quote.firmwareVersion),
    reset_count: quote.resetCount,
    restart_count: quote.restartCount,
    clock: String(quote.clock),
    certified: tpm.certified,
    ...(eventLog ? { event_log_digest: sha256(eventLog) } : {}),
    ...(tpm.manufacturer ? { manufacturer: tpm.manufacturer } : {}),
  }
}

const refused = (code: string, why: string): TpmFault => new TpmFault(code, `quote: ${why}`)
