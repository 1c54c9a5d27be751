/** What tests of life cycles need besides the house: streams, other replicas, proofs by new keys, things that come about. */
import { randomUUID } from 'node:crypto'
import type { Fact } from '@credence/contracts/events/catalog'
import {
  IdentityServiceClient,
  type RegisterAgentRequest,
  type RegisterAgentsRequest,
  type RegisterAgentsResponse,
  WatchAgentsRequest,
  type WatchAgentsResponse,
} from '@credence/contracts/gen/credence/identity/v1/identity'
import { fromStatus } from '@credence/shared/rpc/status'
import { clientCredentials } from '@credence/shared/rpc/tls'
import type { ClientReadableStream, ServiceError } from '@grpc/grpc-js'
import { SignJWT } from 'jose'
import { freePorts } from '../../../../infra/dev/ports.ts'
import { waitUntilServing } from '../../../../infra/dev/readiness.ts'
import { BLUEPRINT, described, type House } from './house.ts'
import type { Bent, Key } from './token-client.ts'

export type Lives = Awaited<ReturnType<typeof livesOf>>

/** A registration of the house's blueprint. */
export const registration = (key: Key, part: Partial<RegisterAgentRequest> = {}): RegisterAgentRequest => ({
  ...described(key),
  blueprint: BLUEPRINT,
  kind: 'AGENT_KIND_EPHEMERAL',
  autonomy: 'AGENT_AUTONOMY_DELEGATED',
  ...part,
})

/** Status, reason and first field of a refusal; what came instead when there was none. */
export const refusalOf = async (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    (answer) => ({ answered: answer }),
    ({ status, reason, violations }) => ({
      status,
      reason,
      ...(violations?.[0] ? { field: violations[0].field } : {}),
    }),
  )

/** Asks until the answer is as wanted; gives the last one when it never is. */
export async function until<T>(ask: () => Promise<T>, wanted: (answer: T) => boolean): Promise<T> {
  const deadline = Date.now() + 20_000
  for (;;) {
    const answer = await ask()
    if (wanted(answer) || Date.now() > deadline) return answer
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

export async function livesOf(house: House) {
  const { stack } = house
  const audience = `spiffe://${stack.trustDomain}/service/identity`
  const tls = await stack.workload('platform/workplace')
  const credentials = clientCredentials(tls.caFile, audience, tls)
  const closing: (() => void)[] = []
  const raw = new IdentityServiceClient(`127.0.0.1:${stack.ports.identityMesh}`, credentials)
  closing.push(() => raw.close())

  return {
    /** Sends all, as fast as the service takes them. @returns the answers, and the error when the call ended with one */
    registerAll: (requests: Iterable<RegisterAgentsRequest>) =>
      new Promise<{ answers: RegisterAgentsResponse[]; error?: unknown }>((resolve) => {
        const answers: RegisterAgentsResponse[] = []
        const call = raw.registerAgents()
        call.on('data', (answer: RegisterAgentsResponse) => answers.push(answer))
        call.on('error', (error: ServiceError) => resolve({ answers, error: fromStatus(error) }))
        call.on('end', () => resolve({ answers }))
        void (async () => {
          for (const request of requests)
            if (!call.write(request)) await new Promise((drained) => call.once('drain', drained))
          call.end()
        })()
      }),
    watch: (request: Partial<WatchAgentsRequest> = {}) =>
      watching(raw.watchAgents(WatchAgentsRequest.fromPartial(request))),
    /** The pseudonym of a person at the house's identity provider, placed in the company. */
    place: async (subject: string, part: { managerSubject?: string; groups?: string[]; displayName?: string } = {}) => {
      const place = { displayName: '', managerSubject: '', groups: [], ...part }
      return (await house.platform.placeHuman({ issuer: stack.idpIssuer, subject, ...place })).humanId
    },
    /** A JWT by the new key that it is in the agent's hands. */
    keyProof: (spiffeId: string, key: Key, previous: string, bent: Bent = {}): Promise<string> =>
      new SignJWT({
        iss: spiffeId,
        sub: spiffeId,
        aud: audience,
        previous,
        jti: randomUUID(),
        iat: Math.floor(Date.now() / 1000),
        ...bent.claims,
      })
        .setProtectedHeader({ alg: key.algorithm, typ: 'key-proof+jwt', ...bent.header })
        .sign(bent.signer ?? key.privateKey),
    /** Another replica of identity. @returns clients that reach only it */
    replica: async (environment: Record<string, string> = {}) => {
      const [mesh = 0, open = 0, http = 0] = await freePorts(3)
      const running = stack.spawn(`identity-${mesh}`, 'services/identity/src/main.ts', {
        ...(await stack.environment('identity')),
        CREDENCE_GRPC_LISTEN: `127.0.0.1:${mesh}`,
        CREDENCE_GRPC_PUBLIC_LISTEN: `127.0.0.1:${open}`,
        CREDENCE_HTTP_LISTEN: `127.0.0.1:${http}`,
        ...environment,
      })
      await waitUntilServing(running, `localhost:${open}`, tls.caFile)
      return { running, platform: house.connect(`127.0.0.1:${mesh}`, credentials) }
    },
    /** Facts of these types, with who did it, as they were recorded. */
    recorded: async (...types: Fact['type'][]) =>
      (await house.read('IDENTITY')).flatMap((commit) =>
        commit.facts.flatMap(({ type, data }) =>
          types.includes(type) ? [{ type, data: data as Record<string, unknown>, commit }] : [],
        ),
      ),
    close: () => {
      for (const close of closing) close()
    },
  }
}

/** A stream, read message by message. */
function watching(call: ClientReadableStream<WatchAgentsResponse>) {
  // Cancelled by the test, it fails after nobody listens any more.
  call.on('error', () => undefined)
  const messages = call[Symbol.asyncIterator]()
  const next = async (): Promise<WatchAgentsResponse> => {
    const { value, done } = await messages.next().catch((error) => {
      throw fromStatus(error)
    })
    if (done) throw new Error('the stream ended')
    return value
  }
  return {
    next,
    /** All that was there, up to the message that says so. */
    there: async () => {
      const found: WatchAgentsResponse[] = []
      for (;;) {
        const message = await next()
        if (message.current) return { found, position: message.position }
        found.push(message)
      }
    },
    cancel: () => call.cancel(),
  }
}
