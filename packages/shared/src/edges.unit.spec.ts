/** The edges of the kernel: configuration, logs, roles, errors on the wire, requests. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CredenceError, invalid } from '@credence/contracts/errors'
import { AuthorizationDetail } from '@credence/contracts/gen/credence/authority/v1/authority'
import { GrantDelegationRequest } from '@credence/contracts/gen/credence/identity/v1/identity'
import type { ServiceError } from '@grpc/grpc-js'
import { afterAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { once } from './callers/agent-proof.ts'
import { readRoles } from './callers/roles.ts'
import { ConfigurationError, readConfig, schemas } from './config.ts'
import { createLog } from './log.ts'
import { parseRequest } from './rpc/parse.ts'
import { fromStatus, toStatus } from './rpc/status.ts'
import { spiffeIdOf } from './rpc/tls.ts'
import { currentTraceparent, startTelemetry, traced } from './telemetry.ts'

const folder = mkdtempSync(join(tmpdir(), 'credence-edges-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('configuration', () => {
  const shape = { A_LISTEN: schemas.address('7401'), B: z.string({ error: 'is not set' }) }
  it('names every variable that is wrong, and what is allowed', () => {
    expect(() => readConfig(shape, { A_LISTEN: 'x' })).toThrow(ConfigurationError)
    expect(() => readConfig(shape, { A_LISTEN: 'x' })).toThrow(/A_LISTEN: must be host:port.*B: is not set/)
  })
  it('takes an empty variable for one that is not set', () =>
    expect(() => readConfig(shape, { A_LISTEN: '127.0.0.1:1', B: '' })).toThrow(/B: is not set/))
})

describe('logs', () => {
  it('hold only what the list of fields names', () => {
    const lines: string[] = []
    const log = createLog('test', 'info', { write: (line) => void lines.push(line) })
    log.info('called', { token: 'secret', method: 'x', prompt: 'secret' } as never)
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ msg: 'called', method: 'x', service: 'test' })
    expect(lines.join('')).not.toContain('secret')
  })
  it('name the trace that a caller began, wherever spans go', async () => {
    const stop = startTelemetry('test', undefined)
    const lines: string[] = []
    const log = createLog('test', 'info', { write: (line) => void lines.push(line) })
    const trace = '0af7651916cd43dd8448eb211c80319c'
    await traced('call', 'server', `00-${trace}-b7ad6b7169203331-01`, async () => {
      log.info('called')
      expect(currentTraceparent()).toContain(trace)
    })
    expect(JSON.parse(lines[0] ?? '').trace_id).toBe(trace)
    await stop()
  })
})

describe('roles', () => {
  const write = (content: unknown) => {
    const path = join(folder, 'roles.json')
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
    return path
  }
  const file = {
    workloads: [
      { spiffe_id: 'spiffe://a.example/service/*', roles: ['service'] },
      { spiffe_id: 'spiffe://a.example/platform', roles: ['platform'] },
    ],
    groups: [{ issuer: 'https://idp.example', group: 'sec', roles: ['security-operator', 'auditor'] }],
  }
  it('come from exact names, from what lies below a name, and from groups of one issuer', () => {
    const roles = readRoles(write(file))
    expect([...roles.ofWorkload('spiffe://a.example/service/policy')]).toEqual(['service'])
    expect([...roles.ofWorkload('spiffe://a.example/platform')]).toEqual(['platform'])
    for (const id of [
      'spiffe://a.example/platform/x',
      'spiffe://a.example/servicex',
      'spiffe://b.example/service/policy',
      'spiffe://a.example/service',
    ])
      expect([...roles.ofWorkload(id)]).toEqual([])
    expect([...roles.ofGroups('https://idp.example', ['sec', 'other'])]).toEqual(['security-operator', 'auditor'])
    expect([...roles.ofGroups('https://other.example', ['sec'])]).toEqual([])
  })
  it('say of which audiences an enforcement point may ask; of none when nothing is said', () => {
    const audiences = ['https://calendar.example', 'https://crm.example']
    const point = { spiffe_id: 'spiffe://a.example/pep/*', roles: ['enforcement-point'] }
    const workloads = [point, { ...point, spiffe_id: 'spiffe://a.example/pep/calendar', audiences }]
    const roles = readRoles(write({ ...file, workloads }))
    expect([...roles.audiencesOf('spiffe://a.example/pep/calendar')]).toEqual(audiences)
    for (const id of [
      'spiffe://a.example/pep/crm',
      'spiffe://a.example/pep/calendar/x',
      'spiffe://b.example/pep/calendar',
    ])
      expect([...roles.audiencesOf(id)]).toEqual([])
    for (const wrong of ['*', 'calendar', 'http://calendar.example', ''])
      expect(() => readRoles(write({ ...file, workloads: [{ ...point, audiences: [wrong] }] }))).toThrow(
        ConfigurationError,
      )
  })
  it('say how tokens for an audience are signed; two answers for one audience are none', () => {
    const point = { spiffe_id: 'spiffe://a.example/pep/old', roles: ['enforcement-point'], token_algorithm: 'RS256' }
    const old = { ...point, audiences: ['https://old.example'] }
    const roles = readRoles(write({ ...file, workloads: [old, { ...old, spiffe_id: 'spiffe://a.example/pep/b' }] }))
    expect(roles.algorithmFor('https://old.example')).toBe('RS256')
    expect(roles.algorithmFor('https://new.example')).toBe('ES256')
    const other = { ...old, token_algorithm: 'EdDSA' }
    expect(() => readRoles(write({ ...file, workloads: [old, other] }))).toThrow(/https:\/\/old.example has two values/)
    for (const token_algorithm of ['none', 'HS256', 'RS512', 'rs256', ''])
      expect(() => readRoles(write({ ...file, workloads: [{ ...old, token_algorithm }] }))).toThrow(ConfigurationError)
  })
  it('are refused when the file says something unknown', () => {
    for (const wrong of ['{', { ...file, more: 1 }, { ...file, groups: [{ ...file.groups[0], roles: ['root'] }] }])
      expect(() => readRoles(write(wrong))).toThrow(ConfigurationError)
    expect(() => readRoles(join(folder, 'nothing'))).toThrow(ConfigurationError)
  })
})

describe('errors on the wire', () => {
  it('keep status, reason and fields', () => {
    const there = toStatus(invalid('model', 'must be one that the blueprint allows'))
    expect(fromStatus(there as unknown as ServiceError)).toMatchObject({
      status: 'invalid_argument',
      reason: 'invalid_field',
      violations: [{ field: 'model', description: 'must be one that the blueprint allows' }],
    })
  })
  it('say nothing of what went wrong inside', () => {
    const there = toStatus(new Error('password is hunter2'))
    expect(JSON.stringify(there)).not.toContain('hunter2')
    expect(fromStatus(there as unknown as ServiceError)).toMatchObject({ status: 'internal', reason: 'internal' })
  })
})

describe('requests', () => {
  const decode = (bytes: Buffer) => GrantDelegationRequest.decode(bytes)
  const parse = (request: GrantDelegationRequest) =>
    parseRequest(
      GrantDelegationRequest.encode(request).finish(),
      decode,
      z.object({ agentId: z.string().min(1, 'must not be empty') }),
    )
  const request = (part: object = {}) => GrantDelegationRequest.fromPartial({ agentId: 'agt_1', ...part })
  const fieldOf = (work: () => unknown): string | undefined => {
    try {
      work()
      return undefined
    } catch (error) {
      return (error as CredenceError).violations[0]?.field
    }
  }
  it('name fields as the proto does', () => {
    expect(fieldOf(() => parse(request()))).toBeUndefined()
    expect(fieldOf(() => parse(request({ agentId: '' })))).toBe('agent_id')
  })
  it('refuse unknown fields at any depth', () => {
    const detail = AuthorizationDetail.fromPartial({ type: 'x' })
    const inner = { ...detail, _unknownFields: { [(9 << 3) | 0]: [Uint8Array.of(1)] } }
    expect(fieldOf(() => parse(request({ authorizationDetails: [] })))).toBeUndefined()
    expect(fieldOf(() => parse({ ...request(), authorizationDetails: [inner] }))).toBe('authorization_details.0')
  })
})

describe('single use', () => {
  it('remembers a mark until its time, and forgets it then', () => {
    const used = new Map<string, number>()
    expect(once(used, 'a', 10, 0)).toBe(true)
    expect(once(used, 'a', 10, 9)).toBe(false)
    expect(once(used, 'b', 30, 20)).toBe(true)
    expect([...used.keys()]).toEqual(['b'])
  })
})

describe('the SPIFFE ID of a certificate', () => {
  it('is its one URI', () => {
    expect(spiffeIdOf({ subjectaltname: 'URI:spiffe://a.example/x, DNS:localhost' })).toBe('spiffe://a.example/x')
    expect(spiffeIdOf({ subjectaltname: 'URI:spiffe://a.example/x, URI:spiffe://a.example/y' })).toBeUndefined()
    expect(spiffeIdOf({ subjectaltname: 'DNS:localhost' })).toBeUndefined()
    expect(spiffeIdOf(undefined)).toBeUndefined()
  })
})
