/** What our pages for people work with: interfaces that adapters implement. */
import type { SignIn as SignInFacts } from '@credence/contracts/events/identity'

/** An identity provider at which people may sign in. */
export type Provider = { id: string; name: string; issuer: string }
/** What is kept while somebody is on their way through their identity provider. */
export type SignInUnderWay = { provider: string; state: string; nonce: string; verifier: string; returnTo: string }
/** A person, as their identity provider says; the claims are read as the roles file says (claims.ts). */
export type SignedIn = {
  issuer: string
  subject: string
  name: string
  groups: string[]
  /** How and when, as the ID token says; undefined when it does not say when. */
  signIn: SignInFacts | undefined
}

/** Sign-in at the enterprise's OpenID providers: authorization code with PKCE, state and nonce. */
export type SignIn = {
  providers: readonly Provider[]
  /** @returns where to send the browser, and what to keep until it is back @throws CredenceError `unavailable` */
  begin(provider: string): Promise<{ url: URL; kept: Omit<SignInUnderWay, 'returnTo'> }>
  /** @param query what the browser came back with @throws CredenceError `unauthenticated`, `unavailable` */
  finish(kept: SignInUnderWay, query: URLSearchParams): Promise<SignedIn>
}

/** A person who is signed in at our pages. */
export type Session = {
  human: string
  issuer: string
  groups: string[]
  csrf: string
  since: string
  signIn?: SignInFacts | undefined
}

/** What our pages must remember for a while, for all replicas. Names of cookies are never kept, only their digests. */
export type SessionStore = {
  /** @returns the new, unguessable id */
  open(session: Omit<Session, 'csrf'>): Promise<string>
  find(id: string): Promise<Session | undefined>
  close(id: string): Promise<void>
  /** Keeps a sign-in under way for one browser. */
  keep(browser: string, kept: SignInUnderWay): Promise<void>
  /** Takes it out again: once. */
  take(browser: string, state: string): Promise<SignInUnderWay | undefined>
  /** Counts one more try of this person. @returns how many there were in the last ten minutes, with this one */
  tried(human: string): Promise<number>
  /** The try was a good one: it does not count. */
  triedWell(human: string): Promise<unknown>
}

/** What agents say when they ask; forgotten after a day. */
export type Statements = {
  keep(request: string, text: string): Promise<void>
  /** Empty when forgotten. */
  of(request: string): Promise<string>
}
