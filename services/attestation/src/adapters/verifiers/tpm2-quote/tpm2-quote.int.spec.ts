/** Real quotes by a TPM in software, genuine and tampered; quotes that run everywhere are in tpm2-quote.recorded.unit.spec.ts. */
import { createTpm2Quote } from '@credence/attester/evidence/tpm2-quote'
import { createQuoter } from '@credence/attester/tpm/quote'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newSwtpm, type Swtpm, swtpmMissing } from '../../../../../../infra/testing/swtpm/swtpm.ts'
import { about, bindingOf, enrolled, manufacturer, newAgent, SELECTION } from '../../../testing/tpm.ts'
import { tpm2Quote } from './tpm2-quote.ts'

describe.skipIf(swtpmMissing)(`quotes of a real TPM${swtpmMissing ? ` (skipped: ${swtpmMissing})` : ''}`, () => {
  let tpm: Swtpm
  beforeAll(async () => {
    tpm = await newSwtpm()
  })
  afterAll(() => tpm?.remove())

  it('x', async () => {
    const who = newAgent()
    const anchors = [manufacturer(tpm.manufacturerPem)]
    const record = await enrolled({ tcti: tpm.tcti, folder: tpm.folder }, who, anchors)
    console.log(record)
    const quoter = createQuoter({ tcti: tpm.tcti, folder: tpm.folder })
    const produce = createTpm2Quote({ quoter, selection: SELECTION, eventLog: tpm.eventLog })
    const { content } = await produce({ nonce: '', binding: bindingOf(who), now: new Date() })
    const t = performance.now()
    await produce({ nonce: '', binding: bindingOf(who), now: new Date() })
    console.log(performance.now() - t)
    const verified = await tpm2Quote.verify(content, about(who, record, anchors))
    console.log(verified)
    expect(verified).toHaveProperty('claims')
    await quoter.close()
  })
})
