/** From a delegation to an access token for one resource: RFC 8693 exchange, RFC 9449 DPoP, private_key_jwt. */
import type { AuthorizationDetail } from '@credence/contracts/authority'
import { unauthenticated } from '@credence/contracts/errors'
import type { Trigger } from '@credence/contracts/events/values'
import * as oauth from 'openid-client'
import type { AgentKey } from './key.ts'

export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'

export type Exchange = {
  delegationToken: string
  grantId: string
  /** The resource server (RFC 8707). */
  resource: string
  /** Position that the exchange must not be older than. */
  notBefore?: string
}

/** What a token may be had for when no task is open: one request opens the task and gets the token. */
export type Work = {
  /** A delegation token; or the person’s own access token, when they delegated to this agent. */
  subject: { delegationToken: string } | { personToken: string; delegationId?: string }
  /** The resource server (RFC 8707). */
  resource: string
  /** Absent: all that the delegation holds for this resource. */
  authorizationDetails?: AuthorizationDetail[]
  /** What made the agent act. Absent: this very request. */
  trigger?: Trigger
  /** Absent: that of the delegation. */
  purpose?: string
  lifetimeSeconds?: number
  /** Position that the exchange must not be older than. */
  notBefore?: string
}

export type Begun = {
  token: AccessToken
  taskId: string
  grantId: string
  granted: AuthorizationDetail[]
  dropped: { detail: AuthorizationDetail; reason: string }[]
}

export type AccessToken = { value: string; resource: string; expiresAt: Date }

export type Tokens = {
  /** @throws openid-client ResponseBodyError with the OAuth error of the authorization server */
  exchange(wanted: Exchange): Promise<AccessToken>
  /** Opens a task and gets a token for it, in one request. @throws the same */
  begin(work: Work): Promise<Begun>
  /** Gives a token back before its time (RFC 7009); with a delegation token the delegation ends. */
  revoke(token: string): Promise<void>
  /** Calls a resource with token and a fresh proof. */
  call(token: AccessToken, method: string, url: string, body?: unknown): Promise<Response>
}

export async function openTokens(options: {
  issuer: string
  spiffeId: string
  key: AgentKey
  fetch: typeof fetch
}): Promise<Tokens> {
  const { key } = options
  const configuration = await oauth.discovery(
    new URL(options.issuer),
    options.spiffeId,
    { token_endpoint_auth_method: 'private_key_jwt', dpop_bound_access_tokens: true },
    oauth.PrivateKeyJwt(key.privateKey),
    { algorithm: 'oauth2', [oauth.customFetch]: options.fetch as oauth.CustomFetch },
  )
  // RFC 8414 §3.3: identical, character by character; the library takes what is the same URL.
  const { issuer } = configuration.serverMetadata()
  if (issuer !== options.issuer)
    throw unauthenticated('other_issuer', `${options.issuer} says that it is another issuer: nothing is signed for it.`)
  const DPoP = oauth.getDPoPHandle(configuration, key)
  const request = async (parameters: Record<string, string>) => {
    const answer = await oauth.genericGrantRequest(configuration, TOKEN_EXCHANGE, parameters, { DPoP })
    const expiresAt = new Date(Date.now() + (answer.expires_in ?? 0) * 1000)
    const token = { value: answer.access_token, resource: parameters.resource ?? '', expiresAt }
    return { token, answer: answer as unknown as Answer }
  }
  return {
    exchange: async ({ delegationToken, grantId, resource, notBefore }) => {
      const parameters = {
        subject_token: delegationToken,
        subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
        resource,
        grant_id: grantId,
        ...(notBefore ? { not_before: notBefore } : {}),
      }
      return (await request(parameters)).token
    },
    begin: async (work) => {
      const { token, answer } = await request(parametersOf(work))
      return {
        token,
        taskId: answer.task_id,
        grantId: answer.grant_id,
        granted: answer.authorization_details,
        dropped: answer.authorization_details_dropped ?? [],
      }
    },
    revoke: (token) => oauth.tokenRevocation(configuration, token),
    call: async (token, method, url, body) => {
      const headers = new Headers(body === undefined ? {} : { 'content-type': 'application/json' })
      const text = body === undefined ? undefined : JSON.stringify(body)
      try {
        return await oauth.fetchProtectedResource(configuration, token.value, new URL(url), method, text, headers, {
          DPoP,
        })
      } catch (error) {
        // A refusal is an answer: hand it back as it came.
        if (error instanceof oauth.WWWAuthenticateChallengeError) return error.response
        throw error
      }
    },
  }
}

/** Members of ours in the answer of the token endpoint. */
type Answer = {
  task_id: string
  grant_id: string
  authorization_details: AuthorizationDetail[]
  authorization_details_dropped?: Begun['dropped']
}

function parametersOf({ subject, trigger, ...work }: Work): Record<string, string> {
  const { authorizationDetails, purpose, lifetimeSeconds, notBefore } = work
  const optional = {
    authorization_details: authorizationDetails && JSON.stringify(authorizationDetails),
    delegation_id: 'personToken' in subject ? subject.delegationId : undefined,
    trigger_type: trigger?.type,
    trigger_source: trigger?.source,
    trigger_id: trigger?.id,
    trigger_digest: trigger?.digest,
    purpose,
    task_lifetime: lifetimeSeconds?.toString(),
    not_before: notBefore,
  }
  const given = Object.entries(optional).filter((entry): entry is [string, string] => entry[1] !== undefined)
  const type = 'personToken' in subject ? 'access_token' : 'jwt'
  return {
    subject_token: 'personToken' in subject ? subject.personToken : subject.delegationToken,
    subject_token_type: `urn:ietf:params:oauth:token-type:${type}`,
    resource: work.resource,
    ...Object.fromEntries(given),
  }
}
