/** The server as clients meet it that know nothing of it: `oauth4webapi` and `openid-client`, over real TLS. */
import { readFileSync } from 'node:fs'
import type { TlsFiles } from '@credence/shared/rpc/tls'
import * as oauth from 'oauth4webapi'
import * as openid from 'openid-client'
import { Agent, fetch as undiciFetch } from 'undici'
import type { House } from './house.ts'
import type { Holder } from './token-client.ts'

/** `fetch` that believes the CA of the stack, and shows a certificate when it has one. */
export function fetchWith(caFile: string, tls?: TlsFiles): { fetch: typeof fetch; close(): Promise<void> } {
  const pair = tls && { cert: readFileSync(tls.certFile), key: readFileSync(tls.keyFile) }
  const dispatcher = new Agent({ connect: { ca: readFileSync(caFile), ...pair } })
  const send = (input: string | URL, init?: object) => undiciFetch(input, { ...init, dispatcher } as object)
  return { fetch: send as unknown as typeof fetch, close: () => dispatcher.close() }
}

/** A client of `oauth4webapi`: with an agent’s key, or with the certificate of a workload. */
export async function webClient(house: House, by: Holder | { spiffeId: string; tls: TlsFiles }) {
  const { issuer, authority } = house.stack
  const { fetch: send, close } = fetchWith(authority.caFile, 'tls' in by ? by.tls : undefined)
  const options = { [oauth.customFetch]: send as never }
  const url = new URL(issuer)
  const server = await oauth.processDiscoveryResponse(
    url,
    await oauth.discoveryRequest(url, { algorithm: 'oauth2', ...options }),
  )
  const client: oauth.Client = { client_id: by.spiffeId }
  // The issuer is the only audience that this server takes (draft-ietf-oauth-rfc7523bis).
  const auth = 'tls' in by ? oauth.TlsClientAuth() : oauth.PrivateKeyJwt(by.key.privateKey)
  const DPoP = 'tls' in by ? undefined : oauth.DPoP(client, by.key)
  const request = { ...options, ...(DPoP ? { DPoP } : {}) }
  return {
    server,
    client,
    close,
    /** RFC 8693 */
    exchange: async (parameters: Record<string, string>) =>
      oauth.processGenericTokenEndpointResponse(
        server,
        client,
        await oauth.genericTokenEndpointRequest(
          server,
          client,
          auth,
          'urn:ietf:params:oauth:grant-type:token-exchange',
          parameters,
          request,
        ),
      ),
    /** RFC 9068 §4 and RFC 9449 §7.1, as a resource server would: by the keys that the metadata names. */
    validate: async (token: string, audience: string, holder: Holder, algorithm: string) => {
      const url = `${audience}/things`
      const handle = oauth.DPoP({}, holder.key)
      let seen: Request | undefined
      // The library makes the proof; the request goes nowhere.
      const catching = async (input: string, init: object) => {
        seen = new Request(input, init)
        return new Response()
      }
      await oauth.protectedResourceRequest(token, 'GET', new URL(url), undefined, undefined, {
        DPoP: handle,
        [oauth.customFetch]: catching as never,
      })
      if (!seen) throw new Error('no request')
      // The list is for the token and for the proof, which is by the agent’s key.
      const signingAlgorithms = [algorithm, holder.key.algorithm]
      return oauth.validateJwtAccessToken(server, seen, audience, { ...options, signingAlgorithms })
    },
    /** RFC 6749 §4.4 */
    clientCredentials: async (parameters: Record<string, string> = {}) =>
      oauth.processClientCredentialsResponse(
        server,
        client,
        await oauth.clientCredentialsGrantRequest(server, client, auth, parameters, request),
      ),
    /** RFC 7662 */
    introspect: async (token: string): Promise<oauth.IntrospectionResponse> =>
      oauth.processIntrospectionResponse(
        server,
        client,
        await oauth.introspectionRequest(server, client, auth, token, options),
      ),
    /** RFC 7009 */
    revoke: async (token: string, additionalParameters?: Record<string, string>): Promise<void> =>
      oauth.processRevocationResponse(
        await oauth.revocationRequest(server, client, auth, token, {
          ...options,
          ...(additionalParameters ? { additionalParameters } : {}),
        }),
      ),
  }
}

/** A configuration of `openid-client` for an agent, with its DPoP handle. */
export async function openidClient(house: House, holder: Holder) {
  const { fetch: send, close } = fetchWith(house.stack.authority.caFile)
  const configuration = await openid.discovery(
    new URL(house.stack.issuer),
    holder.spiffeId,
    { token_endpoint_auth_method: 'private_key_jwt', dpop_bound_access_tokens: true },
    openid.PrivateKeyJwt(holder.key.privateKey),
    { algorithm: 'oauth2', [openid.customFetch]: send as never },
  )
  return { configuration, DPoP: openid.getDPoPHandle(configuration, holder.key), close }
}
