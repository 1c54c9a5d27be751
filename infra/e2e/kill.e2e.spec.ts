/** "Refused from the next call on": whatever was acknowledged before a question is asked counts in its answer. */
import { setTimeout as delay } from 'node:timers/promises'
import { Decision } from '@credence/contracts/gen/credence/policy/v1/policy'
import { type Clients, connectCredence } from '@credence/sdk/clients'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AtWork, type House, openHouse, putToWork } from '../dev/house.ts'
import { checkRequest } from '../testing/check.ts'

let house: House
let point: Clients

beforeAll(async () => {
  house = await openHouse()
  const { stack } = house
  point = connectCredence({
    trustDomain: stack.trustDomain,
    caFile: stack.authority.caFile,
    tls: await stack.workload('enforcement-point/kill'),
    addresses: { policy: `localhost:${stack.ports.policyMesh}` },
  })
})
afterAll(async () => {
  point?.close()
  await house?.close()
})

const check = ({ agentId, task }: AtWork) =>
  point.policy.check(
    checkRequest({
      agentId,
      grantId: task.grantId,
      tokenId: 'kill',
      action: 'calendar.read',
      resource: { type: 'CalendarEvent', id: 'evn_1', sensitivity: 'internal' },
      location: house.company.calendar,
    }),
  )

describe('a kill', () => {
  it('counts from the next question on, although the decision point had fallen behind', {
    timeout: 60_000,
  }, async () => {
    for (let round = 0; round < 8; round++) {
      const work = await putToWork(house)
      expect((await check(work)).decision).toBe(Decision.DECISION_ALLOW)
      const policy = house.stack.service('policy')
      policy.kill('SIGSTOP')
      await house.cast.security.identity.revokeAgent({ agentId: work.agentId, reason: 'test' })
      const answers = Array.from({ length: 16 }, () => check(work))
      await delay(20)
      policy.kill('SIGCONT')
      for (const { decision, reasons } of await Promise.all(answers)) {
        expect(decision).toBe(Decision.DECISION_DENY)
        expect(reasons.map(({ code }) => code)).toContain('agent_revoked')
      }
      await work.agent.close()
    }
  })

  it('counts at once under load, for every one of many agents', { timeout: 60_000 }, async () => {
    const busy = await putToWork(house)
    let running = true
    const load = Array.from({ length: 32 }, async () => {
      while (running) await check(busy)
    })
    try {
      for (let round = 0; round < 15; round++) {
        const work = await putToWork(house)
        await house.cast.security.identity.revokeAgent({ agentId: work.agentId, reason: 'test' })
        expect((await check(work)).decision).toBe(Decision.DECISION_DENY)
        await work.agent.close()
      }
    } finally {
      running = false
      await Promise.all(load)
    }
    await busy.agent.close()
  })
})

describe('an agent that was registered a moment ago', () => {
  it('is known to a service that had fallen behind', { timeout: 60_000 }, async () => {
    for (let round = 0; round < 5; round++) {
      const attestation = house.stack.service('attestation')
      attestation.kill('SIGSTOP')
      const working = putToWork(house)
      await delay(150)
      attestation.kill('SIGCONT')
      const work = await working
      expect((await check(work)).decision).toBe(Decision.DECISION_ALLOW)
      await work.agent.close()
    }
  })
})
