/** Allowed calls a second, each with its durable record: over gRPC, and through the HTTP enforcement point. */

import { Decision } from '@credence/contracts/gen/credence/policy/v1/policy'
import { type AtWork, type House, openHouse, putToWork } from '@credence/infra/dev/house'
import { checkRequest } from '@credence/infra/testing/check'
import { connectCredence } from '@credence/sdk/clients'
import { appendsOnly } from './limits.ts'
import { type Load, load } from './load.ts'
import { printReport, rounded } from './report.ts'

async function overGrpc({ stack, company }: House, { agentId, task }: AtWork, seconds: number): Promise<Load> {
  const tls = await stack.workload('enforcement-point/bench')
  const { trustDomain, authority, ports } = stack
  const clients = connectCredence({
    trustDomain,
    caFile: authority.caFile,
    tls,
    addresses: { policy: `localhost:${ports.policyMesh}` },
  })
  const question = checkRequest({
    agentId,
    grantId: task.grantId,
    tokenId: 'bench',
    action: 'calendar.read',
    resource: { type: 'CalendarEvent', id: 'evn_1', sensitivity: 'internal' },
    location: company.calendar,
  })
  const check = async () => {
    const { decision } = await clients.policy.check(question)
    if (decision !== Decision.DECISION_ALLOW) throw new Error('a call was denied')
  }
  await load(1, 64, check)
  const result = await load(seconds, 64, check)
  clients.close()
  return result
}

async function overHttp({ company }: House, { agent, task }: AtWork, seconds: number): Promise<Load> {
  const token = await agent.tokenFor(task, company.calendar)
  const booked = await agent.call(token, 'POST', `${company.calendar}/events`, {
    title: 'Bench',
    start: '2026-12-01T10:00:00Z',
    end: '2026-12-01T10:30:00Z',
    attendees: ['a@bench.example'],
  })
  const { id } = (await booked.json()) as { id: string }
  const read = async () => {
    const answer = await agent.call(token, 'GET', `${company.calendar}/events/${id}`)
    await answer.arrayBuffer()
    if (answer.status !== 200) throw new Error(`a call was answered ${answer.status}`)
  }
  await load(1, 16, read)
  return load(seconds, 16, read)
}

export async function benchDecision(quick: boolean): Promise<void> {
  const seconds = quick ? 5 : 30
  const house = await openHouse()
  try {
    const work = await putToWork(house)
    const grpc = await overGrpc(house, work, seconds)
    const http = await overHttp(house, work, seconds)
    const limit = await appendsOnly(house.stack, { bytes: 1_400, inFlight: 64, seconds: Math.min(seconds, 5) })
    const show = ({ perSecond, p50, p99 }: Load) =>
      `${Math.round(perSecond)} /s   p50 ${rounded(p50, 2)} ms   p99 ${rounded(p99, 2)} ms`
    printReport({
      name: 'decision',
      method: [
        `${seconds} s each, after one second to warm up; client, services, ClickHouse and NATS share this machine’s cores`,
        'gRPC: 64 Check calls in flight, mTLS, one connection. HTTP: 16 calls in flight; each makes a DPoP proof, is checked, decided, recorded, executed, and its effect recorded',
        'limit: 1,400-byte appends to JetStream, 64 in flight, acknowledged, nothing else',
      ],
      rows: [
        ['allowed by gRPC Check', show(grpc)],
        ['allowed through the HTTP enforcement point', show(http)],
        ['limit: acknowledged appends alone', show(limit)],
        ['gRPC of the limit', `${rounded((grpc.perSecond / limit.perSecond) * 100)} %`],
      ],
      figures: {
        grpc_per_s: Math.round(grpc.perSecond),
        http_per_s: Math.round(http.perSecond),
        p99_ms: rounded(grpc.p99, 2),
        http_p99_ms: rounded(http.p99, 2),
        append_per_s: Math.round(limit.perSecond),
      },
    })
    await work.agent.close()
  } finally {
    await house.close()
  }
}
