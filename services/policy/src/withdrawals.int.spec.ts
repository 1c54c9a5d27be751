/**
 * What is withdrawn of attestation counts at the very next decision of every decision point, for all agents that rest on it:
 * nobody has to say so of each of them.
 */
import type { CheckResponse, CheckStreamResponse } from '@credence/contracts/gen/credence/policy/v1/policy'
import { PolicyServiceClient, PolicyServiceService } from '@credence/contracts/gen/credence/policy/v1/policy'
import { newId } from '@credence/shared/ids'
import { promised } from '@credence/shared/rpc/client'
import { clientCredentials } from '@credence/shared/rpc/tls'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePorts } from '../../../infra/dev/ports.ts'
import * as facts from '../../../infra/testing/facts.ts'
import { checkOf, type House, openHouse, type Policy } from './testing/house.ts'

const POLICIES = `
@id("agents-use-their-grants") @relied_seconds("30")
permit (principal, action, resource);
@id("models-by-their-files")
forbid (principal, action == Action::"calendar.share", resource)
unless { context.attestation.kinds.contains("model-signing") && context.attestation has model_grade && context.attestation.model_grade == "files" };
`

let house: House
let raw: PolicyServiceClient
let points: Policy[]
let auditor: Policy

beforeAll(async () => {
  house = await openHouse()
  auditor = await house.workload('auditor/one')
  await house.activate(POLICIES)
  const { stack } = house
  const [mesh = 0, publicPort = 0, http = 0] = await freePorts(3)
  await stack.replica('policy', { mesh, public: publicPort, http })
  const tls = await stack.workload('enforcement-point/calendar')
  const credentials = clientCredentials(tls.caFile, `spiffe://${stack.trustDomain}/service/policy`, tls)
  raw = new PolicyServiceClient(`127.0.0.1:${stack.ports.policyMesh}`, credentials)
  const other = new PolicyServiceClient(`127.0.0.1:${mesh}`, credentials)
  await new Promise<void>((resolve, reject) =>
    other.waitForReady(Date.now() + 30_000, (error) => (error ? reject(error) : resolve())),
  )
  points = [await house.workload('enforcement-point/calendar'), promised(other, PolicyServiceService)]
}, 60_000)
afterAll(async () => {
  raw?.close()
  await house?.close()
})

const outcome = ({ decision, reasons }: CheckResponse) => [
  decision.replace('DECISION_', '').toLowerCase(),
  ...reasons.map(({ code }) => code),
]
const ALLOW = ['allow']
const deny = (...reasons: string[]) => ['deny', ...reasons]
const everywhere = (question: Parameters<Policy['check']>[0]) =>
  Promise.all(points.map(async (point) => outcome(await point.check(question))))

type Attested = NonNullable<Parameters<House['agent']>[2]>
async function atWork(attested: Attested = {}) {
  const worker = await house.agent({}, {}, attested)
  const { grant } = await worker.openTask()
  const question = (part: Parameters<typeof checkOf>[2] = {}) => checkOf(worker, grant?.id ?? '', part)
  return { worker, question }
}
const attestation = (subject: string, ...made: Parameters<House['write']>[2][]) =>
  house.write('ATTESTATION', subject, ...made)
const withdraw = (reference: string) => attestation(`reference/${reference}`, facts.referenceWithdrawn(reference))
const refusedBecause = (call: Promise<unknown>) =>
  call.then(
    () => 'opened',
    ({ reason }) => reason,
  )

