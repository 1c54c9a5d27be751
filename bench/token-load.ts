/**
 * The load generator of the token endpoint, in a thread of its own. Assertions and proofs are signed before the clock
 * starts, so that the client's signatures do not take the server's time; each is used once.
 */
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { parentPort } from 'node:worker_threads'
import { type CryptoKey, type JWK, SignJWT } from 'jose'
import { Pool } from 'undici'

/** What one agent needs for a request. */
export type Client = {
  spiffeId: string
  privateKey: CryptoKey
  publicJwk: JWK
  subjectToken: string
  resource: string
  grantId: string
}

/** `exchange`: with a grant that is open; `one-call`: the endpoint opens the task; `plain`: client_credentials. */
export type Kind = 'exchange' | 'one-call' | 'plain'

export type Order = {
  kind: Kind
  issuer: string
  caFile: string
  clients: Client[]
  requests: number
  inFlight: number
}
/** Latencies of each in milliseconds, the time for all, and how many were answered 503 (and are not among them). */
export type Answered = { samples: number[]; milliseconds: number; unavailable: number }
export type Done = Answered | { failure: string }

type Signed = { body: string; dpop: string }

const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
const TYPE = 'urn:ietf:params:oauth:'
const LIFE_SECONDS = 240

parentPort?.on('message', (order: Order) => {
  run(order).then(
    (done) => parentPort?.postMessage(done),
    (error) => parentPort?.postMessage({ failure: error instanceof Error ? error.message : String(error) }),
  )
})

async function run(order: Order): Promise<Answered> {
  const { issuer, clients, requests, inFlight } = order
  const signed: Signed[] = []
  for (let number = 0; number < requests; number++) signed.push(await sign(order, clients[number % clients.length]))
  const connect = { ca: readFileSync(order.caFile) }
  const pool = new Pool(issuer, { connections: inFlight, pipelining: 1, connect, keepAliveTimeout: 60_000 })
  const samples: number[] = []
  let unavailable = 0
  try {
    // Connections are opened, by requests that are refused, before the clock starts.
    await Promise.all(Array.from({ length: inFlight }, () => ask(pool, { body: '', dpop: 'x' })))
    const began = performance.now()
    const hand = async () => {
      for (let next = signed.pop(); next; next = signed.pop()) {
        const start = performance.now()
        const { status, text } = await ask(pool, next)
        if (status === 503) unavailable++
        else if (status !== 200) throw new Error(`${order.kind} was answered ${status}: ${text}`)
        else samples.push(performance.now() - start)
      }
    }
    await Promise.all(Array.from({ length: inFlight }, hand))
    return { samples, milliseconds: performance.now() - began, unavailable }
  } finally {
    await pool.destroy()
  }
}

async function ask(pool: Pool, { body, dpop }: Signed): Promise<{ status: number; text: string }> {
  const headers = { 'content-type': 'application/x-www-form-urlencoded', dpop }
  const answer = await pool.request({ method: 'POST', path: '/token', headers, body })
  return { status: answer.statusCode, text: await answer.body.text() }
}

async function sign({ kind, issuer }: Order, client: Client | undefined): Promise<Signed> {
  if (!client) throw new Error('there are no agents')
  const { spiffeId, privateKey, publicJwk } = client
  const assertion = await new SignJWT({ aud: issuer, iss: spiffeId, sub: spiffeId, jti: randomUUID() })
    .setProtectedHeader({ alg: 'ES256' })
    .setIssuedAt()
    .setExpirationTime(`${LIFE_SECONDS}s`)
    .sign(privateKey)
  const dpop = await new SignJWT({ htm: 'POST', htu: `${issuer}/token`, jti: randomUUID() })
    .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: publicJwk })
    .setIssuedAt()
    .sign(privateKey)
  const fields = {
    client_id: spiffeId,
    client_assertion_type: `${TYPE}client-assertion-type:jwt-bearer`,
    client_assertion: assertion,
  }
  const exchange = {
    grant_type: TOKEN_EXCHANGE,
    subject_token: client.subjectToken,
    subject_token_type: `${TYPE}token-type:jwt`,
    resource: client.resource,
  }
  const asked = {
    exchange: { ...exchange, grant_id: client.grantId },
    'one-call': exchange,
    plain: { grant_type: 'client_credentials' },
  }
  return { body: new URLSearchParams({ ...fields, ...asked[kind] }).toString(), dpop }
}
