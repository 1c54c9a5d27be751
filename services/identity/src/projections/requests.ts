/** Requests of agents for authority: by id, by the digest of their code, and how many of them weigh on somebody now. */
import { aggregates } from '@credence/shared/event-store/aggregates'
import type { RecordedCommit } from '@credence/shared/event-store/commit'
import { REQUEST_SECONDS, type Request, requestEvolution } from '../domain/request.ts'

export type Requests = ReturnType<typeof createRequests>

export function createRequests() {
  const requests = aggregates('identity', 'request', requestEvolution)
  const byCode = new Map<string, string>()
  /** Of each agent and each person, those whose time is not over; older ones fall out as new ones come. */
  const recent = new Map<string, Request[]>()
  const watchers = new Map<string, Set<() => void>>()

  const stands = (request: Request, now: Date): boolean => {
    const current = requests.get(request.request).state ?? request
    return current.state !== 'approved' && new Date(request.expires_at) > now
  }
  const of = (id: string | undefined, now: Date): Request[] =>
    (id === undefined ? [] : (recent.get(id) ?? [])).filter((request) => stands(request, now))
  const add = (id: string | undefined, request: Request) => {
    if (id === undefined) return
    const made = Date.parse(request.expires_at) - REQUEST_SECONDS * 1_000
    const earlier = (recent.get(id) ?? []).filter((other) => Date.parse(other.expires_at) > made)
    recent.set(id, [...earlier, request])
  }

  return {
    requests,
    apply: (commit: RecordedCommit) => {
      requests.apply(commit)
      for (const { type, data } of commit.facts) {
        if (type === 'credence.identity.request.made.v1') {
          const request: Request = { ...data, state: 'pending' }
          byCode.set(data.code_digest, data.request)
          add(data.agent, request)
          add(data.human, request)
        }
        if (type === 'credence.identity.request.approved.v1' || type === 'credence.identity.request.declined.v1') {
          for (const wake of watchers.get(data.request) ?? []) wake()
          watchers.delete(data.request)
        }
      }
    },
    get: (id: string) => requests.get(id).state,
    byCodeDigest: (digest: string) => requests.get(byCode.get(digest) ?? '').state,
    /**
     * How many weigh on an agent and on a person now (RFC 10027: limit them). One that was declined counts until its time
     * is over: who was told no cannot ask again at once.
     */
    waiting: (agent: string, human: string | undefined, now: Date) => ({
      agent: of(agent, now).length,
      human: of(human, now).length,
    }),
    /** Those that wait for the answer of this very person. */
    waitingFor: (human: string, now: Date) =>
      of(human, now).filter(({ request }) => requests.get(request).state?.state === 'pending'),
    /** Resolves when it was answered, and at the latest after `ms`. */
    answered: (id: string, ms: number, signal?: AbortSignal) =>
      new Promise<void>((resolve) => {
        const waiting = watchers.get(id) ?? new Set()
        const end = () => {
          clearTimeout(timer)
          waiting.delete(end)
          if (waiting.size === 0) watchers.delete(id)
          resolve()
        }
        const timer = setTimeout(end, ms)
        signal?.addEventListener('abort', end, { once: true })
        watchers.set(id, waiting.add(end))
      }),
  }
}