describe('what is withdrawn', () => {
  it('is denied by the very next call, at every decision point, for every agent that rests on it, and for no other', async () => {
    for (let round = 0; round < 10; round++) {
      const reference = newId('ref')
      const resting = await Promise.all([1, 2].map(() => atWork({ references: [newId('ref'), reference] })))
      const another = await atWork({ references: [newId('ref')] })
      for (const { question } of [...resting, another]) expect(await everywhere(question())).toEqual([ALLOW, ALLOW])
      await withdraw(reference)
      for (const { question } of resting)
        expect(await everywhere(question())).toEqual([deny('attestation_withdrawn'), deny('attestation_withdrawn')])
      expect(await everywhere(another.question())).toEqual([ALLOW, ALLOW])
    }
  })

  it('may be an anchor, or a digest, which counts again when it is unblocked', async () => {
    const [anchor, digest] = [newId('anc'), 'd'.repeat(64)]
    const [by, of] = [await atWork({ anchors: [anchor] }), await atWork({ digests: [digest] })]
    await attestation(`anchor/${anchor}`, facts.anchorWithdrawn(anchor))
    await attestation(`measurement/${digest}`, facts.measurement('blocked', digest))
    for (const { question } of [by, of])
      expect(await everywhere(question())).toEqual([deny('attestation_withdrawn'), deny('attestation_withdrawn')])
    await attestation(`measurement/${digest}`, facts.measurement('unblocked', digest))
    expect(await everywhere(of.question())).toEqual([ALLOW, ALLOW])
  })

  it('lets no task begin, and says why', async () => {
    const reference = newId('ref')
    const { worker } = await atWork({ references: [reference] })
    await withdraw(reference)
    expect(await refusedBecause(worker.openTask())).toBe('attestation_withdrawn')
    const revoked = await atWork()
    const { result } = revoked.worker
    await attestation(`result/${result.result}`, facts.resultRevoked(result))
    expect(await refusedBecause(revoked.worker.openTask())).toBe('attestation_revoked')
    const nothing = await house.agent({}, {}, { sufficient: [] })
    expect(await refusedBecause(nothing.openTask())).toBe('attestation_insufficient')
  })

  it('is over with a newer result that does not rest on it; a revocation of the older one comes too late', async () => {
    const reference = newId('ref')
    const { worker, question } = await atWork({ references: [reference] })
    await withdraw(reference)
    const newer = facts.result({ agent: worker.agent, expires_at: facts.hours(1, new Date()) })
    await attestation(`result/${newer.result}`, facts.recorded(newer))
    await attestation(`result/${worker.result.result}`, facts.resultRevoked(worker.result))
    expect(await everywhere(question())).toEqual([ALLOW, ALLOW])
    await attestation(`result/${newer.result}`, facts.resultRevoked(newer, { cause: 'profile_changed' }))
    expect(await everywhere(question())).toEqual([deny('attestation_revoked'), deny('attestation_revoked')])
  })
})

describe('what a result is enough for', () => {
  it('depends on the sensitivity of the resource and on the time; no answer is relied on for longer', async () => {
    const now = new Date()
    const soon = new Date(now.getTime() + 4_000).toISOString()
    const { question } = await atWork({
      sufficient: [
        { sensitivity: 'public', expires_at: facts.hours(1, now) },
        { sensitivity: 'internal', expires_at: soon },
      ],
    })
    const on = (sensitivity: string) =>
      question({
        action: 'calendar.list',
        resource: { type: 'CalendarEvent', id: '2026/11', sensitivity: sensitivity as 'public' },
      })
    const [point] = points as [Policy]
    const [near, far] = [await point.check(on('internal')), await point.check(on('public'))]
    expect([outcome(near), outcome(far)]).toEqual([ALLOW, ALLOW])
    expect(near.reliedUntil?.toISOString()).toBe(soon)
    expect(far.reliedUntil?.getTime()).toBeGreaterThan(now.getTime() + 25_000)
    expect(await everywhere(on('confidential'))).toEqual(points.map(() => deny('attestation_insufficient')))
    await new Promise((resolve) => setTimeout(resolve, Date.parse(soon) - Date.now() + 10))
    expect(await everywhere(on('internal'))).toEqual(points.map(() => deny('attestation_insufficient')))
    expect(await everywhere(on('public'))).toEqual(points.map(() => ALLOW))
  })

  it('may be narrowed by a policy: kinds of evidence, and the grade of the model', async () => {
    const claimed = await atWork({ kinds: ['software', 'model-signing'], model_grade: 'claimed' })
    const byFiles = await atWork({ kinds: ['software', 'model-signing'], model_grade: 'files' })
    expect(await everywhere(claimed.question({ action: 'calendar.share' }))).toEqual(
      points.map(() => deny('policy_forbids')),
    )
    expect(await everywhere(byFiles.question({ action: 'calendar.share' }))).toEqual(points.map(() => ALLOW))
  })
})

