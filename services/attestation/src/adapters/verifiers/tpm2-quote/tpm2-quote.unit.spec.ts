/** Recorded quotes, genuine and tampered, and quotes of forged keys that fail in one thing each. */
import { describe, expect, it } from 'vitest'
import { about, bindingOf, listedKey, manufacturer, newAgent, requirement } from '../../../testing/tpm.ts'
import {
  digestOfRegisters,
  forgedKey,
  forgedQuote,
  forgedRecord,
  forgedSignature,
  type KeyOptions,
  type QuoteParts,
  registers,
} from '../../../testing/tpm-forge.ts'
import { evidenceOf, RECORDED, type Recorded, recorded } from '../../../testing/tpm2-quotes/recorded.ts'
import { tpm2QuoteVerifier } from './tpm2-quote.ts'

const tpm2Quote = tpm2QuoteVerifier()
const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))
const asShown = (one: Recorded, part: Parameters<typeof about>[3] = {}) =>
  about(one.agent, one.record, [one.anchor], {
    now: new Date(one.made),
    requirements: [requirement(one.selection)],
    ...part,
  })
const show = (one: Recorded, part: Parameters<typeof about>[3] = {}, content: object = one.content) =>
  tpm2Quote.verify(json(content), asShown(one, part))

describe.each(RECORDED)('a recorded quote by an attestation key of type %s', (name) => {
  const one = recorded(name)

  it('proves the registers that the profile selects, and where they were measured', async () => {
    const verified = await show(one)
    expect(verified).toMatchObject({
      claims: {
        ek_digest: one.record.ek_digest,
        ak_name: one.record.ak_name,
        bank: one.selection.bank,
        selection: one.selection.pcrs,
        pcrs: one.content.pcrs,
        certified: true,
        manufacturer: 'id:00001014',
      },
      anchors: [one.anchor.anchor],
    })
    expect(verified).toHaveProperty('claims.event_log_digest')
  })

  it('is refused whatever byte of what was signed is changed', async () => {
    const attest = Buffer.from(one.content.attest, 'base64url')
    for (const at of attest.keys()) {
      const changed = Buffer.from(attest)
      changed[at]! ^= 1 << (at % 8)
      const verified = await show(one, {}, { ...one.content, attest: changed.toString('base64url') })
      expect(verified, `byte ${at}`).toMatchObject({ refused: 'signature_invalid' })
    }
  })

  it('is refused whatever byte of the signature is changed, is missing, or is too much', async () => {
    const signature = Buffer.from(one.content.signature, 'base64url')
    const changed = [...signature.keys()].map((at) => {
      const other = Buffer.from(signature)
      other[at]! ^= 0x40
      return other
    })
    const cut = [...signature.keys()].map((length) => signature.subarray(0, length))
    for (const other of [...changed, ...cut, Buffer.concat([signature, Buffer.from([0])])])
      expect(await show(one, {}, { ...one.content, signature: other.toString('base64url') })).toHaveProperty('refused')
  })

  it('is refused for each register that is changed, exchanged, missing or too much', async () => {
    const { pcrs } = one.content
    for (const pcr of Object.keys(pcrs)) {
      const other = { ...pcrs, [pcr]: 'a'.repeat(pcrs[pcr]?.length ?? 0) }
      expect(await show(one, {}, { ...one.content, pcrs: other })).toMatchObject({ refused: 'pcr_digest_mismatch' })
      const { [pcr]: _, ...fewer } = pcrs
      expect(await show(one, {}, { ...one.content, pcrs: fewer })).toMatchObject({ refused: 'evidence_malformed' })
    }
    const [zero, four] = [pcrs['0'], pcrs['4']]
    expect(await show(one, {}, { ...one.content, pcrs: { ...pcrs, 0: four, 4: zero } })).toMatchObject({
      refused: 'pcr_digest_mismatch',
    })
    expect(await show(one, {}, { ...one.content, pcrs: { ...pcrs, 9: zero } })).toMatchObject({
      refused: 'evidence_malformed',
    })
  })

  it('is refused with a log that leads elsewhere, is cut off, or says nothing of these registers', async () => {
    const log = Buffer.from(one.content.event_log, 'base64url')
    const withLog = (other: Uint8Array) =>
      show(one, {}, { ...one.content, event_log: Buffer.from(other).toString('base64url') })
    // At the end of the last event: digest of SHA-256, number and digest of SHA-384, length, text.
    const end = log.byteLength - 'a boot loader'.length - 4
    log[one.selection.bank === 'sha384' ? end - 1 : end - 48 - 2 - 1]! ^= 1
    expect(await withLog(log)).toMatchObject({ refused: 'event_log_mismatch' })
    expect(await withLog(log.subarray(0, -1))).toMatchObject({ refused: 'evidence_malformed' })
    // The first event alone, which names the algorithms.
    expect(await withLog(log.subarray(0, 32 + log.readUInt32LE(28)))).toMatchObject({ refused: 'event_log_mismatch' })
  })

  it('is refused at another challenge, by another agent, and under another profile', async () => {
    const stale = bindingOf(one.agent, Buffer.alloc(32, 8).toString('base64url'))
    expect(await show(one, { binding: stale })).toMatchObject({ refused: 'binding_invalid' })
    expect(await show(one, { binding: new Uint8Array() })).toMatchObject({ refused: 'binding_invalid' })
    expect(await show(one, { requirements: [] })).toMatchObject({ refused: 'pcr_selection_wrong' })
    const other = { bank: one.selection.bank, pcrs: [0, 1] }
    expect(await show(one, { requirements: [requirement(other)] })).toMatchObject({ refused: 'pcr_selection_wrong' })
  })
})

