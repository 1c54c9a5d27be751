/**
 * Refusals of the OAuth endpoints: how they are said, and how they are recorded before the answer leaves. The same
 * refusal of an unknown client within ten seconds is counted, and only so many names are told apart, so that a flood of
 * requests is not a flood of records.
 */
import { GrantId } from '@credence/contracts/events/values'
import type { Clock } from '@credence/shared/clock'
import type { Writer } from '@credence/shared/event-store/aggregates'
import { type Log, messageOf } from '@credence/shared/log'
import { errors } from 'oidc-provider'

/** An OAuth error with the reason that goes into the record. */
export class Refused extends errors.CustomOIDCProviderError {
  readonly reason: string
  constructor(code: string, reason: string, description: string) {
    super(code, printable(description))
    this.reason = reason
  }
}

/** RFC 6749 §5.2: what an error_description may hold. */
const printable = (text: string) =>
  text
    .replaceAll('’', "'")
    .replaceAll('"', "'")
    .replace(/[^\x20-\x5b\x5d-\x7e]/g, '?')
    .slice(0, 500)

/** Neither yes nor no: 503, and nothing was issued. */
export function unavailable(cause: unknown): Error {
  const error = new errors.CustomOIDCProviderError(
    'temporarily_unavailable',
    'Something that is needed does not answer; nothing was issued. Try again.',
  )
  return Object.assign(error, { status: 503, statusCode: 503, expose: true, cause })
}

/** Errors whose record was written where they were thrown. */
export const recorded = new WeakSet<object>()

export type Refusal = {
  /** The agent, once it has proved who it is. */
  agent?: string | undefined
  /** The name that an unproved client gave itself. */
  client: string
  error: string
  reason: string
  audience?: string | undefined
  grant?: string | undefined
}

/** What a request was about, as far as its parameters may stand in the record. */
export const targetOf = ({ resource, grant_id }: Record<string, unknown>): Pick<Refusal, 'audience' | 'grant'> => ({
  audience: typeof resource === 'string' ? resource.slice(0, 256) : undefined,
  grant: GrantId.safeParse(grant_id).data,
})

export type Refusals = {
  /** Resolves when it is recorded, or counted. @throws when it cannot be recorded */
  record(refusal: Refusal): Promise<void>
  /** Records what was counted. */
  flush(): Promise<void>
}

const WINDOW_MS = 10_000
/** So many names are told apart in ten seconds; all others count together. */
const MAX_NAMES = 20
const OTHERS = '(others)'

export function createRefusals(parts: { writer: Writer; spiffeId: string; clock: Clock; log: Log }): Refusals {
  const about = () => ({ actor: { kind: 'workload' as const, id: parts.spiffeId }, now: parts.clock() })
  let counted = new Map<string, { client: string; error: string; reason: string; count: number }>()
  let timer: NodeJS.Timeout | undefined

  const write = async (client: string, error: string, reason: string, count: number) => {
    const data = { client, error, reason, count }
    const subject = 'credence.identity.client.unproved'
    await parts.writer.record(subject, [{ type: 'credence.identity.client.refused.v1', data }], about())
  }
  async function flush(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    const repeated = [...counted.values()].filter(({ count }) => count > 0)
    counted = new Map()
    for (const { client, error, reason, count } of repeated) await write(client, error, reason, count)
  }
  const flushLater = () => {
    timer ??= setTimeout(() => {
      flush().catch((error) => parts.log.warn('refusals not recorded', { error: messageOf(error) }))
    }, WINDOW_MS).unref()
  }

  return {
    flush,
    record: async ({ agent, client, error, reason, audience, grant }) => {
      if (agent) {
        const data = { agent, error, reason, ...(audience ? { audience } : {}), ...(grant ? { grant } : {}) }
        const subject = `credence.identity.token.${agent}`
        await parts.writer.record(subject, [{ type: 'credence.identity.token.refused.v1', data }], about())
        return
      }
      const again = (name: string) => {
        const seen = counted.get(JSON.stringify([name, error, reason]))
        if (seen) seen.count++
        return seen !== undefined
      }
      const claimed = client.slice(0, 256)
      if (again(claimed)) return
      const named = counted.size < MAX_NAMES ? claimed : OTHERS
      if (named === OTHERS && again(OTHERS)) return
      counted.set(JSON.stringify([named, error, reason]), { client: named, error, reason, count: 0 })
      flushLater()
      await write(named, error, reason, 1)
    },
  }
}
