/** Metadata (RFC 8414): everything that it says is so, and what is served stands in it. */
import { calculateJwkThumbprint } from 'jose'
import * as oauth from 'oauth4webapi'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { detail } from '../../../../../infra/testing/facts.ts'
import { tlsFetch } from '../../../../../packages/sdk/src/tls-fetch.ts'
import { type House, openHouse, type Worker } from '../../testing/house.ts'
import { CHALLENGE, newKey, REDIRECT_URI, tokenClient } from '../../testing/token-client.ts'

let house: House
let worker: Worker
let http: ReturnType<typeof tokenClient>
let fetching: ReturnType<typeof tlsFetch>
let server: oauth.AuthorizationServer

beforeAll(async () => {
  house = await openHouse()
  http = tokenClient(house.stack.issuer, house.stack.authority.caFile)
  fetching = tlsFetch(house.stack.authority.caFile)
  worker = await house.worker()
  const issuer = new URL(house.stack.issuer)
  const options = { algorithm: 'oauth2' as const, [oauth.customFetch]: fetching.fetch }
  server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, options))
}, 120_000)
afterAll(async () => {
  await fetching?.close()
  await house?.close()
}, 60_000)

const METADATA = '/.well-known/oauth-authorization-server'
const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange'

describe('metadata', () => {
  it('metadata-tells-truth: RFC 8414 §2, every endpoint, method and type in it works, and no other', async () => {
    const { issuer } = house.stack
    const endpoints = Object.entries(server).filter(([name]) => /_endpoint$|^jwks_uri$/.test(name))
    expect(Object.fromEntries(endpoints)).toMatchObject({
      authorization_endpoint: `${issuer}/authorize`,
      pushed_authorization_request_endpoint: `${issuer}/par`,
      token_endpoint: `${issuer}/token`,
      jwks_uri: `${issuer}/jwks`,
    })
    for (const [name, url] of endpoints) {
      const { pathname, origin } = new URL(String(url))
      expect(origin).toBe(issuer)
      const method = /^(jwks_uri|authorization_endpoint)$/.test(name) ? 'GET' : 'POST'
      expect((await http.raw({ path: pathname, method })).status, name).not.toBe(404)
    }
    // No attester is configured: that way in is closed, and nobody is told of it.
    expect(server.challenge_endpoint).toBeUndefined()
    expect((await http.raw({ path: '/challenge' })).status).toBe(404)
    for (const path of [
      '/.well-known/openid-configuration',
      '/userinfo',
      '/reg',
      '/me',
      '/device/auth',
      '/session/end',
    ])
      for (const method of ['GET', 'POST']) expect((await http.raw({ path, method })).status, path).toBe(404)
  })

  it('metadata-grants: RFC 8414 §2 grant_types_supported, each is known to the token endpoint, and others are not', async () => {
    expect(server.grant_types_supported).toEqual(expect.arrayContaining([exchange, 'authorization_code']))
    for (const grant_type of server.grant_types_supported ?? [])
      expect((await http.exchange(worker, { grant_type })).error, grant_type).not.toBe('unsupported_grant_type')
    for (const grant_type of [
      'implicit',
      'password',
      'refresh_token',
      'urn:ietf:params:oauth:grant-type:jwt-bearer',
      'x',
    ]) {
      expect(server.grant_types_supported).not.toContain(grant_type)
      expect((await http.exchange(worker, { grant_type })).error, grant_type).toBe('unsupported_grant_type')
    }
  })

  it('metadata-client-authentication: RFC 8414 §2, no method with a secret, and none without proof', async () => {
    const methods = server.token_endpoint_auth_methods_supported
    expect(methods).toEqual(['private_key_jwt', 'tls_client_auth', 'spiffe_x509', 'spiffe_jwt'])
    expect(server.token_endpoint_auth_signing_alg_values_supported).toEqual(['ES256', 'EdDSA'])
    expect(server).toMatchObject({
      introspection_endpoint_auth_methods_supported: methods,
      revocation_endpoint_auth_methods_supported: methods,
    })
    const basic = `Basic ${Buffer.from(`${encodeURIComponent(worker.spiffeId)}:x`).toString('base64')}`
    const none = { client_assertion: undefined, client_assertion_type: undefined }
    for (const [fields, headers] of [
      [none, {}],
      [{ ...none, client_secret: 'x' }, {}],
      [none, { authorization: basic }],
    ] as const) {
      const answer = await http.send(await http.form(worker, fields), await http.proof(worker), headers)
      expect([400, 401]).toContain(answer.status)
      expect(['invalid_client', 'invalid_request']).toContain(answer.error)
    }
    for (const kind of server.token_endpoint_auth_signing_alg_values_supported ?? []) {
      const holder = await house.worker(kind as 'ES256')
      expect(await http.exchange(holder)).toMatchObject({ status: 200 })
    }
  })

  it('metadata-dpop: RFC 9449 §5.1, proofs by each algorithm that stands there', async () => {
    expect(server.dpop_signing_alg_values_supported).toEqual(['ES256', 'EdDSA'])
    expect(server.tls_client_certificate_bound_access_tokens).toBe(true)
  })

  it('metadata-code-flow: RFC 9126 §5, RFC 9207 §3, RFC 7636 §4.3: what it says of the authorization endpoint is so', async () => {
    expect(server).toMatchObject({
      require_pushed_authorization_requests: true,
      authorization_response_iss_parameter_supported: true,
      code_challenge_methods_supported: ['S256'],
      response_types_supported: ['code'],
      response_modes_supported: ['query'],
      authorization_details_types_supported: ['agent_permission'],
    })
    const plain = new URLSearchParams({
      client_id: worker.spiffeId,
      response_type: 'code',
      redirect_uri: REDIRECT_URI,
      code_challenge: CHALLENGE,
      code_challenge_method: 'S256',
    })
    const { head } = await http.raw({ method: 'GET', path: `/authorize?${plain}` })
    const location = new URL(/^location: (\S+)/im.exec(head)?.[1] ?? '')
    // RFC 9207 §2.4: a standard client takes the refusal from us, and would not from another issuer.
    const client = { client_id: worker.spiffeId }
    expect(() => oauth.validateAuthResponse(server, client, location, oauth.expectNoState)).toThrow(
      oauth.AuthorizationResponseError,
    )
    const other = { ...server, issuer: 'https://other.example' }
    expect(() => oauth.validateAuthResponse(other, client, location, oauth.expectNoState)).toThrow(/iss/)
  })

  it('metadata-names: RFC 8414 §3.3, under one name only, the same whatever the Host header says', async () => {
    expect(server.issuer).toBe(house.stack.issuer)
    for (const host of ['evil.example', `127.0.0.1:${new URL(house.stack.issuer).port}`])
      expect((await http.raw({ method: 'GET', path: METADATA, headers: { host } })).status).toBe(421)
    const forwarded = { 'x-forwarded-host': 'evil.example', forwarded: 'host=evil.example' }
    const { text } = await http.raw({ method: 'GET', path: METADATA, headers: forwarded })
    expect(text).not.toContain('evil')
    expect(JSON.parse(text)).toEqual(server)
  })
})

