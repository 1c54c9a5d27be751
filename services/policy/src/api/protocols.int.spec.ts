/** The same question gets the same answer, whatever protocol carries it (protocol-cases.json). Envoy: ext-authz/envoy.e2e.spec.ts. */
import { readFileSync } from 'node:fs'
import type { CheckResponse, CheckStreamResponse } from '@credence/contracts/gen/credence/policy/v1/policy'
import { PolicyServiceClient } from '@credence/contracts/gen/credence/policy/v1/policy'
import { newId } from '@credence/shared/ids'
import { clientCredentials } from '@credence/shared/rpc/tls'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkRequest } from '../../../../infra/testing/check.ts'
import * as facts from '../../../../infra/testing/facts.ts'
import { type AuthzenHouse, openAuthzenHouse } from '../testing/authzen-house.ts'
import type { Policy } from '../testing/house.ts'
import { patched } from '../testing/situation.ts'

type Question = {
  agent: string
  grant: string
  action: string
  resource: { type: string; id: string; sensitivity: string }
  audience: string
  arguments?: string
  obligations: string[]
}
type Wanted = { outcome: string; reasons: string[]; obligations?: string[] }
type Case = { title: string; change: object; wanted: Wanted }

const CASES: Case[] = JSON.parse(readFileSync(new URL('protocol-cases.json', import.meta.url), 'utf8'))
const ALLOWED: Question = {
  agent: '<agent>',
  grant: '<grant>',
  action: 'calendar.book',
  resource: { type: 'CalendarEvent', id: '2026/11', sensitivity: 'internal' },
  audience: 'https://calendar.acme.example',
  obligations: [],
}

let house: AuthzenHouse
let point: Policy
let raw: PolicyServiceClient

beforeAll(async () => {
  house = await openAuthzenHouse()
  point = await house.workload('enforcement-point/calendar')
  const { stack } = house
  const tls = await stack.workload('enforcement-point/calendar')
  const credentials = clientCredentials(tls.caFile, `spiffe://${stack.trustDomain}/service/policy`, tls)
  Object.assign(house.names, await attestedOtherwise(house))
  raw = new PolicyServiceClient(`127.0.0.1:${stack.ports.policyMesh}`, credentials)
}, 60_000)
afterAll(async () => {
  raw?.close()
  await house?.close()
})

/** Agents with open tasks whose attestation does not let them act, by the names that the cases use. */
async function attestedOtherwise({ agent, write }: AuthzenHouse): Promise<Record<string, string>> {
  const names: Record<string, string> = {}
  const reference = newId('ref')
  const withdrawn = await agent({}, {}, { references: [reference] })
  const revoked = await agent()
  const expires_at = facts.hours(1, new Date())
  const barely = await agent({}, {}, { sufficient: [{ sensitivity: 'public', expires_at }] })
  for (const [name, worker] of Object.entries({ withdrawn, revoked, barely })) {
    const { grant } = await worker.openTask()
    names[name] = worker.agent
    names[`${name}-grant`] = grant?.id ?? ''
  }
  await write('ATTESTATION', `reference/${reference}`, facts.referenceWithdrawn(reference))
  await write(
    'ATTESTATION',
    `result/${revoked.result.result}`,
    facts.resultRevoked(revoked.result, { cause: 'profile_changed' }),
  )
  return names
}

const request = ({ agent, grant, obligations, audience, arguments: told = '', ...rest }: Question) =>
  checkRequest({
    ...rest,
    agentId: agent,
    grantId: grant,
    location: audience,
    arguments: told,
    supportedObligations: obligations,
  })

const told = ({ decision, reasons, obligations }: CheckResponse): Wanted => ({
  outcome: decision.replace('DECISION_', '').toLowerCase(),
  reasons: reasons.map(({ code }) => code),
  obligations: obligations.map(({ type }) => type),
})

const PROTOCOLS: Record<string, (question: Question) => Promise<Wanted>> = {
  Check: async (question) => told(await point.check(request(question))),
  BatchCheck: async (question) => {
    const semantic = 'SEMANTIC_EXECUTE_ALL' as const
    const [first] = (await point.batchCheck({ checks: [request(question)], semantic })).answers
    if (!first) throw new Error('no answer')
    return told(first)
  },
  CheckStream: (question) =>
    new Promise((resolve, reject) => {
      const stream = raw.checkStream()
      stream.on('error', reject)
      stream.on('data', ({ event }: CheckStreamResponse) => {
        if (event?.$case === 'answer') resolve(told(event.value))
        else reject(new Error(JSON.stringify(event)))
        stream.end()
      })
      stream.write({ correlationId: '1', check: request(question), watch: false })
    }),
  AuthZEN: async ({ agent, grant, action, resource, audience, arguments: text, obligations }) => {
    const { type, id, sensitivity } = resource
    const answer = await house.send('/access/v1/evaluation', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        subject: { type: 'agent', id: agent },
        action: { name: action },
        resource: { type, id, properties: { sensitivity } },
        context: {
          grant_id: grant,
          token_id: 'token-1',
          audience,
          source_address: '127.0.0.1',
          ...(text ? { arguments: JSON.parse(text) } : {}),
          ...(obligations.length > 0 ? { supported_obligations: obligations } : {}),
          credence_details: true,
        },
      }),
    })
    const { decision, context } = (await answer.json()) as {
      decision: boolean
      context: { reasons: { code: string }[]; obligations?: { type: string }[]; access_request?: object }
    }
    return {
      outcome: decision ? 'allow' : context.access_request ? 'ask' : 'deny',
      reasons: context.reasons.map(({ code }) => code),
      obligations: (context.obligations ?? []).map(({ type: kind }) => kind),
    }
  },
}

describe.each(Object.keys(PROTOCOLS))('%s', (protocol) => {
  it.each(CASES)('$title', async ({ change, wanted }) => {
    const question: Question = JSON.parse(house.filled(JSON.stringify(patched(ALLOWED, change))))
    expect(await PROTOCOLS[protocol]?.(question)).toEqual({ obligations: [], ...wanted })
  })
})
