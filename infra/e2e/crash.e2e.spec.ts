/**
 * Bad days: services and NATS are really killed, at any moment, under load. Nothing acknowledged is lost, nothing
 * happens twice, and nothing is allowed without its record.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Decision } from '@credence/contracts/gen/credence/policy/v1/policy'
import { ORIGINS, type Origin, type STREAMS } from '@credence/contracts/streams'
import { type Clients, connectCredence } from '@credence/sdk/clients'
import { openCheckpoint } from '@credence/sdk/verify/checkpoint'
import { verifyConsistency } from '@credence/sdk/verify/merkle'
import { verifyTlogProof } from '@credence/sdk/verify/tlog-proof'
import { type Bus, connectBus } from '@credence/shared/bus/connect'
import { follow } from '@credence/shared/event-store/follow'
import { createLog } from '@credence/shared/log'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AtWork, type House, openHouse, putToWork } from '../dev/house.ts'
import { freePorts } from '../dev/ports.ts'
import { waitUntilServing } from '../dev/readiness.ts'
import { SERVICE_NAMES, type ServiceName } from '../dev/stack.ts'
import { checkRequest } from '../testing/check.ts'

let house: House
let work: AtWork
let point: Clients
const log = createLog('test', 'silent')

beforeAll(async () => {
  house = await openHouse()
  work = await putToWork(house)
  const { stack } = house
  point = connectCredence({
    trustDomain: stack.trustDomain,
    caFile: stack.authority.caFile,
    tls: await stack.workload('enforcement-point/crash'),
    addresses: { policy: `localhost:${stack.ports.policyMesh}`, audit: `localhost:${stack.ports.auditMesh}` },
  })
})
afterAll(async () => {
  point?.close()
  await work?.agent.close()
  await house?.close()
})

/** Reads streams as the audit service may. */
async function readBus(): Promise<Bus> {
  const { stack } = house
  const tls = await stack.authority.issue('service-audit', `spiffe://${stack.trustDomain}/service/audit`)
  return connectBus({ servers: [stack.nats.url], name: 'audit', nkeyFile: stack.nats.nkeyFile('audit'), log, ...tls })
}

async function messages(
  bus: Bus,
  stream: keyof typeof STREAMS,
): Promise<{ sequence: number; id: string; text: string }[]> {
  const found: { sequence: number; id: string; text: string }[] = []
  const follower = await follow({ bus, log, stream }, (message) => {
    found.push({
      sequence: message.seq,
      id: message.headers?.get('ce-id') ?? '',
      text: Buffer.from(message.data).toString(),
    })
  })
  await follower.caughtUp
  await follower.stop()
  return found
}

const question = () =>
  checkRequest({
    agentId: work.agentId,
    grantId: work.task.grantId,
    tokenId: 'crash',
    action: 'calendar.read',
    resource: { type: 'CalendarEvent', id: 'evn_1', sensitivity: 'internal' },
    location: house.company.calendar,
  })

/** Everything that callers were told, while `disturb` runs. */
async function underLoad(
  disturb: () => Promise<void>,
): Promise<{ allowed: string[]; effects: string[]; locations: string[] }> {
  const told = { allowed: [] as string[], effects: [] as string[], locations: [] as string[] }
  let running = true
  const again = async (work: () => Promise<void>) => {
    while (running) await work().catch(() => delay(20))
  }
  const deciding = again(async () => {
    const { decision, decisionId } = await point.policy.check(question(), { deadlineMs: 2_000 })
    if (decision === Decision.DECISION_ALLOW) told.allowed.push(decisionId)
    const effect = {
      decisionId,
      agentId: work.agentId,
      outcome: 'EFFECT_OUTCOME_SUCCEEDED' as const,
      statusCode: 200,
      argumentsDigest: '',
      resultDigest: '',
      durationMicroseconds: 1n,
    }
    const { effectId } = await point.audit.reportEffect(effect, { deadlineMs: 2_000 })
    // Told twice, as a reporter does that missed the answer.
    await point.audit.reportEffect(effect, { deadlineMs: 2_000 })
    told.effects.push(effectId)
  })
  let number = 0
  const writing = again(async () => {
    const { position } = await house.cast.security.policy.defineLocation({
      name: `place-${++number}`,
      ranges: [`10.0.0.${(number % 250) + 1}/32`],
      trusted: false,
    })
    told.locations.push(position)
    await delay(5)
  })
  await disturb()
  running = false
  await Promise.all([deciding, writing])
  return told
}

