/** Decisions as an enforcement point gets them: counted, watched, with a receipt, and replayed. Two decision points, one NATS. */
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { CheckResponse, CheckStreamResponse } from '@credence/contracts/gen/credence/policy/v1/policy'
import { PolicyServiceClient, PolicyServiceService } from '@credence/contracts/gen/credence/policy/v1/policy'
import { promised } from '@credence/shared/rpc/client'
import { clientCredentials } from '@credence/shared/rpc/tls'
import { parseBundle } from '@credence/shared/spiffe/bundle'
import { certificatesIn } from '@credence/shared/spiffe/x509-svid'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePorts } from '../../../infra/dev/ports.ts'
import { detail } from '../../../infra/testing/facts.ts'
import { verifyReceipt } from '../../../packages/sdk/src/resource/receipt.ts'
import { checkOf, DEVELOPMENT_POLICIES, type House, openHouse, type Policy } from './testing/house.ts'

const POLICIES = `${DEVELOPMENT_POLICIES}
@id("reads-are-relied-on") @relied_seconds("30")
permit (principal, action == Action::"calendar.list", resource);
@id("masked") @mask_fields("email phone")
permit (principal, action == Action::"calendar.share", resource);
`

let house: House
let enforcement: Policy
let other: Policy
let auditor: Policy

beforeAll(async () => {
  house = await openHouse()
  enforcement = await house.workload('enforcement-point/calendar')
  auditor = await house.workload('auditor/one')
  await house.activate(POLICIES)
  const [mesh = 0, publicPort = 0, http = 0] = await freePorts(3)
  await house.stack.replica('policy', { mesh, public: publicPort, http })
  const tls = await house.stack.workload('enforcement-point/calendar')
  const serverId = `spiffe://${house.stack.trustDomain}/service/policy`
  const credentials = clientCredentials(tls.caFile, serverId, tls)
  const client = new PolicyServiceClient(`127.0.0.1:${mesh}`, credentials)
  await new Promise<void>((resolve, reject) =>
    client.waitForReady(Date.now() + 30_000, (error) => (error ? reject(error) : resolve())),
  )
  other = promised(client, PolicyServiceService)
}, 60_000)
afterAll(() => house?.close())

const outcome = ({ decision, reasons }: CheckResponse) => ({
  decision: decision.replace('DECISION_', '').toLowerCase(),
  reasons: reasons.map(({ code }) => code),
})
const ALLOW = { decision: 'allow', reasons: [] }
const deny = (...reasons: string[]) => ({ decision: 'deny', reasons })
const isAllow = (answer: CheckResponse) => answer.decision === 'DECISION_ALLOW'

async function atWork(details = [detail()]) {
  const worker = await house.agent({}, { authorization_details: details })
  const opened = await worker.openTask({ authorizationDetails: details })
  const grantId = opened.grant?.id ?? ''
  const question = (part: Parameters<typeof checkOf>[2] = {}) => checkOf(worker, grantId, part)
  return { worker, grantId, taskId: opened.taskId, position: opened.position, question }
}

describe('what is limited is used up exactly', () => {
  it('a grant for one payment pays once, although two decision points are asked at once', async () => {
    const { question } = await atWork([detail({ limits: { count: 1, patterns: [] } })])
    const asked = Array.from({ length: 20 }, (_, index) => (index % 2 ? other : enforcement).check(question()))
    const answers = await Promise.all(asked)
    expect(answers.filter(isAllow)).toHaveLength(1)
    for (const answer of answers.filter((one) => !isAllow(one))) expect(outcome(answer)).toEqual(deny('limit_exceeded'))
  })

  it('a count at the delegation holds over all tasks under it', async () => {
    const limited = detail({ limits: { count: 3, patterns: [] } })
    const worker = await house.agent({}, { authorization_details: [limited] })
    const grants = await Promise.all([1, 2, 3].map(() => worker.openTask({ authorizationDetails: [limited] })))
    const answers = await Promise.all(
      grants.flatMap(({ grant }) => [enforcement, other].map((point) => point.check(checkOf(worker, grant?.id ?? '')))),
    )
    expect(answers.filter(isAllow)).toHaveLength(3)
  })

  it('a total holds to the smallest part', async () => {
    const total = { currency: 'EUR', value: '10' }
    const { question, grantId, worker } = await atWork([detail({ limits: { total, patterns: [] } })])
    const pay = (value: string) => enforcement.check(question({ amount: { currency: 'EUR', value } })).then(outcome)
    expect(await pay('6.5')).toEqual(ALLOW)
    expect(await pay('3.51')).toEqual(deny('limit_exceeded'))
    expect(await pay('3.5')).toEqual(ALLOW)
    expect(await pay('0.01')).toEqual(deny('limit_exceeded'))
    const { grants } = await worker.client.listGrants({ agentId: '', all: false, pageSize: 0, pageToken: '' })
    expect(grants).toMatchObject([{ grant: { id: grantId }, uses: [{ detail: 0, count: 2, total: { value: '10' } }] }])
  })
})

