/** Who calls our APIs, and what they may: client certificate, bearer token or agent proof → caller → roles. */
import type { PeerCertificate } from 'node:tls'
import { forbidden, unauthenticated } from '@credence/contracts/errors'
import type { SignIn } from '@credence/contracts/events/identity'
import type { Actor } from '../event-store/commit.ts'
import { spiffeIdOf } from '../rpc/tls.ts'
import type { VerifyAgentProof } from './agent-proof.ts'
import type { VerifyBearer } from './bearer.ts'
import type { Role, Roles } from './roles.ts'

export type Caller = (
  | { kind: 'workload'; id: string; roles: ReadonlySet<Role> }
  /** `id` is the pseudonym; `signIn` is there when the access token says how and when they signed in. */
  | { kind: 'human'; id: string; roles: ReadonlySet<Role>; signIn?: SignIn | undefined }
  /** `id` is the SPIFFE ID, `agent` the agent's own id; `keyThumbprint` tells by which of its keys it proved itself. */
  | { kind: 'agent'; id: string; agent: string; keyThumbprint: string; roles: ReadonlySet<Role> }
) & {
  /** IP address of its socket; undefined when that is gone. */
  address?: string
}

/** Who may call a method: roles, any `agent`, any `human`. */
export type Access = Role | 'agent' | 'human'

export type Credentials = {
  certificate: PeerCertificate | undefined
  bearer: string | undefined
  agentProof: string | undefined
  /** The method, and the exact bytes of its request. */
  path: string
  request: Uint8Array
}

export type Authenticate = (credentials: Credentials) => Promise<Caller>

/** A credential inside the call counts before the certificate of the connection. */
export function createAuthenticate(parts: {
  roles: Roles
  verifyBearer: VerifyBearer
  verifyAgentProof: VerifyAgentProof
}): Authenticate {
  return async ({ certificate, bearer, agentProof, path, request }) => {
    if (agentProof && bearer)
      throw unauthenticated('two_credentials', 'Send an agent proof or a bearer token, not both.')
    if (agentProof) {
      const proven = await parts.verifyAgentProof(agentProof, path, request)
      return { kind: 'agent', ...proven, roles: new Set() }
    }
    if (bearer) {
      const human = await parts.verifyBearer(bearer)
      const { id, issuer, groups, signIn } = human
      return { kind: 'human', id, roles: parts.roles.ofGroups(issuer, groups), signIn }
    }
    const id = spiffeIdOf(certificate)
    if (id) return { kind: 'workload', id, roles: parts.roles.ofWorkload(id) }
    throw unauthenticated('no_credential', 'Show a client certificate, a bearer token or an agent proof.')
  }
}

/** @throws CredenceError `permission_denied` naming what would be enough */
export function refuseUnless(caller: Caller, allow: readonly Access[]): void {
  const permitted = allow.some((access) => access === caller.kind || caller.roles.has(access as Role))
  if (!permitted) throw forbidden('role_missing', `This call is for: ${allow.join(', ')}.`)
}

export const actorOf = (caller: Caller): Actor => ({ kind: caller.kind, id: caller.id })
