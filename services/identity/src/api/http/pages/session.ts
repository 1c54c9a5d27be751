/**
 * Who is at the other end of a page. The cookie is a random id and nothing else; a form counts only with the session's
 * token and from our own origin; whoever has left the company is signed out whatever their cookie says.
 */
import { timingSafeEqual } from 'node:crypto'
import { CredenceError, forbidden, unauthenticated } from '@credence/contracts/errors'
import type { SignIn } from '@credence/contracts/events/identity'
import type { Role } from '@credence/shared/callers/roles'
import type { Context as Http, MiddlewareHandler } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import type { PagesParts } from './pages.ts'

/** A person who is signed in. */
export type Visitor = {
  session: string
  /** The pseudonym; `name` comes from the erasable directory and may be empty. */
  human: string
  name: string
  issuer: string
  providerName: string
  groups: string[]
  roles: ReadonlySet<Role>
  csrf: string
  /** How and when they signed in; for the delegations that they give, and shown nowhere. */
  signIn: SignIn | undefined
}

export type Env = { Variables: { visitor: Visitor; form: URLSearchParams } }

const SESSION = 'credence-session'
const HOST_COOKIE = { path: '/', secure: true, httpOnly: true, sameSite: 'Lax', prefix: 'host' } as const

export const sessionCookie = (http: Http): string | undefined => getCookie(http, SESSION, 'host')
/** Until the browser closes; the server ends it after eight hours in any case. */
export const setSessionCookie = (http: Http, id: string): void => setCookie(http, SESSION, id, HOST_COOKIE)
export const dropSessionCookie = (http: Http): void => void deleteCookie(http, SESSION, HOST_COOKIE)

/** Pages for people who are signed in; others are sent to sign in, and come back. */
export function signedIn(parts: PagesParts): MiddlewareHandler<Env> {
  return async (http, next) => {
    const visitor = await visitorOf(parts, http)
    if (!visitor) {
      if (http.req.method === 'POST')
        throw unauthenticated(
          'signed_out',
          'You are no longer signed in, so nothing was changed. Sign in and try again.',
        )
      const to = http.req.path + new URL(http.req.url).search
      return http.redirect(`/sign-in?${new URLSearchParams({ to })}`, 303)
    }
    http.set('visitor', visitor)
    if (http.req.method === 'POST') http.set('form', await ownForm(http, parts.issuer, visitor.csrf))
    await next()
  }
}

export async function visitorOf(parts: PagesParts, http: Http): Promise<Visitor | undefined> {
  const id = sessionCookie(http)
  const session = id ? await parts.sessions.find(id) : undefined
  const provider = parts.signIn.providers.find(({ issuer }) => issuer === session?.issuer)
  if (!id || !session || !provider) return undefined
  await parts.barrier()
  const person = parts.principals.human(session.human)
  if (!person?.active || person.forgotten || (person.leftAt !== undefined && session.since <= person.leftAt))
    return undefined
  return {
    session: id,
    human: session.human,
    name: await parts.directory.nameOf(session.human),
    issuer: session.issuer,
    providerName: provider.name,
    groups: session.groups,
    roles: parts.roles.ofGroups(session.issuer, session.groups),
    csrf: session.csrf,
    signIn: session.signIn,
  }
}

const same = (one: string, other: string): boolean => {
  const [a, b] = [Buffer.from(one), Buffer.from(other)]
  return a.length === b.length && timingSafeEqual(a, b)
}

/** The fields of a form that this very session was shown, on a page of ours. @throws CredenceError `permission_denied` */
async function ownForm(http: Http, issuer: string, csrf: string): Promise<URLSearchParams> {
  if (!isOurs(http, issuer))
    throw forbidden('foreign_form', 'This form was not sent from a page of Credence. Nothing was changed.')
  const type = http.req.header('content-type')?.split(';')[0]
  if (type !== 'application/x-www-form-urlencoded')
    throw new CredenceError('invalid_argument', 'form_type', 'A form is sent as application/x-www-form-urlencoded.')
  const form = new URLSearchParams(await http.req.text())
  if (!same(form.get('csrf') ?? '', csrf))
    throw forbidden('stale_form', 'This form belongs to another sign-in. Nothing was changed. Open the page again.')
  return form
}

/**
 * Under `Referrer-Policy: no-referrer` browsers say `Origin: null` even of our own forms (Fetch §3.1); then, and only
 * then, Sec-Fetch-Site tells, which no page can set.
 */
function isOurs(http: Http, issuer: string): boolean {
  const origin = http.req.header('origin')
  if (origin !== undefined && origin !== 'null') return origin === issuer
  return http.req.header('sec-fetch-site') === 'same-origin'
}
