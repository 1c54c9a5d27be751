/** Challenges and submissions, over real gRPC and NATS. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BLUEPRINT, COMPOSITION, type House, openHouse } from './testing/house.ts'

let house: House
beforeAll(async () => {
  house = await openHouse()
  await house.blueprint(BLUEPRINT)
})
afterAll(async () => house?.close())

describe('an agent attests', () => {
  it('with what was approved', async () => {
    const worker = await house.agent()
    const answer = await worker.attest()
    expect(answer).toMatchObject({
      accepted: true,
      status: 'ATTESTATION_STATUS_WARNING',
      reasons: ['software/self_measured'],
    })
    const { agentId } = worker
    const notBefore = [answer.position]
    expect(await house.security.getResult({ agentId, notBefore })).toMatchObject({
      resultId: answer.resultId,
      accepted: true,
      profileVersion: 1,
      revoked: '',
      evidence: [{ kind: 'software', claims: JSON.stringify({ composition: COMPOSITION }) }],
    })
  })
})
