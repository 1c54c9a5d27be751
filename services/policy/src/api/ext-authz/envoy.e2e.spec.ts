/** A real Envoy with the configuration of examples/envoy, in front of a service that knows nothing of Credence. */
import { readFileSync } from 'node:fs'
import {
  AuthorizationClient,
  AuthorizationService,
  type CheckResponse,
} from '@credence/contracts/gen/envoy/service/auth/v3/external_auth'
import { promised } from '@credence/shared/rpc/client'
import { clientCredentials } from '@credence/shared/rpc/tls'
import { ChannelCredentials, Client } from '@grpc/grpc-js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { putToWork } from '../../../../../infra/dev/house.ts'
import { NETWORKS } from '../../../../../infra/dev/story/cast.ts'
import { type Answer, type EnvoyHouse, openEnvoyHouse } from '../../../../../infra/testing/envoy/house.ts'
import { type Envoy, envoyPath } from '../../../../../infra/testing/envoy/start.ts'
import { freeze } from '../../../../../infra/testing/freeze.ts'

const missing = envoyPath() ? '' : 'this machine has no envoy'
let at: EnvoyHouse

describe.skipIf(missing)(`Envoy${missing && ` (skipped: ${missing})`}`, () => {
  beforeAll(async () => {
    at = await openEnvoyHouse()
  })
  afterAll(() => at?.close())

  const outcome = ({ status, code }: Answer) => [status, code]
  /** That it came to nothing: what it was answered, and that the upstream never saw it. */
  async function stopped(work: () => Promise<Answer>) {
    const before = at.upstream.seen.length
    const answer = await work()
    expect(at.upstream.seen.length).toBe(before)
    return outcome(answer)
  }

  describe('a call within the grant', () => {
    it('reaches the upstream with the decision, and without the credentials', async () => {
      const response = await at.work.agent.call(await at.accessToken(), 'GET', `${at.audience}/events/evn_1?day=1`)
      expect(response.status).toBe(200)
      const seen = at.upstream.seen.at(-1)
      expect(seen).toMatchObject({ method: 'GET', path: '/events/evn_1?day=1' })
      const { authorization, dpop, 'credence-decision': decision, 'credence-agent': agent } = seen?.headers ?? {}
      expect({ authorization, dpop, agent }).toEqual({ agent: at.work.agentId })
      expect(decision).toMatch(/^dec_/)
      expect(response.headers.get('credence-decision')).toBe(decision)
      const entry = await at.envoy.logged(String(decision))
      expect(entry).toMatchObject({ outcome: 'allow', decision, agent: at.work.agentId, status: 200 })
    })

    it('takes nothing that only Credence may say from a client', async () => {
      const headers = [
        'credence-decision: dec_mine',
        'credence-subject: hum_mine',
        'credence-obligations: []',
        'credence-agent: agt_mine',
      ]
      for (const envoy of [at.envoy, at.lax]) {
        expect(await at.call(envoy, 'GET', '/events/evn_1', { headers })).toMatchObject({ status: 200 })
        const told = Object.entries(at.upstream.seen.at(-1)?.headers ?? {}).filter(([name]) =>
          name.startsWith('credence-'),
        )
        expect(told.map(([name]) => name).sort()).toEqual(['credence-agent', 'credence-decision', 'credence-subject'])
        expect(JSON.stringify(told)).not.toContain('mine')
      }
    })

    it('may prove itself by its certificate (RFC 8705), on its own connection only', async () => {
      const bound = await at.withCertificate()
      expect((await bound.get('/events/evn_1')).status).toBe(200)
      await bound.close()
      const elsewhere = () =>
        at.raw(at.envoy, ['GET /events/evn_1 HTTP/1.1', `Authorization: Bearer ${bound.access_token}`])
      expect(await stopped(elsewhere)).toEqual([401, 'invalid_token'])
    })
  })

  describe('a refusal', () => {
    it('outside the grant says so, with the decision, in the answer and in the access log', async () => {
      const response = await at.work.agent.call(await at.accessToken(), 'GET', `${at.audience}/shared/evn_1`)
      const problem = (await response.json()) as { code: string; decision_id: string }
      expect([response.status, problem.code]).toEqual([403, 'outside_grant'])
      expect(response.headers.get('www-authenticate')).toContain('error="insufficient_scope"')
      const entry = await at.envoy.logged(problem.decision_id)
      expect(entry).toMatchObject({
        outcome: 'deny',
        decision: problem.decision_id,
        reasons: ['outside_grant'],
        status: 403,
      })
    })

    it('until people approve: the agent asks with what it was told, and then exactly this is let through, once', async () => {
      const cancel = async (event: string) => {
        const response = await at.work.agent.call(await at.accessToken(), 'DELETE', `${at.audience}/events/${event}`)
        return { status: response.status, problem: (await response.json()) as Record<string, never> }
      }
      const { status, problem } = await cancel('evn_1')
      expect([status, problem.code]).toEqual([403, 'approval_required'])
      const { decision_id: decisionId = '', approval } = problem as {
        decision_id?: string
        approval?: { decision_position: string }
      }
      const heldBack = { decisionId, position: approval?.decision_position ?? '' }
      const { approvalId } = await at.work.agent.requestApproval(heldBack, 'It stands on the wrong day.')
      await at.house.cast.coordinator.policy.answerApproval({ approvalId, approve: true, comment: '' })
      await at.work.agent.awaitApproval(approvalId)
      expect((await cancel('evn_2')).problem.code).toBe('approval_required')
      expect((await cancel('evn_1')).status).toBe(200)
      expect((await cancel('evn_1')).problem.code).toBe('approval_required')
    })

    it('of a call without a token says where to get one', async () => {
      const answer = await at.raw(at.envoy, ['GET /events/evn_1 HTTP/1.1'])
      expect(outcome(answer)).toEqual([401, 'no_token'])
      const challenge = answer.headers.get('www-authenticate') ?? ''
      expect(challenge).not.toContain('error=')
      const where = `${at.audience}/.well-known/oauth-protected-resource`
      expect(challenge).toContain(`resource_metadata="${where}"`)
      const { status, body } = await at.raw(at.envoy, ['GET /.well-known/oauth-protected-resource HTTP/1.1'])
      expect([status, JSON.parse(body)]).toMatchObject([
        200,
        { resource: at.audience, authorization_servers: [at.stack.issuer] },
      ])
    })

    it('of a token for another audience than the route’s', async () => {
      expect(await stopped(() => at.call(at.envoy, 'GET', '/elsewhere/evn_1'))).toEqual([401, 'invalid_token'])
    })

    it('of a proof that was used before', async () => {
      const token = await at.token()
      const dpop = await at.proof(token, 'GET', '/events/evn_1')
      const head = ['GET /events/evn_1 HTTP/1.1', `Authorization: DPoP ${token}`, `DPoP: ${dpop}`]
      expect((await at.raw(at.envoy, head)).status).toBe(200)
      for (const envoy of [at.envoy, at.lax])
        expect(await stopped(() => at.raw(envoy, head))).toEqual([401, 'invalid_dpop_proof'])
    })

    it('of a proof for another method or path', async () => {
      expect(await stopped(() => at.call(at.envoy, 'GET', '/events/evn_2', { proven: '/events/evn_1' }))).toEqual([
        401,
        'invalid_dpop_proof',
      ])
      const token = await at.token()
      const dpop = await at.proof(token, 'GET', '/events')
      const head = ['POST /events HTTP/1.1', `Authorization: DPoP ${token}`, `DPoP: ${dpop}`]
      expect(await stopped(() => at.raw(at.envoy, head))).toEqual([401, 'invalid_dpop_proof'])
    })

    it('of what is sensitive, from a network that is not trusted, whatever a header says of the address', async () => {
      const token = await at.token()
      const path = '/private/evn_1'
      const get = async (address: string) => {
        const dpop = await at.proof(token, 'GET', path)
        const headers = { authorization: `DPoP ${token}`, dpop, 'x-forwarded-for': NETWORKS.office }
        const http = at.from(address)
        const { status } = await http.fetch(at.audience + path, { headers })
        await http.close()
        return status
      }
      expect([await get(NETWORKS.office), await get(NETWORKS.cafe)]).toEqual([200, 403])
    })
  })

  describe('a way around (each was one, somewhere)', () => {
    const both = (): [string, Envoy][] => [
      ['as in the example', at.envoy],
      ['careless', at.lax],
    ]

    /**
     * What comes of a call whose proof is good for the path as it was sent: a path is what the upstream saw. The example
     * repairs what it can, and then route, decision and upstream all have the repaired path; the careless one leaves it.
     */
    const paths: [path: string, example: string, careless: string][] = [
      ['/events/evn_1', '/events/evn_1', '/events/evn_1'],
      ['/events/./evn_1', '/events/evn_1', 'path_ambiguous'],
      ['/events/../private/evn_1', '/private/evn_1', 'path_ambiguous'],
      ['/events/%2e%2e/private/evn_1', '/private/evn_1', 'path_ambiguous'],
      ['/events//evn_1', 'invalid_dpop_proof', 'path_ambiguous'],
      ['//events/evn_1', 'invalid_dpop_proof', 'no_operation'],
      ['/events/evn%5f1', 'invalid_dpop_proof', 'path_ambiguous'],
      ['/events/..%2fprivate/evn_1', 'refused by Envoy', 'path_ambiguous'],
      ['/events/a%5cb', 'refused by Envoy', 'path_ambiguous'],
      ['/events/evn_1;x=1', 'path_ambiguous', 'path_ambiguous'],
      ['/events/evn_1/', 'other_path', 'other_path'],
      ['/events/evn_1/notes', 'other_path', 'other_path'],
      ['/EVENTS/evn_1', 'no_operation', 'no_operation'],
    ]
    for (const [path, example, careless] of paths)
      it(`the path ${path}: ${example}; careless: ${careless}`, async () => {
        const comesTo: (string | undefined)[] = []
        for (const [, envoy] of both()) {
          const before = at.upstream.seen.length
          const { status, code } = await at.call(envoy, 'GET', path)
          const seen = at.upstream.seen.slice(before).map((request) => request.path)
          expect(seen.length).toBe(status === 200 ? 1 : 0)
          comesTo.push(seen[0] ?? code ?? 'refused by Envoy')
        }
        expect(comesTo).toEqual([example, careless])
      })

    it('several headers of one name', async () => {
      const token = await at.token()
      const good = async () => [
        `Authorization: DPoP ${token}`,
        `DPoP: ${await at.proof(token, 'GET', '/events/evn_1')}`,
      ]
      for (const [, envoy] of both())
        for (const extra of [
          'Authorization: DPoP x',
          'authorization: Bearer x',
          `DPoP: ${await at.proof(token, 'GET', '/events/evn_1')}`,
        ])
          for (const head of [
            [...(await good()), extra],
            [extra, ...(await good())],
          ])
            expect((await stopped(() => at.raw(envoy, ['GET /events/evn_1 HTTP/1.1', ...head])))[0]).toBe(401)
    })

    it('a header that names another method', async () => {
      const headers = ['x-http-method-override: DELETE']
      expect((await at.call(at.envoy, 'GET', '/events/evn_1', { headers })).status).toBe(200)
      expect(at.upstream.seen.at(-1)?.headers).not.toHaveProperty('x-http-method-override')
      expect(await stopped(() => at.call(at.lax, 'GET', '/events/evn_1', { headers }))).toEqual([
        400,
        'method_override',
      ])
    })

    it('a body of which the decision point sees a part', async () => {
      const json = ['content-type: application/json']
      const whole = await at.call(at.envoy, 'POST', '/meetings', { headers: json, body: '{"title":"Review"}' })
      expect([whole.status, at.upstream.seen.at(-1)?.body]).toEqual([200, '{"title":"Review"}'])
      const long = JSON.stringify({ title: 'x'.repeat(100) })
      expect((await stopped(() => at.call(at.envoy, 'POST', '/meetings', { headers: json, body: long })))[0]).toBe(413)
      const cut = { headers: [...json, 'x-envoy-auth-partial-body: false'], body: long }
      expect(await stopped(() => at.call(at.lax, 'POST', '/meetings', cut))).toEqual([413, 'body_partial'])
      const twice = { headers: json, body: '{"title":"a","title":"b"}' }
      expect(await stopped(() => at.call(at.envoy, 'POST', '/meetings', twice))).toEqual([400, 'body_unreadable'])
    })

    it('a route that matches nothing, and one that says nothing', async () => {
      for (const [, envoy] of both()) {
        expect(await stopped(() => at.call(envoy, 'GET', '/admin'))).toEqual([403, 'no_operation'])
        expect(await stopped(() => at.call(envoy, 'GET', '/undescribed'))).toEqual([403, 'no_operation'])
      }
      const head = ['GET /events/evn_1 HTTP/1.1']
      expect((await stopped(() => at.raw(at.envoy, head, '', 'evil.example')))[0]).toBe(404)
    })

    it('a request that would make the check itself invalid', async () => {
      const bytes = [Buffer.from([...Buffer.from('content-type: '), 0xff, 0xfe, 0x80])]
      for (const [, envoy] of both())
        expect((await stopped(() => at.raw(envoy, ['GET /events/evn_1 HTTP/1.1', ...bytes])))[0]).toBe(401)
    })

    it('a filter that was switched off while running', async () => {
      const set = (value: string) =>
        fetch(`http://127.0.0.1:${at.envoy.adminPort}/runtime_modify?credence.filter_enabled=${value}`, {
          method: 'POST',
        })
      await set('0')
      expect((await stopped(() => at.call(at.envoy, 'GET', '/events/evn_1')))[0]).toBe(503)
      await set('100')
      expect((await at.call(at.envoy, 'GET', '/events/evn_1')).status).toBe(200)
    })
  })

  describe('the check itself', () => {
    const denied = ({ httpResponse, status }: CheckResponse) => [httpResponse?.$case, status?.code === 0]
    const credentials = (path: string) =>
      at.stack
        .workload(path)
        .then((tls) => clientCredentials(tls.caFile, `spiffe://${at.stack.trustDomain}/service/policy`, tls))

    it('answers what it cannot read, and whom it does not serve, with a denial and no error', async () => {
      const mesh = `127.0.0.1:${at.stack.ports.policyMesh}`
      const anybody = ChannelCredentials.createSsl(readFileSync(at.stack.authority.caFile))
      const callers: [string, ChannelCredentials, Buffer][] = [
        [mesh, await credentials('enforcement-point/envoy'), Buffer.from([0xff, 0xff])],
        [mesh, await credentials('enforcement-point/envoy'), Buffer.alloc(0)],
        [mesh, await credentials('platform/workplace'), Buffer.alloc(0)],
        [`localhost:${at.stack.ports.policyPublic}`, anybody, Buffer.alloc(0)],
      ]
      for (const [address, channel, bytes] of callers) {
        const client = new Client(address, channel)
        const reply = await new Promise<CheckResponse>((resolve, reject) => {
          const { path, responseDeserialize } = AuthorizationService.check
          const done = (error: Error | null, value?: CheckResponse) =>
            error || !value ? reject(error) : resolve(value)
          client.makeUnaryRequest(path, (value: Buffer) => value, responseDeserialize, bytes, done)
        })
        client.close()
        expect(denied(reply)).toEqual(['deniedResponse', false])
      }
    })

    it('passes over fields that it does not know', async () => {
      const client = promised(
        new AuthorizationClient(`127.0.0.1:${at.stack.ports.policyMesh}`, await credentials('enforcement-point/envoy')),
        AuthorizationService,
      )
      const attributes = {
        contextExtensions: {},
        request: { http: { id: '', method: 'GET', path: '/x', headers: {}, body: '', rawBody: Buffer.alloc(0) } },
      }
      const unknown = { 6338: [Uint8Array.from([1, 0x61])] }
      const reply = await client.check({ attributes: { ...attributes, _unknownFields: unknown } })
      client.close()
      expect(reply.dynamicMetadata).toMatchObject({ code: 'no_operation' })
    })
  })

  describe('a bad day', () => {
    it('an agent that was stopped is refused from the next call on', async () => {
      const work = await putToWork(at.house)
      const token = await work.agent.tokenFor(work.task, at.audience)
      const get = () => work.agent.call(token, 'GET', `${at.audience}/events/evn_1`)
      expect((await get()).status).toBe(200)
      await at.house.cast.security.identity.revokeAgent({ agentId: work.agentId, reason: 'test' })
      const after = await get()
      expect([after.status, ((await after.json()) as { code: string }).code]).toEqual([401, 'agent_revoked'])
      await work.agent.close()
    })

    it('decisions that cannot be recorded are none, also where failure_mode_allow is set', async () => {
      const token = await at.token()
      const nats = at.stack.nats.process()
      await freeze(nats)
      try {
        for (const envoy of [at.envoy, at.lax]) {
          const [status, code] = await stopped(() => at.call(envoy, 'GET', '/events/evn_1', { token }))
          // With a code it is our answer, in time; Envoy's own has none.
          expect([status, code]).toEqual([503, expect.stringMatching(/^[a-z_]+$/)])
        }
      } finally {
        nats.kill('SIGCONT')
      }
    })

    it('a decision point that hangs or has died closes the way: 503, and open again when it is back', async () => {
      const token = await at.token()
      const policy = at.stack.service('policy')
      const get = async () => {
        const dpop = await at.proof(token, 'GET', '/events/evn_1')
        return at.raw(at.envoy, ['GET /events/evn_1 HTTP/1.1', `Authorization: DPoP ${token}`, `DPoP: ${dpop}`])
      }
      await freeze(policy)
      expect((await stopped(get))[0]).toBe(503)
      policy.kill('SIGCONT')
      policy.kill('SIGKILL')
      await policy.exited
      expect((await stopped(get))[0]).toBe(503)
      await at.stack.start('policy')
      await expect.poll(async () => (await get()).status, { timeout: 15_000, interval: 250 }).toBe(200)
    })
  })
})