describe('whose quote it is', () => {
  const one = recorded('p256-ecdsa-sha256')

  it('is nobody’s without an enrolled TPM', async () =>
    expect(await show(one, { tpm: undefined })).toMatchObject({ refused: 'tpm_not_enrolled' }))

  it('does not count any more when what vouched for the TPM was withdrawn, or has expired', async () => {
    expect(await show(one, { anchors: [] })).toMatchObject({ refused: 'anchor_unknown' })
    const others = [manufacturer('-----BEGIN CERTIFICATE-----'), listedKey(one.record.ek_digest)]
    expect(await show(one, { anchors: others })).toMatchObject({ refused: 'anchor_unknown' })
    const tpm = { ...one.record, expires_at: '2026-11-01T00:00:00Z' }
    expect(await show(one, { tpm })).toMatchObject({ refused: 'certificate_expired' })
  })

  it('CVE-2022-1053: endorsement key, attestation key and agent are one record; a record of another agent is refused', async () => {
    const another = newAgent()
    const verified = await tpm2Quote.verify(
      json(one.content),
      about(another, one.record, [one.anchor], { binding: bindingOf(one.agent) }),
    )
    expect(verified).toMatchObject({ refused: 'other_agent' })
    // Nor does the evidence have a place for a key of its own.
    const brought = { ...one.content, ak_public: one.record.ak_public }
    expect(await show(one, {}, brought)).toMatchObject({ refused: 'evidence_malformed' })
  })

  it('CVE-2021-3406: a quote by a key that was not tied to the endorsement key is refused', async () => {
    const other = recorded('rsa2048-rsassa-sha256')
    const { attest, signature } = other.content
    expect(await show(one, {}, { ...one.content, attest, signature })).toMatchObject({ refused: 'signature_invalid' })
  })

  it('CVE-2026-112377: a quote that was relayed from another agent on the same machine is refused', async () => {
    const relayer = newAgent('thumbprint-of-the-relayer')
    // The relayer has a TPM enrolled, as it happens with the same key.
    const tpm = { ...one.record, agent: relayer.agent, key_thumbprint: relayer.keyThumbprint }
    const verified = await tpm2Quote.verify(
      json(one.content),
      about(relayer, tpm, [one.anchor], { now: new Date(one.made) }),
    )
    expect(verified).toMatchObject({ refused: 'binding_invalid' })
  })

  it('CVE-2024-29040: what the key signed that is no quote is refused', async () => {
    const { creationAttest, creationSignature } = evidenceOf(one)
    const base64url = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url')
    const content = { ...one.content, attest: base64url(creationAttest), signature: base64url(creationSignature) }
    expect(await show(one, {}, content)).toMatchObject({ refused: 'attest_wrong_type' })
  })
})

const PCRS = [0, 2, 9]
const SHA256 = 0x000b
const SHA384 = 0x000c

/** A quote of a forged key that is right in everything but what is asked. */
async function forged(
  wrong: QuoteParts = {},
  {
    key: options = {},
    signed = {},
    pcrs = registers(PCRS),
    tpm: part = {},
  }: { key?: KeyOptions; signed?: object; pcrs?: Record<string, string>; tpm?: object } = {},
) {
  const who = newAgent()
  const anchor = manufacturer('-----BEGIN CERTIFICATE-----')
  const key = forgedKey(options)
  const tpm = { ...forgedRecord(key, who, anchor.anchor), ...part }
  const attest = forgedQuote({
    extraData: bindingOf(who),
    selections: [{ hash: SHA256, pcrs: PCRS }],
    digest: digestOfRegisters(pcrs),
    signer: Buffer.from(tpm.ak_qualified_name, 'hex'),
    ...wrong,
  })
  const signature = forgedSignature(key, attest, signed)
  const content = { attest: attest.toString('base64url'), signature: signature.toString('base64url'), pcrs }
  const requirements = [requirement({ bank: 'sha256', pcrs: PCRS })]
  return tpm2Quote.verify(json(content), about(who, tpm, [anchor], { requirements }))
}

