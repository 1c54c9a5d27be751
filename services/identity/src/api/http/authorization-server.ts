/** The authorization server: the engine, what its grants issue, and the seam to the page that asks a person. */
import type { Roles } from '@credence/shared/callers/roles'
import type { Provider } from 'oidc-provider'
import type { Interactions } from '../context.ts'
import { registerClientCredentials } from './client-credentials.ts'
import { registerCodeGrant } from './code-grant.ts'
import { createEngine, type EngineParts } from './engine.ts'
import { registerTokenExchange } from './exchange.ts'
import { createInteractions } from './interactions.ts'
import { registerIntrospection } from './introspection.ts'
import { registerRevocation } from './revocation.ts'
import type { TokenParts } from './token-endpoint.ts'

export function createAuthorizationServer(parts: EngineParts & TokenParts & { roles: Roles }): {
  engine: Provider
  interactions: Interactions
} {
  const engine = createEngine(parts)
  registerTokenExchange(engine, parts)
  registerClientCredentials(engine, parts)
  registerCodeGrant(engine, parts)
  registerIntrospection(engine, parts)
  registerRevocation(engine, parts)
  return { engine, interactions: createInteractions(engine, parts.store, parts.principals) }
}
