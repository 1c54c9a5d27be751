/**
 * The listener of enforcement points by itself, with real TLS and real SVIDs. Behind it stands nothing that decides: it says
 * back what was asked, for tests of who is let in and of what is read. Decisions are tested at the real service.
 */
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { ServerOptions } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readRoles } from '@credence/shared/callers/roles'
import { serveHttps } from '@credence/shared/http/server'
import { createLog } from '@credence/shared/log'
import type { TlsFiles } from '@credence/shared/rpc/tls'
import { parseBundle } from '@credence/shared/spiffe/bundle'
import { SignJWT } from 'jose'
import { Agent, fetch as undiciFetch } from 'undici'
import { openAuthority } from '../../../../infra/dev/pki.ts'
import { freePorts } from '../../../../infra/dev/ports.ts'
import { createTrust } from '../adapters/trust/trust.ts'
import type { Answer, Asked, Asker } from '../api/ask.ts'
import { createEnforcementPoints } from '../api/http/enforcement-points.ts'
import { authzenListener } from '../api/http/listener.ts'
import { MAX_CONNECTIONS, SETTINGS } from '../api/http/serve.ts'

export const DOMAIN = 'acme.example'
export const POINT = `spiffe://${DOMAIN}/enforcement-point/calendar`

export type Listening = Awaited<ReturnType<typeof listening>>

/** @param settings of the server, where waiting for the usual ones would take long */
export async function listening(settings: ServerOptions = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'credence-authzen-'))
  const authority = await openAuthority(join(folder, 'pki'), DOMAIN)
  const issue = (path: string) => authority.issue(path.replaceAll('/', '-'), `spiffe://${DOMAIN}/${path}`)
  const tls = await issue('service/policy')
  const rolesFile = join(folder, 'roles.json')
  const workloads = [
    { spiffe_id: `spiffe://${DOMAIN}/enforcement-point/*`, roles: ['enforcement-point'] },
    { spiffe_id: `spiffe://${DOMAIN}/agent/gateway/*`, roles: ['enforcement-point'] },
    { spiffe_id: `spiffe://${DOMAIN}/platform/*`, roles: ['platform'] },
  ]
  writeFileSync(rolesFile, JSON.stringify({ workloads, groups: [] }))
  const roles = readRoles(rolesFile)
  const [port = 0] = await freePorts(1)
  const url = `https://localhost:${port}`
  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwk = { ...key.publicKey.export({ format: 'jwk' }), kid: 'k1', use: 'jwt-svid' }
  const bundle = parseBundle(DOMAIN, JSON.stringify({ keys: [jwk] }))
  const unused = { address: 'localhost:1', trustDomain: DOMAIN, tls, cleanup: { push: () => undefined } }
  const { x509 } = createTrust({ ...unused, clock: () => new Date() })

  const asked: { asked: Asked; asker: Asker }[] = []
  const stopped = new Set<string>()
  let now = () => new Date()
  const clock = () => now()
  const searchable = {
    current: async () => undefined,
    agentsReaching: () => [],
    reachOf: () => [],
    actions: () => [],
    consider: () => 'deny' as const,
  }
  const ask = async (question: Asked, asker: Asker): Promise<Answer> => {
    asked.push({ asked: question, asker })
    return { outcome: 'deny', decision: 'dec_0', reasons: [], position: 'DECISIONS:1', obligations: [] }
  }
  const parts = { url, ask, searchable, accessRequests: undefined, requestEndpoint: undefined, clock }
  const points = createEnforcementPoints({
    trust: { x509, jwt: async () => bundle },
    roles,
    audience: url,
    isStopped: (id) => stopped.has(id),
    clock,
  })
  const listener = authzenListener(parts, points, createLog('test', 'silent'))
  const http = await serveHttps(`127.0.0.1:${port}`, tls, listener, {
    clientAuthorities: () => [readFileSync(tls.caFile, 'utf8')],
    settings: { ...SETTINGS, ...settings },
    maxConnections: MAX_CONNECTIONS,
  })
  const agents: Agent[] = []
  /** A client, with a certificate or without. */
  const client = (files?: TlsFiles) => {
    const agent = new Agent({
      connect: {
        ca: readFileSync(tls.caFile),
        ...(files ? { cert: readFileSync(files.certFile), key: readFileSync(files.keyFile) } : {}),
      },
    })
    agents.push(agent)
    return (path: string, init: { method?: string; headers?: Record<string, string>; body?: string } = {}) =>
      undiciFetch(`${url}${path}`, { ...init, dispatcher: agent })
  }
  return {
    url,
    port,
    caFile: tls.caFile,
    issue,
    folder,
    client,
    asked,
    stopped,
    at: (time: () => Date) => {
      now = time
    },
    /** A JWT-SVID; `bent` changes what is in it. */
    svid: (bent: { claims?: object; header?: object; key?: KeyObject; id?: string } = {}) =>
      new SignJWT({ sub: bent.id ?? POINT, aud: url, exp: Math.floor(Date.now() / 1000) + 300, ...bent.claims })
        .setProtectedHeader({ alg: 'ES256', kid: 'k1', typ: 'JWT', ...bent.header })
        .sign(bent.key ?? key.privateKey),
    close: async () => {
      await Promise.all(agents.map((agent) => agent.destroy()))
      await http.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

export const QUESTION = {
  subject: { type: 'agent', id: 'agt_01jd0000000000000000000001' },
  action: { name: 'calendar.book' },
  resource: { type: 'CalendarEvent', id: '2026/11', properties: { sensitivity: 'internal' } },
  context: { grant_id: 'grt_01jd0000000000000000000001', audience: 'https://calendar.acme.example' },
}
export const EVALUATION = '/access/v1/evaluation'