/** Reads the whole index, page by page: dense, in order. @returns how many records it holds */
async function indexedRecords(): Promise<number> {
  let records = 0
  for (let from = 0n; ; ) {
    const page = await house.cast.auditor.audit.listRecords({ agentId: '', firstLogIndex: from, pageSize: 1_000 })
    page.records.forEach((record, index) => {
      expect(record.logIndex).toBe(from + BigInt(index))
    })
    records += page.records.length
    from = page.nextLogIndex
    if (from === 0n) return records
  }
}

/** TRAIL holds every message of every origin once, in order; the index and the tree hold all of TRAIL. */
async function expectWholeTrail(bus: Bus): Promise<void> {
  const audit = house.stack.service('audit')
  expect(audit.running(), audit.tail()).toBe(true)
  const counts = new Map<Origin, number>()
  for (const origin of ORIGINS) counts.set(origin, (await bus.jsm.streams.info(origin)).state.last_seq)
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0)
  const deadline = Date.now() + 20_000
  while ((await bus.jsm.streams.info('TRAIL')).state.last_seq < total && Date.now() < deadline) await delay(50)
  const trail = (await messages(bus, 'TRAIL')).map(
    ({ text }) => JSON.parse(text) as { origin: Origin; sequence: number },
  )
  for (const origin of ORIGINS) {
    const sequences = trail.filter((entry) => entry.origin === origin).map(({ sequence }) => sequence)
    expect(sequences, origin).toEqual(Array.from({ length: sequences.length }, (_, index) => index + 1))
    expect(sequences.length, origin).toBeGreaterThanOrEqual(counts.get(origin) ?? 0)
  }
  const { auditor } = house.cast
  const last = trail.length - 1
  // The index follows the trail by some milliseconds.
  await expect.poll(indexedRecords, { timeout: 15_000 }).toBeGreaterThan(last)
  const { entry, proof, verifierKey } = await auditor.audit.getInclusionProof({
    record: { $case: 'logIndex', value: BigInt(last) },
  })
  expect(verifyTlogProof(proof, entry, verifierKey).index).toBe(last)
}

const back = async (service: ServiceName) => {
  house.stack.service(service).kill('SIGKILL')
  await house.stack.service(service).exited
  await house.stack.start(service)
  // Longer than a client waits before it tries to connect again.
  await delay(1_200)
}

