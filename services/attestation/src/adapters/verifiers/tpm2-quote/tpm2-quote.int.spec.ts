/** Enrolment and quotes of a real TPM 2.0 in software; recorded ones, which run everywhere, are in tpm2-quote.unit.spec.ts. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, statSync } from 'node:fs'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTpm2Quote } from '@credence/attester/evidence/tpm2-quote'
import { ATTESTATION_KEY_TYPES, type AttestationKeyType } from '@credence/attester/tpm/attestation-key'
import type { EnrolOptions } from '@credence/attester/tpm/enrol'
import { endorsementDigest } from '@credence/attester/tpm/inspect'
import { createQuoter, type Quoter, type Selection } from '@credence/attester/tpm/quote'
import { tpmEnrolmentBinding } from '@credence/contracts/attestation/binding'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { eventLogOf, measuredBoot } from '../../../../../../infra/dev/tpm-boot.ts'
import { newSwtpm, type Swtpm, swtpmMissing } from '../../../../../../infra/testing/swtpm/swtpm.ts'
import type { About as AboutAppraisal, Result } from '../../../domain/kinds/kind.ts'
import { tpm2Quote as appraiser } from '../../../domain/kinds/tpm2-quote.ts'
import {
  AUDIENCE,
  about,
  bindingOf,
  enrolled,
  enrolmentService,
  listedKey,
  manufacturer,
  newAgent,
  registered,
  requirement,
  SELECTION,
  type TestAgent,
} from '../../../testing/tpm.ts'
import { tpmEnroller } from '../../tpm/enroller.ts'
import { tpm2QuoteVerifier } from './tpm2-quote.ts'

const tpm2Quote = tpm2QuoteVerifier()

describe.skipIf(swtpmMissing)(`a real TPM${swtpmMissing ? ` (skipped: ${swtpmMissing})` : ''}`, () => {
  let tpm: Swtpm
  const quoters: Quoter[] = []
  const folders: string[] = []
  const newFolder = () => {
    const folder = mkdtempSync(join(tmpdir(), 'credence-agent-'))
    folders.push(folder)
    return folder
  }
  const tools = (tool: string, ...args: string[]) =>
    execFileSync(`tpm2_${tool}`, args, { env: { ...process.env, TPM2TOOLS_TCTI: tpm.tcti }, stdio: 'pipe' }).toString()

  beforeAll(async () => {
    tpm = await newSwtpm()
  })
  afterEach(async () => {
    for (const quoter of quoters.splice(0)) await quoter.close()
    for (const folder of folders.splice(0)) await rm(folder, { recursive: true })
  })
  afterAll(() => tpm?.remove())

  async function agentWithTpm(part: Partial<EnrolOptions> = {}, who: TestAgent = newAgent()) {
    const anchors = [manufacturer(tpm.manufacturerPem)]
    const folder = newFolder()
    const record = await enrolled({ tcti: tpm.tcti, folder, ...part }, who, anchors)
    const quoter = createQuoter({ tcti: tpm.tcti, folder })
    quoters.push(quoter)
    const quote = (binding: Uint8Array = bindingOf(who), selection: Selection = SELECTION, eventLog?: string) =>
      createTpm2Quote({ quoter, selection, ...(eventLog ? { eventLog } : {}) })({
        nonce: '',
        binding,
        now: new Date(),
      })
    const verify = async (piece: { content: Uint8Array }, more: Parameters<typeof about>[3] = {}) =>
      tpm2Quote.verify(piece.content, about(who, record, anchors, more))
    return { who, folder, record, quote, verify, anchors }
  }

  const kinds = Object.keys(ATTESTATION_KEY_TYPES) as AttestationKeyType[]
  it.each(kinds)('opens our credential for a key of type %s, and quotes with it', async (attestationKey) => {
    const endorsementKey = attestationKey.endsWith('sha384') ? 'p384' : 'rsa2048'
    const { record, quote, verify } = await agentWithTpm({ attestationKey, endorsementKey })
    expect(record).toMatchObject({ certified: true, manufacturer: 'id:00001014' })
    const piece = await quote(undefined, SELECTION, tpm.eventLog)
    expect(await verify(piece)).toMatchObject({
      claims: { bank: 'sha256', selection: SELECTION.pcrs, certified: true },
    })
    const selection = { bank: 'sha384', pcrs: [0, 7] } as const
    const other = await quote(undefined, selection, tpm.eventLog)
    expect(await verify(other, { requirements: [requirement(selection)] })).toHaveProperty('claims')
    // Nothing is left in the TPM: there is room for three objects.
    expect(tools('getcap', 'handles-transient')).toBe('')
    expect(tools('getcap', 'handles-loaded-session')).toBe('')
  })

  it('keeps the attestation key in files of its owner alone', async () => {
    const { folder } = await agentWithTpm()
    expect(statSync(join(folder, 'tpm')).mode & 0o777).toBe(0o700)
    for (const name of readdirSync(join(folder, 'tpm')))
      expect(statSync(join(folder, 'tpm', name)).mode & 0o777).toBe(0o600)
  })

  it('does not open a credential that was changed, or is for another key', async () => {
    const who = newAgent()
    const service = enrolmentService(who, [manufacturer(tpm.manufacturerPem)])
    const changed: EnrolOptions['service'] = {
      ...service,
      beginTpmEnrolment: async (request) => {
        const answer = await service.beginTpmEnrolment(request)
        answer.credentialBlob[answer.credentialBlob.byteLength - 1]! ^= 1
        return answer
      },
    }
    await expect(agentWithTpm({ service: changed }, who)).rejects.toMatchObject({ code: 'tpm_command_failed' })
    expect(service.state.enrolled).toBeUndefined()
  })

  it('may be listed instead of certified, and is then called so', async () => {
    const { record } = await agentWithTpm()
    const who = newAgent()
    const tpmListed = await enrolled({ tcti: tpm.tcti, folder: newFolder() }, who, [listedKey(record.ek_digest)])
    expect(tpmListed).toMatchObject({ certified: false, ek_digest: record.ek_digest })
    // What `credence tpm endorsement-key` shows the operator.
    expect(await endorsementDigest(tpm.tcti, 'rsa2048')).toBe(record.ek_digest)
  })

  it('is refused without anybody who vouches for it', async () => {
    const folder = newFolder()
    await expect(enrolled({ tcti: tpm.tcti, folder }, newAgent(), [])).rejects.toThrow('chain_untrusted')
    const quoter = createQuoter({ tcti: tpm.tcti, folder })
    quoters.push(quoter)
    await expect(quoter.quote(SELECTION, Buffer.alloc(32))).rejects.toMatchObject({ code: 'tpm_not_enrolled' })
  })

  it('a stale quote, one for another agent, and one over other registers are refused', async () => {
    const { quote, verify } = await agentWithTpm()
    const other = newAgent('thumbprint-of-another-agent')
    expect(await verify(await quote(Buffer.alloc(32, 1)))).toMatchObject({ refused: 'binding_invalid' })
    expect(await verify(await quote(bindingOf(other)))).toMatchObject({ refused: 'binding_invalid' })
    for (const selection of [
      { bank: 'sha256', pcrs: [0, 1] },
      { bank: 'sha384', pcrs: SELECTION.pcrs },
    ] as const)
      expect(await verify(await quote(undefined, selection))).toMatchObject({ refused: 'pcr_selection_wrong' })
  })

  it('CVE-2021-3406: a quote by another key of the same TPM is refused', async () => {
    const [one, two] = [await agentWithTpm(), await agentWithTpm()]
    const piece = await two.quote(bindingOf(one.who))
    expect(await one.verify(piece)).toMatchObject({ refused: 'signature_invalid' })
  })

  it('CVE-2024-29038: a key in the TPM that signs whatever it is given is not enrolled, so nothing it signs is a quote', async () => {
    const folder = newFolder()
    const at = (name: string) => join(folder, name)
    tools('createprimary', '-Q', '-C', 'e', '-G', 'ecc256', '-c', at('parent.ctx'))
    tools('flushcontext', '-t')
    const attributes = 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign'
    const key = ['-G', 'ecc256:ecdsa-sha256:null', '-a', attributes, '-u', at('k.pub'), '-r', at('k.priv')]
    const creation = ['--creation-data', at('k.creation'), '-d', at('k.hash'), '-t', at('k.ticket')]
    tools('create', '-Q', '-C', at('parent.ctx'), ...key, ...creation)
    tools('flushcontext', '-t')
    tools('load', '-Q', '-C', at('parent.ctx'), '-u', at('k.pub'), '-r', at('k.priv'), '-c', at('k.ctx'))
    tools('flushcontext', '-t')
    const who = newAgent()
    const binding = tpmEnrolmentBinding({ ...who, audience: AUDIENCE }).toString('hex')
    const output = ['--attestation', at('k.attest'), '-f', 'tss', '-o', at('k.signature')]
    const certified = ['-C', at('k.ctx'), '-c', at('k.ctx'), '-d', at('k.hash'), '-t', at('k.ticket'), '-q', binding]
    tools('certifycreation', '-Q', ...certified, '-g', 'sha256', '-s', 'ecdsa', ...output)
    tools('flushcontext', '-t')
    tools('readpublic', '-Q', '-c', '0x81010001', '-o', at('ek.pub'))
    const ek = at('ek.der')
    tools('nvread', '-Q', '-C', '0x01c00002', '-o', ek, '0x01c00002')
    const evidence = {
      endorsementPublic: await readFile(at('ek.pub')),
      endorsementCertificates: [await readFile(ek)],
      attestationPublic: await readFile(at('k.pub')),
      creationData: await readFile(at('k.creation')),
      creationAttest: await readFile(at('k.attest')),
      creationSignature: await readFile(at('k.signature')),
    }
    const anchors = [manufacturer(tpm.manufacturerPem)]
    const prepared = tpmEnroller.prepare(evidence, { agent: who, audience: AUDIENCE, anchors, now: new Date() })
    expect(prepared).toMatchObject({ refused: 'attestation_key_unsuitable' })
  })

  it('what changed at boot is seen, and a restart is; the key needs no new enrolment', async () => {
    const { who, quote, verify } = await agentWithTpm()
    const before = await verify(await quote(undefined, SELECTION, tpm.eventLog))
    if (!('claims' in before)) throw new Error(before.refused)
    const reference = {
      reference: 'ref_approved',
      blueprint: 'x',
      label: 'The boot',
      value: { type: 'pcrs' as const, bank: before.claims.bank, values: before.claims.pcrs },
    }
    const appraise = (claims: typeof before.claims, previous?: Result) =>
      appraiser.appraise(claims, {
        agent: registered(who),
        references: [reference],
        previous,
      } as unknown as AboutAppraisal)
    expect(appraise(before.claims)).toMatchObject({ faults: [], references: ['ref_approved'] })
    const previous = { evidence: [{ kind: 'tpm2-quote', claims: before.claims }] } as unknown as Result

    const requoted = async () => {
      const verified = await verify(await quote(undefined, SELECTION, tpm.eventLog))
      if (!('claims' in verified)) throw new Error(verified.refused)
      return verified.claims
    }
    await tpm.restart()
    const again = await requoted()
    expect(again.reset_count).toBe(before.claims.reset_count + 1)
    expect(appraise(again, previous)).toMatchObject({ faults: [], notes: ['rebooted'] })

    await tpm.restart(measuredBoot('another boot loader'))
    const changed = await requoted()
    expect(appraise(changed, previous)).toMatchObject({ faults: ['pcrs_not_approved'], notes: ['rebooted'] })
    const old = join(tpm.folder, 'old-log')
    await writeFile(old, eventLogOf(measuredBoot()))
    expect(await verify(await quote(undefined, SELECTION, old))).toMatchObject({ refused: 'event_log_mismatch' })
    // Counters of an older state of this TPM, put back, are less than what was seen.
    expect(
      appraise(before.claims, { evidence: [{ kind: 'tpm2-quote', claims: changed }] } as unknown as Result).faults,
    ).toEqual(expect.arrayContaining(['reset_count_went_back', 'clock_went_back']))
  })

  it('TPM 2.0 Part 1 §36.6: after a power cut its clock does not count until the TPM says that it is safe', async () => {
    const { quote, verify } = await agentWithTpm()
    await tpm.powerCut()
    expect(await verify(await quote())).toMatchObject({ refused: 'clock_unsafe' })
  })
})
