/** Operators and detectors say what speaks against an agent: the whole service on a real NATS. */
import type { RaiseRiskRequest } from '@credence/contracts/gen/credence/policy/v1/policy'
import { newId } from '@credence/shared/ids'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type House, openHouse, type Policy } from './testing/house.ts'

let house: House
let operator: Policy
let detector: Policy
let auditor: Policy

beforeAll(async () => {
  house = await openHouse()
  operator = await house.workload('operator/soc')
  detector = await house.workload('detector/hours')
  auditor = await house.workload('auditor/one')
}, 120_000)
afterAll(() => house?.close(), 60_000)

const signal = (agentId: string, part: Partial<RaiseRiskRequest> = {}): RaiseRiskRequest => ({
  agentId,
  code: 'unusual_hours',
  level: 'RISK_LEVEL_MEDIUM',
  explanation: 'Booked at three in the morning',
  decaySeconds: 3_600n,
  ...part,
})
const risk = (agentId: string, by = auditor) => by.getRisk({ agentId, notBefore: [] })
const refusal = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'done',
    (error) => error.reason,
  )

describe('risk', () => {
  it('is raised, read with its reasons, and cleared by who raised it', async () => {
    const { agent } = await house.agent()
    expect(await risk(agent)).toMatchObject({ level: 'RISK_LEVEL_UNSPECIFIED', signals: [] })
    expect((await detector.raiseRisk(signal(agent))).level).toBe('RISK_LEVEL_MEDIUM')
    const raised = await operator.raiseRisk(signal(agent, { level: 'RISK_LEVEL_CRITICAL' }))
    expect(raised).toMatchObject({ level: 'RISK_LEVEL_CRITICAL', position: expect.stringMatching(/^POLICY:\d+$/) })
    const source = `spiffe://${house.stack.trustDomain}/detector/hours`
    const { level, signals } = await risk(agent)
    expect(level).toBe('RISK_LEVEL_CRITICAL')
    expect(signals).toHaveLength(2)
    expect(signals.find((one) => one.source === source)).toMatchObject({
      code: 'unusual_hours',
      level: 'RISK_LEVEL_MEDIUM',
      explanation: 'Booked at three in the morning',
      decaySeconds: 3_600n,
    })
    await operator.clearRisk({ agentId: agent, code: 'unusual_hours', source: '' })
    expect((await risk(agent)).level).toBe('RISK_LEVEL_MEDIUM')
    await detector.clearRisk({ agentId: agent, code: 'unusual_hours', source: '' })
    expect(await risk(agent, detector)).toMatchObject({ level: 'RISK_LEVEL_UNSPECIFIED', signals: [] })
  })

  it('fades by itself', async () => {
    const { agent } = await house.agent()
    await detector.raiseRisk(signal(agent, { level: 'RISK_LEVEL_LOW', decaySeconds: 1n }))
    await expect.poll(async () => (await risk(agent)).signals.length, { timeout: 5_000 }).toBe(0)
  })

  it('is not cleared by another detector, but by an operator; and a misspelt signal or agent is said to be none', async () => {
    const { agent } = await house.agent()
    await detector.raiseRisk(signal(agent))
    const source = `spiffe://${house.stack.trustDomain}/detector/hours`
    const other = await house.workload('detector/places')
    const clear = { agentId: agent, code: 'unusual_hours' }
    expect(await refusal(other.clearRisk({ ...clear, source }))).toBe('signal_of_another')
    expect(await refusal(other.clearRisk({ ...clear, source: '' }))).toBe('signal_not_found')
    expect(await refusal(operator.clearRisk({ ...clear, code: 'unusual_hour', source }))).toBe('signal_not_found')
    expect((await risk(agent)).level).toBe('RISK_LEVEL_MEDIUM')
    expect(await refusal(operator.clearRisk({ ...clear, source }))).toBe('done')
    for (const call of [detector.raiseRisk(signal(newId('agt'))), risk(newId('agt'))])
      expect(await refusal(call)).toBe('agent_not_found')
  })

  it('is raised by nobody without the role, nor in another form', async () => {
    const worker = await house.agent()
    const enforcement = await house.workload('enforcement-point/calendar')
    for (const by of [worker.client, enforcement, auditor])
      expect(await refusal(by.raiseRisk(signal(worker.agent)))).toBe('role_missing')
    expect(await refusal(worker.client.getRisk({ agentId: worker.agent, notBefore: [] }))).toBe('role_missing')
    const wrong: Partial<RaiseRiskRequest>[] = [
      { agentId: 'agt_1' },
      { code: 'Unusual Hours' },
      { code: '' },
      { level: 'RISK_LEVEL_UNSPECIFIED' },
      { explanation: '' },
      { explanation: 'a\u202eb' },
      { explanation: 'x'.repeat(501) },
      { decaySeconds: 0n },
      { decaySeconds: 2_592_001n },
    ]
    for (const part of wrong)
      expect(await refusal(detector.raiseRisk(signal(worker.agent, part)))).toBe('invalid_field')
  })

  it('holds a hundred signals of an agent, raised all at once or not', async () => {
    const { agent } = await house.agent()
    const outcomes = await Promise.all(
      Array.from({ length: 104 }, (_, index) => refusal(detector.raiseRisk(signal(agent, { code: `code_${index}` })))),
    )
    expect(outcomes.filter((one) => one === 'done')).toHaveLength(100)
    expect(outcomes.filter((one) => one === 'too_many_signals')).toHaveLength(4)
    expect((await risk(agent)).signals).toHaveLength(100)
  })
})
