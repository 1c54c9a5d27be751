/** Sessions with a PKCS#11 token: a few, each for one operation at a time; one that broke is replaced. */
import { ConfigurationError } from '@credence/shared/config'
import { CKR, type Cryptoki, CryptokiError } from './cryptoki.ts'

const SESSIONS = 4

/** Codes after which a session, or the log-in, is gone, and a new one may do. */
const BROKEN = new Set<number>([
  CKR.DEVICE_ERROR,
  CKR.DEVICE_REMOVED,
  CKR.SESSION_CLOSED,
  CKR.SESSION_HANDLE_INVALID,
  CKR.TOKEN_NOT_PRESENT,
  CKR.USER_NOT_LOGGED_IN,
])
const WRONG_PIN = new Set<number>([CKR.PIN_INCORRECT, CKR.PIN_LOCKED])

export async function openSessions(cryptoki: Cryptoki, slot: number, pin: Uint8Array) {
  const idle: number[] = []
  const waiting: ((session: number | undefined) => void)[] = []
  let open = 0

  async function start(): Promise<number> {
    const session = await cryptoki.openSession(slot)
    try {
      await cryptoki.login(session, pin)
      return session
    } catch (error) {
      await cryptoki.closeSession(session)
      throw error
    }
  }
  /** An idle session, a new one, or whichever is given back first. */
  async function take(): Promise<number> {
    const session = idle.pop()
    if (session !== undefined) return session
    if (open >= SESSIONS) {
      const given = await new Promise<number | undefined>((resolve) => waiting.push(resolve))
      return given ?? take()
    }
    open++
    return start().catch((error) => {
      open--
      waiting.shift()?.(undefined)
      throw error
    })
  }
  function giveBack(session: number): void {
    const next = waiting.shift()
    if (next) next(session)
    else idle.push(session)
  }
  async function discard(session: number): Promise<void> {
    open--
    await cryptoki.closeSession(session)
    waiting.shift()?.(undefined)
  }
  async function attempt<T>(work: (session: number) => Promise<T>): Promise<T> {
    const session = await take()
    try {
      const result = await work(session)
      giveBack(session)
      return result
    } catch (error) {
      // What a failed operation left behind in its session is unknown.
      await discard(session)
      throw error
    }
  }

  giveBack(
    await take().catch((error) => {
      if (error instanceof CryptokiError && WRONG_PIN.has(error.code))
        throw new ConfigurationError(
          'CREDENCE_KEYS_PKCS11_PIN_FILE does not hold the PIN of the token, or the PIN is locked.',
        )
      throw error
    }),
  )
  return {
    /** Runs one operation; once more when its session turns out to be broken. */
    run: <T>(work: (session: number) => Promise<T>): Promise<T> =>
      attempt(work).catch((error) => {
        if (error instanceof CryptokiError && BROKEN.has(error.code)) return attempt(work)
        throw error
      }),
    close: async () => {
      for (const session of idle.splice(0)) await cryptoki.closeSession(session)
    },
  }
}
