import { forbidden, unavailable } from '@credence/contracts/errors'
import { CheckResponse } from '@credence/contracts/gen/envoy/service/auth/v3/external_auth'
import { describe, expect, it } from 'vitest'
import type { Answer } from '../ask.ts'
import { answered, closed, refused } from './answers.ts'
import { readRoute } from './route.ts'

const DECISION = 'dec_01jz0000000000000000000001'
const token = { tokenId: 'tok', agentId: 'agt_1', grantId: 'grt_1', subject: 'hum_1', actor: 'a' }
const route = (more: Record<string, string> = {}) => {
  const found = readRoute({
    'credence.audience': 'https://calendar.example',
    'credence.request': 'GET /events/{event}',
    'credence.action': 'calendar.read',
    'credence.resource_type': 'CalendarEvent',
    'credence.resource_id': '{event}',
    'credence.sensitivity': 'internal',
    ...more,
  })
  if (!found) throw new Error('no route')
  return found
}
const allow: Answer = { outcome: 'allow', decision: DECISION, reasons: [], position: 'DECISIONS:7', obligations: [] }
/** As Envoy gets it: over the wire. */
const sent = (response: CheckResponse) => CheckResponse.decode(CheckResponse.encode(response).finish())
const ask = (answer: Answer, on = route()) => sent(answered(answer, token, on, 'https://metadata.example'))
const denied = (response: CheckResponse) => {
  if (response.httpResponse?.$case !== 'deniedResponse') throw new Error('not denied')
  const { status, headers, body } = response.httpResponse.value
  const told = Object.fromEntries(headers.map(({ header }) => [header?.key, header?.value]))
  return { code: response.status?.code, status: status?.code, headers: told, body: JSON.parse(body) }
}
const permitted = (response: CheckResponse) => {
  if (response.httpResponse?.$case !== 'okResponse') throw new Error('not permitted')
  const { headers, headersToRemove } = response.httpResponse.value
  const told = Object.fromEntries(headers.map(({ header }) => [header?.key, header?.value]))
  return {
    code: response.status?.code,
    headers: told,
    headersToRemove,
    actions: new Set(headers.map((one) => one.appendAction)),
  }
}

describe('an allow', () => {
  it('tells the upstream, takes the credentials away, and leaves nothing of what a client says', () => {
    expect(permitted(ask(allow))).toEqual({
      code: 0,
      headers: { 'credence-decision': DECISION, 'credence-agent': 'agt_1', 'credence-subject': 'hum_1' },
      headersToRemove: ['credence-obligations', 'authorization', 'dpop'],
      actions: new Set(['OVERWRITE_IF_EXISTS_OR_ADD']),
    })
    expect(ask(allow).dynamicMetadata).toMatchObject({
      outcome: 'allow',
      decision_id: DECISION,
      position: 'DECISIONS:7',
    })
  })

  it('may leave the credentials, where the route says so', () => {
    expect(permitted(ask(allow, route({ 'credence.keep_credentials': 'true' }))).headersToRemove).toEqual([
      'credence-obligations',
    ])
  })

  it('hands obligations on, in ASCII', () => {
    const obligations = [{ id: 'p', type: 'mask_fields' as const, properties: { fields: 'größe' } }]
    const { headers, headersToRemove } = permitted(ask({ ...allow, obligations }))
    expect(headers['credence-obligations']).toMatch(/^[\x20-\x7e]+$/)
    expect(JSON.parse(headers['credence-obligations'] ?? '')).toEqual(obligations)
    expect(headersToRemove).not.toContain('credence-obligations')
  })
})

describe('anything else', () => {
  const deny = (code: string): Answer => ({ ...allow, outcome: 'deny', reasons: [{ code, message: 'Why "not".' }] })

  it('is a denied response with the decision, the reasons and what may help', () => {
    const outside = denied(ask(deny('outside_grant')))
    expect(outside).toMatchObject({
      code: 7,
      status: 'Forbidden',
      body: { code: 'outside_grant', decision_id: DECISION },
    })
    expect(outside.headers).toMatchObject({ 'credence-decision': DECISION, 'content-type': 'application/problem+json' })
    expect(outside.headers['www-authenticate']).toContain('error="insufficient_scope", error_description="Why not."')
    const dead = denied(ask(deny('grant_ended')))
    expect(dead).toMatchObject({ status: 'Unauthorized', body: { code: 'grant_ended' } })
    expect(dead.headers['www-authenticate']).toContain('error="invalid_token"')
    expect(denied(ask(deny('policy_forbids'))).headers).not.toHaveProperty('www-authenticate')
  })

  it('is a denial too when people have to approve first, and says how to ask them', () => {
    const approvalNeeded = { approver: 'delegator', persons: 1, withinSeconds: 900 }
    const reasons = [{ code: 'approval_required', message: 'Somebody has to approve.' }]
    expect(denied(ask({ ...allow, outcome: 'ask', reasons, approvalNeeded }))).toMatchObject({
      code: 7,
      status: 'Forbidden',
      body: {
        code: 'approval_required',
        decision_id: DECISION,
        approval: { decision_position: 'DECISIONS:7', persons: 1 },
      },
    })
  })

  it('is a denied response also when it is a failure of ours: 503, without what failed', () => {
    for (const [error, code] of [
      [unavailable('not_recorded', 'secret'), 'not_recorded'],
      [forbidden('role_missing', 'secret'), 'role_missing'],
      [new Error('secret'), 'failed'],
    ] as const) {
      const answer = sent(closed(error))
      expect(denied(answer)).toMatchObject({ code: 14, status: 'ServiceUnavailable', body: { code } })
      expect(denied(answer).headers['retry-after']).toBe('1')
      expect(answer.dynamicMetadata).toEqual({ outcome: 'undecided', code })
      expect(JSON.stringify(answer)).not.toContain('secret')
    }
  })

  it('has a status that Envoy takes, whatever it is', () => {
    for (const status of [400, 401, 403, 404, 413, 503, 418])
      expect(denied(sent(refused({ status, code: 'c', detail: 'd' }))).status).toMatch(/^[A-Z]/)
  })
})
