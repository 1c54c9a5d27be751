/**
 * The seam between the engine and the page that asks a person (RFC 6749 §4.1.1): the engine remembers the pushed
 * request under the cookie of the browser, the page answers for the person, and the engine sends the browser back to
 * the agent with a code, or with `access_denied`.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { notFound, precondition, unavailable } from '@credence/contracts/errors'
import { errors, type Provider } from 'oidc-provider'
import type { Principals } from '../../projections/principals.ts'
import type { DelegationAsked, Interactions, OAuthStore } from '../context.ts'
import { readAsked } from './pushed-request.ts'

type Interaction = { uid: string; parJti?: string; params: Record<string, unknown> }

export function createInteractions(provider: Provider, store: OAuthStore, principals: Principals): Interactions {
  async function find(request: IncomingMessage, response: ServerResponse): Promise<Interaction> {
    try {
      const found = (await provider.interactionDetails(request, response)) as unknown as Interaction
      // The cookie is of this very interaction, not of another that the browser began later.
      if (request.url?.split('?')[0]?.split('/').includes(found.uid)) return found
    } catch (error) {
      if (!(error instanceof errors.SessionNotFound)) throw unavailable('oauth_store_down', 'Try again.', error)
    }
    throw notFound('interaction', 'of this browser')
  }
  /** One pushed request is answered once, in however many windows it was opened (RFC 9126 §4). */
  const answerOf = ({ uid, parJti }: Interaction) => parJti ?? uid
  const once = async (answer: string) => {
    if (!(await store.claim('Answer', answer))) throw precondition('request_answered', 'This was answered already.')
  }
  return {
    details: async (request, response) => asked(await find(request, response), principals),
    approve: async (request, response, { human, delegate }) => {
      const answer = answerOf(await find(request, response))
      await once(answer)
      const delegation = await delegate().catch(async (error) => {
        await store.remove('Answer', answer)
        throw error
      })
      const login = { accountId: human, remember: false }
      return provider.interactionResult(request, response, { login, consent: { grantId: delegation } })
    },
    decline: async (request, response, { reported } = { reported: false }) => {
      await once(answerOf(await find(request, response)))
      const declined = { error: 'access_denied', error_description: 'The person does not agree.', reported }
      return provider.interactionResult(request, response, declined)
    },
  }
}

function asked({ uid, params }: Interaction, principals: Principals): DelegationAsked {
  const agent = principals.bySpiffeId(String(params.client_id))
  if (!agent) throw notFound('agent', String(params.client_id))
  return { uid, agent, redirectUri: String(params.redirect_uri), ...readAsked(params) }
}
