/** The demo company’s OpenID provider, as its own process: somebody else’s product, so its storage is in memory. */
import { createPrivateKey, generateKeyPairSync, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import { type Configuration, errors, type KoaContextWithOIDC, Provider } from 'oidc-provider'
import { z } from 'zod'
import { loginPage } from './pages.ts'
import { findPerson, readPeople } from './people.ts'

const environment = z
  .object({
    DEMO_IDP_LISTEN: z.string(),
    DEMO_IDP_ISSUER: z.url(),
    DEMO_IDP_AUDIENCE: z.url(),
    DEMO_IDP_PEOPLE_FILE: z.string(),
    // Credence as a client: where it wants people back, and the public key by which it proves itself.
    DEMO_IDP_CREDENCE_REDIRECT_URI: z.url(),
    DEMO_IDP_CREDENCE_JWKS_FILE: z.string(),
    DEMO_IDP_TLS_CERT_FILE: z.string(),
    DEMO_IDP_TLS_KEY_FILE: z.string(),
  })
  .parse(process.env)

const people = readPeople(environment.DEMO_IDP_PEOPLE_FILE)
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const TOKEN_SECONDS = 8 * 3600

const configuration: Configuration = {
  clients: [
    {
      client_id: 'credence-cli',
      client_name: 'Credence command line',
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code'],
      response_types: ['code'],
      redirect_uris: ['http://127.0.0.1/callback'],
      id_token_signed_response_alg: 'ES256',
    },
    {
      client_id: 'credence',
      client_name: 'Credence',
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'ES256',
      jwks: JSON.parse(readFileSync(environment.DEMO_IDP_CREDENCE_JWKS_FILE, 'utf8')),
      grant_types: ['authorization_code'],
      response_types: ['code'],
      redirect_uris: [environment.DEMO_IDP_CREDENCE_REDIRECT_URI],
      id_token_signed_response_alg: 'ES256',
    },
  ],
  // How and when somebody signed in stands in every ID token.
  claims: { openid: ['sub', 'acr', 'amr', 'auth_time'], profile: ['name', 'groups'] },
  jwks: {
    keys: [
      {
        ...createPrivateKey(privateKey.export({ type: 'pkcs8', format: 'pem' })).export({ format: 'jwk' }),
        use: 'sig',
        alg: 'ES256',
      } as never,
    ],
  },
  responseTypes: ['code'],
  pkce: { required: () => true },
  cookies: {
    keys: [randomBytes(32).toString('hex')],
    // Cookies know no ports: beside Credence on localhost, they need names of their own.
    names: { session: 'acme_session', interaction: 'acme_interaction', resume: 'acme_resume' },
  },
  interactions: { url: (_ctx, interaction) => `/login/${interaction.uid}` },
  ttl: {
    AccessToken: TOKEN_SECONDS,
    Interaction: 600,
    Session: TOKEN_SECONDS,
    Grant: TOKEN_SECONDS,
    AuthorizationCode: 60,
    IdToken: 600,
  },
  findAccount: (_ctx, subject) => {
    const person = people.find((one) => one.subject === subject)
    return (
      person && { accountId: subject, claims: async () => ({ sub: subject, name: person.name, groups: person.groups }) }
    )
  },
  // RFC 9068 §2.2.1: in access tokens as well.
  extraTokenClaims: async (ctx, token) => {
    const person = people.find((one) => 'accountId' in token && one.subject === token.accountId)
    const { acr, amr, authTime: auth_time } = ctx.oidc.entities.AuthorizationCode ?? {}
    return person && { name: person.name, groups: person.groups, acr, amr, auth_time }
  },
  // The company’s own client: consent is not asked again.
  loadExistingGrant: async (ctx: KoaContextWithOIDC) => {
    const { client, session, provider } = ctx.oidc
    const grant = new provider.Grant({ clientId: client?.clientId, accountId: session?.accountId })
    grant.addOIDCScope('openid profile')
    grant.addResourceScope(environment.DEMO_IDP_AUDIENCE, 'credence')
    await grant.save()
    return grant
  },
  features: {
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: async (_ctx, resource) => {
        if (resource !== environment.DEMO_IDP_AUDIENCE) throw new errors.InvalidTarget()
        return {
          scope: 'credence',
          audience: resource,
          accessTokenTTL: TOKEN_SECONDS,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'ES256' } },
        }
      },
      useGrantedResource: async () => true,
    },
  },
}

const provider = new Provider(environment.DEMO_IDP_ISSUER, configuration)
const engine = provider.callback()

async function login(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const details = await provider.interactionDetails(request, response)
  // A native application is asked for consent each time (RFC 8252 §8.6); the company has given it for its own.
  if (details.prompt.name === 'consent')
    return provider.interactionFinished(request, response, { consent: {} }, { mergeWithLastSubmission: true })
  const action = `/login/${details.uid}`
  const client = await provider.Client.find(String(details.params.client_id))
  const show = (status: number, problem?: string) => {
    response.writeHead(status, {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; form-action *; frame-ancestors 'none'",
    })
    response.end(loginPage(action, client?.clientName ?? 'an application', problem))
  }
  if (request.method !== 'POST') return show(200)
  const form = new URLSearchParams(await readBody(request))
  const person = findPerson(people, form.get('login') ?? '', form.get('password') ?? '')
  if (!person) return show(401, 'User name and password do not match. Please try again.')
  const signIn = { acr: 'urn:acme:password', amr: ['pwd'] }
  await provider.interactionFinished(request, response, { login: { accountId: person.subject, ...signIn } })
}

async function readBody(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) {
    text += chunk
    if (text.length > 4_096) throw new Error('too large')
  }
  return text
}

const [host, port] = environment.DEMO_IDP_LISTEN.split(':')
const tls = {
  cert: readFileSync(environment.DEMO_IDP_TLS_CERT_FILE),
  key: readFileSync(environment.DEMO_IDP_TLS_KEY_FILE),
}
const server = createServer(tls, (request, response) => {
  if (!request.url?.startsWith('/login/')) return void engine(request, response)
  login(request, response).catch(() => {
    response
      .writeHead(400, { 'content-type': 'text/plain; charset=utf-8' })
      .end('This log-in has expired. Start again.')
  })
})
server.on('error', (error) => {
  process.stderr.write(`identity provider: cannot listen on ${environment.DEMO_IDP_LISTEN} (${error.message})\n`)
  process.exit(1)
})
server.listen(Number(port), host)
process.on('SIGTERM', () => process.exit(0))
