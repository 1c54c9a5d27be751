/** Requests of agents for authority: by id, by the digest of their code, and how many of them weigh on somebody now. */
import { createChanges } from '@credence/shared/changes'
import { aggregates } from '@credence/shared/event-store/aggregates'
import type { ReadModel } from '@credence/shared/event-store/read-model'
import { REQUEST_SECONDS, type Request, requestEvolution } from '../domain/request.ts'

export type Requests = ReturnType<typeof createRequests>

export function createRequests() {
  const requests = aggregates('identity', 'request', requestEvolution)
  const byCode = new Map<string, string>()
  /** Of each agent and each person, those whose time is not over; older ones fall out as new ones come. */
  const recent = new Map<string, Request[]>()
  const changes = createChanges()

  const add = (id: string | undefined, request: Request) => {
    if (id === undefined) return
    const made = Date.parse(request.expires_at) - REQUEST_SECONDS * 1_000
    const earlier = (recent.get(id) ?? []).filter((other) => Date.parse(other.expires_at) > made)
    recent.set(id, [...earlier, request])
  }
  const addEverywhere = (request: Request) => {
    byCode.set(request.code_digest, request.request)
    add(request.agent, request)
    add(request.human, request)
  }
  const index: ReadModel = {
    name: 'identity/request-index',
    apply: ({ facts }) => {
      for (const { type, data } of facts) {
        if (type === 'credence.identity.request.made.v1') addEverywhere({ ...data, state: 'pending' })
        if (type === 'credence.identity.request.approved.v1' || type === 'credence.identity.request.declined.v1')
          changes.happened(data.request)
      }
    },
    // It follows from the requests, which are taken back before it, in their order.
    dump: () => ['requests'],
    load: () => {
      for (const [, request] of requests.all()) if (request) addEverywhere(request)
    },
    clear: () => {
      byCode.clear()
      recent.clear()
    },
  }

  const get = (id: string) => requests.get(id).state
  const weighing = (id: string | undefined, now: Date): Request[] =>
    (id === undefined ? [] : (recent.get(id) ?? [])).flatMap(({ request, expires_at }) => {
      const current = new Date(expires_at) > now ? get(request) : undefined
      return current && current.state !== 'approved' ? [current] : []
    })

  return {
    models: [requests, index] as const satisfies ReadModel[],
    requests,
    get,
    byCodeDigest: (digest: string) => get(byCode.get(digest) ?? ''),
    /**
     * How many weigh on an agent and on a person now (RFC 10027: limit them). One that was declined counts until its time
     * is over: who was told no cannot ask again at once.
     */
    waiting: (agent: string, human: string | undefined, now: Date) => ({
      agent: weighing(agent, now).length,
      human: weighing(human, now).length,
    }),
    /** Those that wait for the answer of this very person. */
    waitingFor: (human: string, now: Date) => weighing(human, now).filter(({ state }) => state === 'pending'),
    /** Resolves when it was answered, and at the latest after `ms`. */
    answered: changes.next,
  }
}