describe('an answer', () => {
  it('carries obligations only to whoever carries them out', async () => {
    const { question } = await atWork([detail({ actions: ['calendar.share'] })])
    const asked = question({ action: 'calendar.share' })
    expect(outcome(await enforcement.check(asked))).toEqual(deny('obligation_unsupported'))
    const answer = await enforcement.check({ ...asked, supportedObligations: ['mask_fields'] })
    expect(answer).toMatchObject({
      decision: 'DECISION_ALLOW',
      obligations: [{ id: 'masked', type: 'mask_fields', properties: { fields: 'email phone' } }],
    })
  })

  it('is not relied on, unless every policy that permits says so', async () => {
    const { question } = await atWork()
    expect((await enforcement.check(question())).reliedUntil).toBeUndefined()
    // Of the two that permit this, only one says so.
    expect((await enforcement.check(question({ action: 'calendar.list' }))).reliedUntil).toBeUndefined()
  })

  it('comes with a receipt that verifies offline, for this decision and no other', async () => {
    const { question } = await atWork()
    const answer = await enforcement.check(question({ receipt: true }))
    const bundle = bundleOf(house)
    const receipt = await verifyReceipt(answer.receipt, bundle)
    expect(receipt).toMatchObject({ jti: answer.decisionId, outcome: 'allow', position: answer.position })
    const [head = '', body = '', signature = ''] = answer.receipt.split('.')
    const forged = JSON.parse(Buffer.from(body, 'base64url').toString())
    forged.outcome = 'deny'
    const altered = [head, Buffer.from(JSON.stringify(forged)).toString('base64url'), signature].join('.')
    await expect(verifyReceipt(altered, bundle)).rejects.toMatchObject({ reason: 'receipt_signature' })
    const stranger = parseBundle('other.example', '{"keys":[]}')
    await expect(verifyReceipt(answer.receipt, stranger)).rejects.toMatchObject({ status: 'unauthenticated' })
    expect((await enforcement.check(question())).receipt).toBe('')
  })
})

describe('many at once', () => {
  it('a batch answers in the order asked', async () => {
    const { question } = await atWork()
    const checks = [question(), question({ action: 'calendar.read' }), question({ action: 'mail.send' })]
    const { answers } = await enforcement.batchCheck({ checks, semantic: 'SEMANTIC_EXECUTE_ALL' })
    expect(answers.map(isAllow)).toEqual([true, true, false])
  })

  it('a batch ends with the first denial, or the first permit', async () => {
    const { question } = await atWork()
    const checks = [question(), question({ action: 'mail.send' }), question()]
    const ask = async (semantic: 'SEMANTIC_DENY_ON_FIRST_DENY' | 'SEMANTIC_PERMIT_ON_FIRST_PERMIT') =>
      (await enforcement.batchCheck({ checks, semantic })).answers.map(isAllow)
    expect(await ask('SEMANTIC_DENY_ON_FIRST_DENY')).toEqual([true, false])
    expect(await ask('SEMANTIC_PERMIT_ON_FIRST_PERMIT')).toEqual([true])
  })

  it('a batch is refused when it is empty or too long', async () => {
    const { question } = await atWork()
    const semantic = 'SEMANTIC_UNSPECIFIED' as const
    const tooLong = Array.from({ length: 101 }, () => question())
    for (const checks of [[], tooLong])
      await expect(enforcement.batchCheck({ checks, semantic })).rejects.toMatchObject({ status: 'invalid_argument' })
  })
})