describe('killed with SIGKILL, at any moment', () => {
  for (const service of SERVICE_NAMES)
    it(`${service}: nothing acknowledged is lost, nothing is there twice, nothing was allowed without its record`, {
      timeout: 90_000,
    }, async () => {
      const told = await underLoad(async () => {
        for (let kill = 0; kill < 2; kill++) {
          await delay(400 + Math.random() * 300)
          await back(service)
        }
        await delay(500)
      })
      expect(told.allowed.length).toBeGreaterThan(10)
      const bus = await readBus()
      const decisions = await messages(bus, 'DECISIONS')
      const recorded = new Map(
        decisions.flatMap(({ text }) => {
          const { facts } = JSON.parse(text) as { facts: { data: { decision: string; outcome: string } }[] }
          return facts.map(({ data }) => [data.decision, data.outcome] as const)
        }),
      )
      expect(recorded.size).toBe(decisions.length)
      for (const id of told.allowed) expect(recorded.get(id)).toBe('allow')
      const effects = (await messages(bus, 'EFFECTS')).map(({ id }) => id)
      expect(new Set(effects).size).toBe(effects.length)
      for (const id of told.effects) expect(effects).toContain(id)
      const { last_seq } = (await bus.jsm.streams.info('POLICY')).state
      for (const position of told.locations) expect(Number(position.split(':')[1])).toBeLessThanOrEqual(last_seq)
      await expectWholeTrail(bus)
      await bus.close()
    })

  it('NATS: calls fail within two seconds as UNAVAILABLE, decisions are none, and all of it comes back by itself', {
    timeout: 60_000,
  }, async () => {
    const { stack, cast } = house
    stack.nats.process().kill('SIGKILL')
    await stack.nats.process().exited
    const began = Date.now()
    const failures = await Promise.allSettled([
      point.policy.check(question(), { deadlineMs: 5_000 }),
      cast.security.policy.defineLocation({ name: 'nowhere', ranges: ['10.9.9.9/32'], trusted: false }),
      cast.security.identity.revokeAgent({ agentId: work.agentId, reason: 'not now' }),
      point.audit.reportEffect({
        decisionId: 'dec_00000000000000000000000000',
        agentId: work.agentId,
        outcome: 'EFFECT_OUTCOME_SUCCEEDED',
        statusCode: 200,
        argumentsDigest: '',
        resultDigest: '',
        durationMicroseconds: 0n,
      }),
      work.agent.attest(async () => ({
        measurements: {
          program: '0'.repeat(64),
          prompt: '0'.repeat(64),
          tool_manifest: '0'.repeat(64),
          model: '0'.repeat(64),
        },
      })),
    ])
    expect(Date.now() - began).toBeLessThan(2_000)
    for (const failure of failures)
      expect(failure).toMatchObject({ status: 'rejected', reason: { status: 'unavailable' } })
    await stack.nats.restart()
    const deadline = Date.now() + 20_000
    for (;;) {
      const answer = await point.policy.check(question()).catch(() => undefined)
      if (answer?.decision === Decision.DECISION_ALLOW) break
      if (Date.now() > deadline) throw new Error(`decisions do not come back: ${JSON.stringify(answer?.reasons)}`)
      await delay(100)
    }
    const bus = await readBus()
    await expectWholeTrail(bus)
    await bus.close()
  })

  it('a sequencer beside another one: each place is written once', { timeout: 60_000 }, async () => {
    const { stack } = house
    const second = await startSecondAudit()
    await underLoad(async () => {
      for (let turn = 0; turn < 2; turn++) {
        await delay(700)
        await back('audit')
      }
    })
    second.kill('SIGKILL')
    const bus = await readBus()
    await expectWholeTrail(bus)
    await bus.close()
    expect(stack.service('audit').running()).toBe(true)
  })

  it('the ClickHouse folder is deleted: the index is made anew, by itself and by one command', {
    timeout: 60_000,
  }, async () => {
    const { stack, cast } = house
    const audit = stack.service('audit')
    const before = await cast.auditor.audit.explain({ about: { $case: 'agentId', value: work.agentId }, notBefore: [] })
    await audit.stop()
    rmSync(join(stack.folder, 'audit', 'clickhouse'), { recursive: true })
    await stack.start('audit')
    await delay(1_200)
    const bus = await readBus()
    await expectWholeTrail(bus)
    const after = await cast.auditor.audit.explain({ about: { $case: 'agentId', value: work.agentId }, notBefore: [] })
    expect(after.explanations).toEqual(before.explanations)
    const { records } = await cast.security.audit.rebuildIndex({}, { deadlineMs: 30_000 })
    expect(Number(records)).toBeGreaterThanOrEqual(Number(before.indexedSize))
    await expectWholeTrail(bus)
    await bus.close()
  })

  it('signs no checkpoint that contradicts an earlier one', async () => {
    const { auditor } = house.cast
    const { checkpoint, verifierKey } = await auditor.audit.getCheckpoint({})
    const older = openCheckpoint(checkpoint, verifierKey)
    await point.policy.check(question())
    await delay(800)
    const newer = openCheckpoint((await auditor.audit.getCheckpoint({})).checkpoint, verifierKey)
    expect(newer.size).toBeGreaterThan(older.size)
    const { hashes } = await auditor.audit.getConsistencyProof({
      oldSize: BigInt(older.size),
      newSize: BigInt(newer.size),
    })
    verifyConsistency(older, newer, hashes)
  })
})

/** Another replica of audit: its own tiles and index, the same streams. */
async function startSecondAudit() {
  const { stack } = house
  const [mesh = 0, open = 0] = await freePorts(2)
  const running = await stack.replica('audit', { mesh, public: open })
  await waitUntilServing(running, `localhost:${open}`, stack.authority.caFile)
  return running
}
