/** Log-in of a person: authorization code with PKCE and a loopback redirect (RFC 8252 §7.3, RFC 7636). */
import { createServer, type Server } from 'node:http'
import { tlsFetch } from '@credence/sdk/tls-fetch'
import * as oauth from 'openid-client'
import type { Profile, Session } from './profile.ts'

const PAGE =
  '<!doctype html><html lang="en"><meta charset="utf-8"><title>Logged in</title><body style="font:1.1rem/1.5 system-ui;margin:3rem"><h1>You are logged in</h1><p>You can close this page and go back to the terminal.</p></body></html>'
const PATIENCE_MS = 180_000

/** @param open shows the URL to the person (or opens it) */
export async function logIn(profile: Profile, open: (url: string) => Promise<void> | void): Promise<Session> {
  const { issuer, client_id, audience } = profile.identity_provider
  const http = tlsFetch(profile.ca_file)
  try {
    const configuration = await oauth.discovery(new URL(issuer), client_id, undefined, oauth.None(), {
      [oauth.customFetch]: http.fetch as oauth.CustomFetch,
    })
    const verifier = oauth.randomPKCECodeVerifier()
    const state = oauth.randomState()
    const waiting = await waitForRedirect()
    const url = oauth.buildAuthorizationUrl(configuration, {
      redirect_uri: waiting.redirectUri,
      scope: 'openid',
      resource: audience,
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      state,
    })
    await open(url.href)
    const callback = await waiting.arrived
    const tokens = await oauth.authorizationCodeGrant(
      configuration,
      callback,
      { pkceCodeVerifier: verifier, expectedState: state },
      { resource: audience },
    )
    const expires = new Date(Date.now() + (tokens.expires_in ?? 0) * 1000)
    return { access_token: tokens.access_token, expires_at: expires.toISOString() }
  } finally {
    await http.close()
  }
}

/** Listens once on a free loopback port. */
async function waitForRedirect(): Promise<{ redirectUri: string; arrived: Promise<URL> }> {
  const server: Server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const redirectUri = `http://127.0.0.1:${(server.address() as { port: number }).port}/callback`
  const arrived = new Promise<URL>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('Nobody logged in within three minutes.')), PATIENCE_MS)
    server.on('request', (request, response) => {
      const url = new URL(request.url ?? '/', redirectUri)
      if (url.pathname !== '/callback') return response.writeHead(404).end()
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', connection: 'close' }).end(PAGE)
      clearTimeout(timer)
      resolve(url)
    })
  }).finally(() => server.close())
  return { redirectUri, arrived }
}
