/** The command line asks a real TPM what to approve. Enrolling with it: services/attestation/src/api/grpc/tpm.int.spec.ts. */
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { measuredBoot } from '../../../../infra/dev/tpm-boot.ts'
import { credence } from '../../../../infra/testing/credence.ts'
import { newSwtpm, type Swtpm, swtpmMissing } from '../../../../infra/testing/swtpm/swtpm.ts'

describe.skipIf(swtpmMissing)(`credence tpm${swtpmMissing ? ` (skipped: ${swtpmMissing})` : ''}`, () => {
  let tpm: Swtpm
  beforeAll(async () => {
    tpm = await newSwtpm()
  })
  afterAll(() => tpm?.remove())
  const run = (...args: string[]) => credence('/nowhere.json', 'tpm', ...args)

  it('pcrs shows what was booted, in either bank', async () => {
    for (const bank of ['sha256', 'sha384'] as const) {
      const boot = measuredBoot().filter(({ pcr }) => pcr === 4)
      const expected = boot.reduce(
        (before, { digests }) => createHash(bank).update(before).update(Buffer.from(digests[bank], 'hex')).digest(),
        Buffer.alloc(bank === 'sha256' ? 32 : 48),
      )
      const { out, code } = await run('pcrs', '--tcti', tpm.tcti, '--bank', bank, '--pcrs', '7,4')
      expect(code).toBe(0)
      expect(JSON.parse(out)).toMatchObject({ 4: expected.toString('hex'), 7: expect.stringMatching(/^[0-9a-f]+$/) })
    }
  })

  it('endorsement-key shows what lists it, the same each time, another for another type', async () => {
    const digests = await Promise.all(
      ['rsa2048', 'rsa2048'].map(
        async (type) => (await run('endorsement-key', '--tcti', tpm.tcti, '--endorsement-key', type)).out,
      ),
    )
    const other = await run('endorsement-key', '--tcti', tpm.tcti, '--endorsement-key', 'p384')
    expect(digests[0]).toMatch(/^[0-9a-f]{64}\n$/)
    expect(digests[1]).toBe(digests[0])
    expect(other.out).not.toBe(digests[0])
  })

  it('says what is wrong', async () => {
    expect(await run('pcrs', '--tcti', tpm.tcti, '--pcrs', '24')).toMatchObject({
      code: 2,
      error: expect.stringContaining('--pcrs'),
    })
    expect(await run('pcrs', '--tcti', 'cmd:true')).toMatchObject({ code: 1, error: expect.stringContaining('TCTI') })
    expect(await run('pcrs', '--tcti', 'swtpm:path=/nowhere')).toMatchObject({
      code: 1,
      error: expect.stringContaining('tpm2_pcrread'),
    })
  })
})