describe('a stream', () => {
  it('answers many in flight, each with its correlation id, and goes on after one that cannot be decided', async () => {
    const { question } = await atWork()
    const { stream, received } = openStream(await rawClient())
    const ids = Array.from({ length: 300 }, (_, index) => `q${index}`)
    for (const correlationId of ids) stream.write({ correlationId, check: question(), watch: false })
    stream.write({ correlationId: 'late', check: question({ notBefore: ['IDENTITY:999999999'] }), watch: false })
    await received((all) => all.length === 301)
    const all = await received(() => true)
    expect(new Set(all.map(({ correlationId }) => correlationId))).toEqual(new Set([...ids, 'late']))
    expect(all.find(({ correlationId }) => correlationId === 'late')?.event?.$case).toBe('failure')
    expect(all.filter(({ event }) => event?.$case === 'answer' && isAllow(event.value))).toHaveLength(300)
    stream.end()
  })

  it('says "ask again" when what an answer relied on has changed, once, and only to who relied on it', async () => {
    const [one, two] = [await atWork(), await atWork()]
    const { stream, received } = openStream(await rawClient())
    stream.write({ correlationId: 'one', check: one.question(), watch: true })
    stream.write({ correlationId: 'two', check: two.question(), watch: true })
    stream.write({ correlationId: 'not watched', check: one.question(), watch: false })
    await received((all) => all.length === 3)
    await one.worker.client.completeTask({ taskId: one.taskId, outcome: 'TASK_OUTCOME_SUCCEEDED' })
    const all = await received((some) => some.length === 4)
    expect(all.at(-1)).toMatchObject({ correlationId: 'one', event: { $case: 'askAgain', value: { cause: 'grant' } } })
    await house.write('IDENTITY', `agent/${two.worker.agent}`, {
      type: 'credence.identity.agent.suspended.v1',
      data: { agent: two.worker.agent, cause: 'operator', reason: 'x' },
    })
    const later = await received((some) => some.length === 5)
    expect(later.at(-1)).toMatchObject({
      correlationId: 'two',
      event: { $case: 'askAgain', value: { cause: 'agent' } },
    })
    stream.end()
  })
})

describe('a recorded decision', () => {
  it('is recomputed from its record, and agrees', async () => {
    const { question, worker } = await atWork([detail({ limits: { count: 2, patterns: [] } })])
    const asked = [
      question(),
      question({ arguments: '{"title":"Campaign"}' }),
      question(),
      question({ action: 'mail.send' }),
      question({ grantId: 'grt_unknown' }),
      question({
        sourceAddress: '203.0.113.1',
        resource: { type: 'CalendarEvent', id: '2026/1', sensitivity: 'restricted', properties: '' },
      }),
    ]
    for (const one of asked) {
      const { decisionId, position } = await enforcement.check(one)
      const replayed = await auditor.replayDecision({ decisionId, position })
      expect(replayed).toMatchObject({ agrees: true, differences: [] })
    }
    await house.write('IDENTITY', `agent/${worker.agent}`, {
      type: 'credence.identity.agent.revoked.v1',
      data: { agent: worker.agent, reason: 'x' },
    })
    const { decisionId, position } = await other.check(question())
    expect(await auditor.replayDecision({ decisionId, position: '' })).toMatchObject({
      agrees: true,
      recordedReasons: expect.arrayContaining(['agent_revoked']),
    })
    await expect(
      auditor.replayDecision({ decisionId: decisionId.replace(/.$/, (last) => (last === '0' ? '1' : '0')), position }),
    ).rejects.toMatchObject({
      status: 'not_found',
    })
    await expect(enforcement.replayDecision({ decisionId, position })).rejects.toMatchObject({
      status: 'permission_denied',
    })
  })
})

function bundleOf({ stack }: House) {
  const keys = certificatesIn(readFileSync(stack.authority.caFile, 'utf8')).map((der) => {
    const key = new X509Certificate(der).publicKey.export({ format: 'jwk' })
    return { ...key, use: 'x509-svid', x5c: [Buffer.from(der).toString('base64')] }
  })
  return parseBundle(stack.trustDomain, JSON.stringify({ keys }))
}

async function rawClient() {
  const tls = await house.stack.workload('enforcement-point/calendar')
  const credentials = clientCredentials(tls.caFile, `spiffe://${house.stack.trustDomain}/service/policy`, tls)
  return new PolicyServiceClient(`127.0.0.1:${house.stack.ports.policyMesh}`, credentials)
}

function openStream(client: PolicyServiceClient) {
  const stream = client.checkStream()
  const got: CheckStreamResponse[] = []
  let wake = () => {}
  stream.on('data', (message: CheckStreamResponse) => {
    got.push(message)
    wake()
  })
  stream.on('error', () => wake())
  const received = async (enough: (all: CheckStreamResponse[]) => boolean, withinMs = 10_000) => {
    const deadline = Date.now() + withinMs
    while (!enough(got)) {
      if (Date.now() > deadline) throw new Error(`received ${got.length}: ${JSON.stringify(got.slice(-2))}`)
      await new Promise<void>((resolve) => {
        wake = resolve
        setTimeout(resolve, 100)
      })
    }
    return got
  }
  return { stream, received }
}