describe('answers that somebody relies on', () => {
  it('are told to be asked again, once each, for all that rest on what was withdrawn, and when sufficiency ends', async () => {
    const [reference, digest] = [newId('ref'), 'e'.repeat(64)]
    const resting = await Promise.all([1, 2, 3].map(() => atWork({ references: [reference] })))
    const blocked = await atWork({ digests: [digest] })
    const revoked = await atWork()
    const ending = await atWork({
      sufficient: [{ sensitivity: 'internal', expires_at: new Date(Date.now() + 3_000).toISOString() }],
    })
    const another = await atWork({ references: [newId('ref')] })
    const { stream, asked } = watching()
    for (const [name, { question }] of Object.entries({ blocked, revoked, another }))
      stream.write({ correlationId: name, check: question(), watch: true })
    for (const [at, { question }] of resting.entries())
      stream.write({ correlationId: String(at), check: question(), watch: true })
    stream.write({ correlationId: 'ending', check: ending.question(), watch: true })
    await asked(({ answers }) => answers === 7)
    await withdraw(reference)
    await asked(({ again }) => again.length === 3)
    await attestation(`measurement/${digest}`, facts.measurement('blocked', digest))
    await attestation(`result/${revoked.worker.result.result}`, facts.resultRevoked(revoked.worker.result))
    const { again } = await asked((all) => all.again.length === 6)
    expect(again.filter((one) => one !== 'ending time').sort()).toEqual([
      '0 attestation',
      '1 attestation',
      '2 attestation',
      'blocked attestation',
      'revoked attestation',
    ])
    expect(again).toContain('ending time')
    stream.end()
  })
})

describe('the record', () => {
  it('recomputes decisions from before and after a withdrawal', async () => {
    const reference = newId('ref')
    const { question, worker } = await atWork({
      references: [reference],
      digests: [facts.DIGEST],
      model_grade: 'files',
    })
    const [point] = points as [Policy]
    const made = [await point.check(question())]
    await withdraw(reference)
    made.push(await point.check(question()))
    await attestation(`result/${worker.result.result}`, facts.resultRevoked(worker.result))
    made.push(await point.check(question()))
    made.push(
      await point.check(question({ resource: { type: 'CalendarEvent', id: '2026/1', sensitivity: 'restricted' } })),
    )
    expect(made.map(outcome).slice(0, 3)).toEqual([
      ALLOW,
      deny('attestation_withdrawn'),
      deny('attestation_revoked', 'attestation_withdrawn'),
    ])
    for (const { decisionId, position } of made)
      expect(await auditor.replayDecision({ decisionId, position })).toMatchObject({ agrees: true, differences: [] })
  })
})

/** A stream, with what it said so far: how many answers, and who was told to ask again, and why. */
function watching() {
  const stream = raw.checkStream()
  const so = { answers: 0, again: [] as string[] }
  stream.on('error', () => undefined)
  stream.on('data', ({ correlationId, event }: CheckStreamResponse) => {
    if (event?.$case === 'answer') so.answers++
    if (event?.$case === 'askAgain') so.again.push(`${correlationId} ${event.value.cause}`)
  })
  const asked = async (enough: (all: typeof so) => boolean) => {
    await expect.poll(() => enough(so), { timeout: 10_000, interval: 20 }).toBe(true)
    return so
  }
  return { stream, asked }
}
