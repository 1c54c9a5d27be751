/** AuthZEN over HTTPS: what it works with, from what the service knows. */
import { readFileSync } from 'node:fs'
import { isHeld } from '@credence/contracts/principals/agent'
import type { Roles } from '@credence/shared/callers/roles'
import { type HttpServer, serveHttps } from '@credence/shared/http/server'
import type { Log } from '@credence/shared/log'
import { waitFor } from '@credence/shared/rpc/fields'
import type { TlsFiles } from '@credence/shared/rpc/tls'
import type { Ask } from '../ask.ts'
import type { Context } from '../context.ts'
import { outcomeOf } from '../decide.ts'
import { createEnforcementPoints, type Trust } from './enforcement-points.ts'
import { authzenListener } from './listener.ts'
import { PATHS } from './metadata.ts'
import type { AccessRequests } from './requests.ts'
import type { Searchable } from './search.ts'

export type Serving = {
  /** host:port */
  listen: string
  /** Base URL, as enforcement points know it. */
  url: string
  tls: TlsFiles
  trust: Trust
  roles: Roles
  ask: Ask
  /** Undefined where people cannot be asked. */
  accessRequests: AccessRequests | undefined
  log: Log
}

/** A request has ten seconds to come; a connection stays longer than enforcement points leave it unused. */
export const SETTINGS = {
  requestTimeout: 10_000,
  headersTimeout: 5_000,
  connectionsCheckingInterval: 1_000,
  keepAliveTimeout: 75_000,
  maxHeaderSize: 16 * 1024,
}
export const MAX_CONNECTIONS = 10_000

/** @throws CredenceError `unavailable` naming the address that is taken */
export function serveAuthzen(context: Context, serving: Serving): Promise<HttpServer> {
  const { listen, url, tls, trust, roles, ask, accessRequests, log } = serving
  const { clock, world } = context
  const parts = {
    url,
    ask,
    searchable: searchableOf(context),
    accessRequests,
    requestEndpoint: accessRequests && `${url}${PATHS.requests}`,
    clock,
  }
  const isStopped = (id: string): boolean => {
    const agent = world.principals.bySpiffeId(id)
    return agent !== undefined && (isHeld(agent) || world.principals.agentEnd(agent.agent, clock()) !== undefined)
  }
  const points = createEnforcementPoints({ trust, roles, audience: url, isStopped, clock })
  return serveHttps(listen, tls, authzenListener(parts, points, log), {
    clientAuthorities: () => [readFileSync(tls.caFile, 'utf8')],
    settings: SETTINGS,
    maxConnections: MAX_CONNECTIONS,
  })
}

function searchableOf(context: Context): Searchable {
  const { world, policies, barrier, followers } = context
  return {
    current: async (notBefore) => {
      await barrier()
      if (notBefore.length > 0) await waitFor(notBefore, followers)
    },
    agentsReaching: world.agentsReaching,
    reachOf: (agent) =>
      world.openTasksOf(agent).flatMap((id) => {
        const grant = world.tasks.get(id).state?.grant
        return grant ? [{ grant: grant.grant, details: grant.authorization_details }] : []
      }),
    actions: () => policies.live()?.actions ?? [],
    consider: (asked, asker) => outcomeOf(context, asked, asker),
  }
}
