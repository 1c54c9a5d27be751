/**
 * Sessions of people at our pages, in key-value buckets that forget by themselves. A cookie holds a random id; only its
 * digest is a key here, so that who reads the bucket cannot become anybody.
 */
import { randomBytes } from 'node:crypto'
import { unavailable } from '@credence/contracts/errors'
import { SignIn } from '@credence/contracts/events/identity'
import type { Bus } from '@credence/shared/bus/connect'
import type { Clock } from '@credence/shared/clock'
import { z } from 'zod'
import type { SessionStore, Statements } from '../../api/people.ts'
import { keyOf, openBucket } from './bucket.ts'

const SESSION_MS = 8 * 3_600_000
const TRIES_MS = 10 * 60_000
const RACES = 64

const Session = z.strictObject({
  human: z.string(),
  issuer: z.string(),
  groups: z.array(z.string()),
  csrf: z.string(),
  since: z.string(),
  signIn: SignIn.optional(),
})
const UnderWay = z.strictObject({
  provider: z.string(),
  state: z.string(),
  nonce: z.string(),
  verifier: z.string(),
  returnTo: z.string(),
})
const Tries = z.strictObject({ count: z.int(), since: z.int() })

export const randomId = (): string => randomBytes(32).toString('base64url')

export async function openSessions(bus: Bus, clock: Clock): Promise<SessionStore> {
  const sessions = await openBucket(bus, 'identity_sessions')
  const underWay = await openBucket(bus, 'identity_sign_ins')
  const sessionKey = (id: string) => keyOf('session', id)
  const wayKey = (browser: string, state: string) => keyOf('way', browser, state)

  async function count(human: string, step: 1 | -1): Promise<number> {
    const key = keyOf('tries', human)
    for (let race = 0; race < RACES; race++) {
      const now = clock().getTime()
      const found = await underWay.find(key, Tries)
      const current = found && now - found.value.since < TRIES_MS ? found.value : { count: 0, since: now }
      const next = { ...current, count: Math.max(0, current.count + step) }
      if (await underWay.write(key, next, found?.revision ?? 0)) return next.count
    }
    throw unavailable('too_contended', 'Too many tries at the same time. Try again.')
  }

  return {
    open: async (session) => {
      const id = randomId()
      await sessions.write(sessionKey(id), { ...session, csrf: randomId() }, 0)
      return id
    },
    find: async (id) => {
      const found = await sessions.find(sessionKey(id), Session)
      const age = clock().getTime() - Date.parse(found?.value.since ?? '')
      return age < SESSION_MS ? found?.value : undefined
    },
    close: async (id) => void (await sessions.remove(sessionKey(id))),
    keep: async (browser, kept) => void (await underWay.write(wayKey(browser, kept.state), kept, 0)),
    take: async (browser, state) => {
      const found = await underWay.find(wayKey(browser, state), UnderWay)
      if (!found || !(await underWay.remove(wayKey(browser, state), found.revision))) return undefined
      return found.value
    },
    // Counted before anything is looked at, so that many at the same time are many as well.
    tried: (human) => count(human, 1),
    triedWell: (human) => count(human, -1),
  }
}

export async function openStatements(bus: Bus): Promise<Statements> {
  const bucket = await openBucket(bus, 'identity_statements')
  return {
    keep: async (request, text) => void (await bucket.write(request, text)),
    of: async (request) => (await bucket.find(request, z.string()))?.value ?? '',
  }
}
