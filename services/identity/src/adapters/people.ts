/** Everything outside that the pages for people need, opened together; nothing when nobody can sign in here. */
import type { Kernel } from '@credence/shared/service'
import type { SessionStore, SignIn, Statements } from '../api/people.ts'
import { openSessions, openStatements } from './sessions/sessions.ts'
import { readProviders } from './sign-in/providers.ts'
import { createSignIn } from './sign-in/sign-in.ts'

export type People = Pick<Kernel, 'roles' | 'log'> & { signIn: SignIn; sessions: SessionStore; statements: Statements }

/** @throws ConfigurationError when the file cannot be used */
export async function openPeople(parts: {
  /** Undefined: there are no pages. */
  signInFile: string | undefined
  issuer: string
  kernel: Kernel
}): Promise<People | undefined> {
  const { signInFile, issuer, kernel } = parts
  if (!signInFile) return undefined
  const { roles, log, bus, clock } = kernel
  const providers = readProviders(signInFile)
  return {
    roles,
    log,
    signIn: createSignIn({ providers, issuer, claimsOf: roles.claimsOf, fetch: kernel.egress, log }),
    sessions: await openSessions(bus, clock),
    statements: await openStatements(bus),
  }
}
