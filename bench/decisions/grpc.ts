/** The same questions over gRPC: one process as client, each question by itself and many on a few streams. */
import {
  type CheckRequest,
  type CheckResponse,
  type CheckStreamRequest,
  type CheckStreamResponse,
  Decision,
  PolicyServiceClient,
  PolicyServiceService,
} from '@credence/contracts/gen/credence/policy/v1/policy'
import type { Stack } from '@credence/infra/dev/stack'
import { checkRequest } from '@credence/infra/testing/check'
import { CHANNEL, promised } from '@credence/shared/rpc/client'
import { clientCredentials } from '@credence/shared/rpc/tls'
import type { ClientDuplexStream } from '@grpc/grpc-js'
import { type Load, load, summary } from '../load.ts'
import { processorMs } from '../processor.ts'
import type { AskedWith } from './requests.ts'

export const UNARY_IN_FLIGHT = 64
export const STREAMS = 4
export const IN_FLIGHT_EACH = 64

/** `wrong`: answers that allow or deny what should not be. */
export type GrpcMeasured = Load & { wrong: number; compared: number; processorUs: number }
type Question = { check: CheckRequest; allowed: boolean }

/** Of `credence`: its processes, and where it is. */
export async function measureGrpc(
  { stack, pids }: { stack: Stack; pids: number[] },
  requests: readonly AskedWith[],
  answer: (asked: AskedWith) => boolean,
  seconds: number,
): Promise<{ unary: GrpcMeasured; stream: GrpcMeasured }> {
  const tls = await stack.workload('enforcement-point/bench')
  const credentials = clientCredentials(tls.caFile, `spiffe://${stack.trustDomain}/service/policy`, tls)
  const client = new PolicyServiceClient(`localhost:${stack.ports.policyMesh}`, credentials, CHANNEL)
  const questions = requests.map((asked) => ({ check: questionOf(asked), allowed: answer(asked) }))
  let at = Math.floor(Math.random() * questions.length)
  const next = (): Question => questions[at++ % questions.length] as Question
  const used = () => pids.reduce((sum, pid) => sum + processorMs(pid), 0)
  const measured = async (way: (seconds: number) => Promise<Load & { wrong: number; compared: number }>) => {
    await way(Math.min(seconds, 2))
    const before = used()
    const found = await way(seconds)
    return { ...found, processorUs: ((used() - before) * 1000) / found.compared }
  }
  try {
    return {
      unary: await measured((period) => unary(client, next, period)),
      stream: await measured((period) => streams(client, next, period)),
    }
  } finally {
    client.close()
  }
}

const questionOf = (asked: AskedWith): CheckRequest =>
  checkRequest({
    agentId: asked.agent,
    grantId: asked.grant,
    tokenId: asked.token,
    action: asked.action,
    resource: { type: asked.resourceType, id: asked.resourceId, sensitivity: asked.sensitivity },
    location: asked.location,
    sourceAddress: asked.sourceAddress,
  })

const isWrong = ({ allowed }: Question, { decision }: CheckResponse): boolean =>
  (decision === Decision.DECISION_ALLOW) !== allowed

async function unary(client: PolicyServiceClient, next: () => Question, seconds: number) {
  const { check } = promised(client, PolicyServiceService)
  let wrong = 0
  let compared = 0
  const found = await load(seconds, UNARY_IN_FLIGHT, async () => {
    const question = next()
    const answer = await check(question.check, { deadlineMs: 30_000 })
    compared++
    if (isWrong(question, answer)) wrong++
  })
  return { ...found, wrong, compared }
}

async function streams(client: PolicyServiceClient, next: () => Question, seconds: number) {
  const began = performance.now()
  const until = began + seconds * 1000
  const all = await Promise.all(Array.from({ length: STREAMS }, () => oneStream(client.checkStream(), next, until)))
  const samples = all.flatMap((one) => one.samples)
  const wrong = all.reduce((sum, one) => sum + one.wrong, 0)
  return { ...summary(samples, performance.now() - began), wrong, compared: samples.length }
}

/** Each answer makes room for the next question. A failure counts as wrong. */
function oneStream(
  stream: ClientDuplexStream<CheckStreamRequest, CheckStreamResponse>,
  next: () => Question,
  until: number,
): Promise<{ samples: number[]; wrong: number }> {
  const underWay = new Map<string, { question: Question; asked: number }>()
  const samples: number[] = []
  let wrong = 0
  let serial = 0
  const ask = () => {
    const question = next()
    const correlationId = String(serial++)
    underWay.set(correlationId, { question, asked: performance.now() })
    stream.write({ correlationId, check: question.check, watch: false })
  }
  return new Promise((resolve, reject) => {
    stream.on('error', reject)
    stream.on('end', () => resolve({ samples, wrong }))
    stream.on('data', ({ correlationId, event }: CheckStreamResponse) => {
      const found = underWay.get(correlationId)
      if (!found) return
      underWay.delete(correlationId)
      const now = performance.now()
      samples.push(now - found.asked)
      if (event?.$case !== 'answer' || isWrong(found.question, event.value)) wrong++
      if (now < until) ask()
      else if (underWay.size === 0) stream.end()
    })
    for (let count = 0; count < IN_FLIGHT_EACH; count++) ask()
  })
}
