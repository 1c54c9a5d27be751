/**
 * Law 3: no allow without a durable record. Checks go on while NATS is killed and started again, on random schedules.
 * Whatever was answered "allow" must be found in DECISIONS afterwards; while NATS is down nothing is allowed.
 */
import type { CheckResponse } from '@credence/contracts/gen/credence/policy/v1/policy'
import { clientCredentials } from '@credence/shared/rpc/tls'
import { Client } from '@grpc/grpc-js'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { checkOf, DEVELOPMENT_POLICIES, type House, openHouse, type Policy } from './testing/house.ts'

let house: House
let enforcement: Policy
let check: () => Promise<CheckResponse>

beforeAll(async () => {
  house = await openHouse()
  await house.activate(DEVELOPMENT_POLICIES)
  enforcement = await house.workload('enforcement-point/calendar')
  const worker = await house.agent()
  const { grant } = await worker.openTask()
  check = () => enforcement.check(checkOf(worker, grant?.id ?? ''))
})
afterAll(() => house?.close())

type Step = { do: 'check'; count: number } | { do: 'wait'; milliseconds: number } | { do: 'kill' } | { do: 'start' }

const steps = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.record({ do: fc.constant('check' as const), count: fc.integer({ min: 1, max: 40 }) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), milliseconds: fc.nat(150) }) },
    { weight: 2, arbitrary: fc.constant<Step>({ do: 'kill' }) },
    { weight: 1, arbitrary: fc.constant<Step>({ do: 'start' }) },
  ),
  { minLength: 6, maxLength: 14 },
)

/** Allowed in all runs; a decision that an earlier run was told of must not get lost later either. */
const allowed = new Set<string>()
const seen = { whileDown: 0, unavailable: 0 }

async function run(schedule: Step[]): Promise<void> {
  let down = false
  let outage = 0
  const answers: Promise<void>[] = []
  const wrong: string[] = []
  const ask = async () => {
    const asked = { down, outage }
    const answer = await check().catch((error) => {
      if (!['unavailable', 'deadline_exceeded'].includes(error.status)) wrong.push(`${error.status} ${error.message}`)
      seen.unavailable += 1
    })
    const isAllow = answer?.decision === 'DECISION_ALLOW'
    if (isAllow) allowed.add(answer.decisionId)
    if (asked.down && down && asked.outage === outage) {
      seen.whileDown += 1
      if (isAllow) wrong.push(`${answer.decisionId} was allowed while NATS was down`)
    }
  }
  const start = async () => {
    if (!down) return
    down = false
    await house.stack.nats.restart()
  }
  for (const step of schedule) {
    if (step.do === 'check') for (let n = 0; n < step.count; n++) answers.push(ask())
    if (step.do === 'wait') await new Promise((resolve) => setTimeout(resolve, step.milliseconds))
    if (step.do === 'start') await start()
    if (step.do === 'kill' && !down) {
      house.stack.nats.process().kill('SIGKILL')
      await house.stack.nats.process().exited
      down = true
      outage += 1
    }
  }
  await Promise.all(answers)
  await start()
  expect(wrong).toEqual([])
  await recovered()
  const recorded = new Map<string, string>()
  for (const commit of await house.read('DECISIONS'))
    for (const { type, data } of commit.facts)
      if (type === 'credence.policy.decision.made.v1') recorded.set(data.decision, data.outcome)
  expect([...allowed].filter((id) => recorded.get(id) !== 'allow')).toEqual([])
}

/** The service comes back by itself when NATS does. */
async function recovered(): Promise<void> {
  const deadline = Date.now() + 15_000
  for (;;) {
    const answer = await check().catch(() => undefined)
    if (answer?.decision === 'DECISION_ALLOW') return void allowed.add(answer.decisionId)
    if (Date.now() > deadline) throw new Error(`the service did not recover: ${JSON.stringify(answer?.reasons)}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

it('whatever was allowed is recorded, and nothing is allowed while NATS is down', { timeout: 120_000 }, async () => {
  const outages: Step[] = [
    { do: 'check', count: 40 },
    { do: 'wait', milliseconds: 1_000 },
    { do: 'check', count: 40 },
    { do: 'kill' },
    { do: 'check', count: 20 },
    { do: 'wait', milliseconds: 100 },
  ]
  await fc.assert(
    fc.asyncProperty(steps, (schedule) => run(schedule)),
    { numRuns: 6, examples: [[outages]], endOnFailure: true },
  )
  expect(allowed.size).toBeGreaterThan(20)
  expect(seen.whileDown).toBeGreaterThan(0)
  expect(seen.unavailable).toBeGreaterThan(0)
})

it('does not allow, and does not wait for ever, when NATS hangs', { timeout: 60_000 }, async () => {
  const nats = house.stack.nats.process()
  nats.kill('SIGSTOP')
  const started = Date.now()
  const answers = await Promise.allSettled(Array.from({ length: 10 }, check))
  const waited = Date.now() - started
  expect(await healthOnce('NOT_SERVING')).toBe(true)
  nats.kill('SIGCONT')
  // The barrier is not answered; or, when the signal came between the two, the record is not acknowledged.
  const reason = expect.stringMatching(/^(nats_down|not_recorded)$/)
  for (const answer of answers)
    expect(answer).toMatchObject({ status: 'rejected', reason: { status: 'unavailable', reason } })
  expect(waited).toBeLessThan(3_000)
  await recovered()
  expect(await healthOnce('SERVING')).toBe(true)
})

/** Whether the health of the service comes to be so in time (grpc.health.v1). */
async function healthOnce(wanted: 'SERVING' | 'NOT_SERVING'): Promise<boolean> {
  const { stack } = house
  const tls = await stack.workload('enforcement-point/calendar')
  const credentials = clientCredentials(tls.caFile, `spiffe://${stack.trustDomain}/service/policy`, tls)
  const client = new Client(`localhost:${stack.ports.policyMesh}`, credentials)
  const same = (bytes: Buffer) => bytes
  // HealthCheckResponse: field 1 is the status, 1 for SERVING and 2 for NOT_SERVING.
  const ask = () =>
    new Promise<number | undefined>((resolve) =>
      client.makeUnaryRequest('/grpc.health.v1.Health/Check', same, same, Buffer.alloc(0), (_, answer) =>
        resolve(answer?.[1]),
      ),
    )
  const deadline = Date.now() + 20_000
  const status = wanted === 'SERVING' ? 1 : 2
  let seen = await ask()
  for (; seen !== status && Date.now() < deadline; seen = await ask())
    await new Promise((resolve) => setTimeout(resolve, 200))
  client.close()
  return seen === status
}