describe('a standard client', () => {
  it('par-standard-client: RFC 9126 §2, RFC 9449 §10.1, oauth4webapi pushes a request with a proof and its nonce', async () => {
    const client: oauth.Client = { client_id: worker.spiffeId }
    const { privateKey, publicKey } = worker.key
    const authentication = oauth.PrivateKeyJwt(privateKey, {
      [oauth.modifyAssertion]: (_header, payload) => {
        payload.aud = server.issuer
      },
    })
    const DPoP = oauth.DPoP(client, { privateKey, publicKey })
    const push = async (fields: Record<string, string>) => {
      const parameters = new URLSearchParams({
        response_type: 'code',
        redirect_uri: REDIRECT_URI,
        code_challenge: CHALLENGE,
        code_challenge_method: 'S256',
        authorization_details: JSON.stringify([detail()]),
        delegation_purpose: 'Book the team meeting',
        delegation_lifetime: '3600',
        ...fields,
      })
      const options = { DPoP, [oauth.customFetch]: fetching.fetch }
      const response = await oauth.pushedAuthorizationRequest(server, client, authentication, parameters, options)
      return oauth.processPushedAuthorizationResponse(server, client, response)
    }
    expect(await push({})).toMatchObject({ expires_in: 60, request_uri: expect.any(String) })
    // The second proof carries the nonce that came with the first answer.
    expect(await push({})).toMatchObject({ expires_in: 60 })
    await expect(push({ redirect_uri: 'https://evil.example/' })).rejects.toMatchObject({ error: 'invalid_request' })
    expect(await calculateJwkThumbprint(worker.key.publicJwk)).toBe(worker.key.thumbprint)
    const stranger = await newKey()
    const forged = oauth.PrivateKeyJwt(stranger.privateKey)
    const response = await oauth.pushedAuthorizationRequest(server, client, forged, new URLSearchParams(), {
      [oauth.customFetch]: fetching.fetch,
    })
    await expect(oauth.processPushedAuthorizationResponse(server, client, response)).rejects.toMatchObject({
      error: 'invalid_client',
    })
  })
})