describe('CVE-2023-3674: no verdict without every check', () => {
  it('a quote that is right in everything passes, so each of the following fails in one thing only', async () => {
    expect(await forged()).toHaveProperty('claims')
    for (const scheme of ['rsassa', 'rsapss'] as const)
      expect(await forged({}, { key: { type: 'rsa', scheme } })).toHaveProperty('claims')
  })

  const wrongs: [name: string, refused: string, quote: () => ReturnType<typeof forged>][] = [
    [
      '1: by another key',
      'signature_invalid',
      () => forged({}, { tpm: { ak_public: forgedKey().area.toString('base64url') } }),
    ],
    ['1: with another hash than the key’s', 'signature_invalid', () => forged({}, { signed: { hash: 'sha384' } })],
    [
      '1: with another scheme than the key’s',
      'signature_invalid',
      () => forged({}, { key: { type: 'rsa', scheme: 'rsassa' }, signed: { scheme: 'rsapss' } }),
    ],
    ['1: over SHA-1', 'algorithm_weak', () => forged({}, { signed: { hash: 'sha1' } })],
    ['1: by a key that is bound to SHA-1', 'algorithm_weak', () => forged({}, { key: { hash: 'sha1' } })],
    ['1: by an RSA key of 1024 bits', 'algorithm_weak', () => forged({}, { key: { type: 'rsa', bits: 1024 } })],
    [
      '2, CVE-2024-29038: without the magic number of a TPM',
      'attest_not_generated',
      () => forged({ magic: 0xff544348 }),
    ],
    ['3, CVE-2024-29040: of another structure', 'attest_wrong_type', () => forged({ type: 0x8017 })],
    ['4: without extra data', 'binding_invalid', () => forged({ extraData: Buffer.alloc(0) })],
    ['4: with other extra data', 'binding_invalid', () => forged({ extraData: Buffer.alloc(32) })],
    [
      '5, CVE-2024-29039: over fewer registers',
      'pcr_selection_wrong',
      () => forged({ selections: [{ hash: SHA256, pcrs: [0, 2] }] }),
    ],
    [
      '5, CVE-2024-29039: over more registers',
      'pcr_selection_wrong',
      () => forged({ selections: [{ hash: SHA256, pcrs: [0, 2, 9, 16] }] }),
    ],
    [
      '5, CVE-2024-29039: over another bank',
      'pcr_selection_wrong',
      () => forged({ selections: [{ hash: SHA384, pcrs: PCRS }] }),
    ],
    [
      '5, CVE-2024-29039: over the bank of SHA-1',
      'pcr_selection_wrong',
      () => forged({ selections: [{ hash: 4, pcrs: PCRS }] }),
    ],
    [
      '5, CVE-2024-29039: over two banks',
      'pcr_selection_wrong',
      () =>
        forged({
          selections: [
            { hash: SHA256, pcrs: PCRS },
            { hash: SHA384, pcrs: PCRS },
          ],
        }),
    ],
    ['5, CVE-2024-29039: over nothing', 'pcr_selection_wrong', () => forged({ selections: [] })],
    ['6: over other registers', 'pcr_digest_mismatch', () => forged({ digest: Buffer.alloc(32) })],
    [
      '6: whose digest is by another hash',
      'pcr_digest_mismatch',
      () => forged({ digest: digestOfRegisters(registers(PCRS), 'sha384') }),
    ],
    ['8: whose clock may have gone back', 'clock_unsafe', () => forged({ safe: 0 })],
    ['8: whose clock is neither safe nor unsafe', 'evidence_malformed', () => forged({ safe: 2 })],
    ['9: by a key that stands elsewhere', 'qualified_signer_wrong', () => forged({ signer: Buffer.alloc(34) })],
    ['with bytes behind its end', 'evidence_malformed', () => forged({ tail: Buffer.from([0]) })],
  ]
  it.each(wrongs)('%s: refused', async (_name, refused, quote) => expect(await quote()).toMatchObject({ refused }))
})

describe('content that is not of its form', () => {
  const one = recorded('p256-ecdsa-sha256')
  const text = JSON.stringify(one.content)
  const pieces: [name: string, content: Uint8Array][] = [
    ['nothing', new Uint8Array()],
    ['no JSON', new TextEncoder().encode('quote')],
    ['no UTF-8', Buffer.from([0xff, 0xfe])],
    ['a list', json([one.content])],
    ['a field too many', json({ ...one.content, nonce: 'x' })],
    ['a field too few', json({ attest: one.content.attest, pcrs: one.content.pcrs })],
    ['base64 of the wrong alphabet', json({ ...one.content, attest: `${one.content.attest}+/=` })],
    ['a register that there is not', json({ ...one.content, pcrs: { ...one.content.pcrs, 24: 'a'.repeat(64) } })],
    ['a register in upper case', json({ ...one.content, pcrs: { 0: 'A'.repeat(64) } })],
    ['an attestation that is cut off', json({ ...one.content, attest: one.content.attest.slice(0, 40) })],
    ['JSON that is cut off', new TextEncoder().encode(text.slice(0, -2))],
  ]
  it.each(pieces)('%s is refused', async (_name, content) =>
    expect(await tpm2Quote.verify(content, asShown(one))).toHaveProperty('refused'),
  )

  it('more than 1 MiB is refused unread', async () =>
    expect(await tpm2Quote.verify(new Uint8Array(1_048_577), asShown(one))).toMatchObject({
      refused: 'evidence_too_large',
    }))
})
