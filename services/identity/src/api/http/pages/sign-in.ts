/** Signing in at one of the enterprise's identity providers, and out again. */
import { randomBytes } from 'node:crypto'
import { CredenceError } from '@credence/contracts/errors'
import { Hono, type Context as Http } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import { html } from 'hono/html'
import { named, showPage } from './page.ts'
import type { PagesParts } from './pages.ts'
import { dropSessionCookie, type Env, sessionCookie, setSessionCookie, signedIn, visitorOf } from './session.ts'

/** Ties a sign-in to the browser that began it (OpenID Connect Core 1.0 §3.1.2.1, RFC 6749 §10.12). */
const BROWSER = 'credence-browser'
const COOKIE = { path: '/', secure: true, httpOnly: true, sameSite: 'Lax', prefix: 'host' } as const

/** Pages of ours, by path; whatever else is asked for leads to the first of them. */
const RETURNS = /^\/(delegations|delegate|requests|interaction)(\/[\w-]{1,64})?(\?[\w=&%.~-]{0,512})?$/
const returnTo = (to: string | undefined): string => (to && RETURNS.test(to) ? to : '/delegations')

export function signInPages(parts: PagesParts): Hono<Env> {
  const app = new Hono<Env>()
  const { signIn, sessions } = parts

  async function begin(http: Http, provider: string, to: string): Promise<Response> {
    const { url, kept } = await signIn.begin(provider)
    const browser = getCookie(http, BROWSER, 'host') ?? randomBytes(32).toString('base64url')
    await sessions.keep(browser, { ...kept, returnTo: to })
    setCookie(http, BROWSER, browser, COOKIE)
    return http.redirect(url.href, 303)
  }

  app.get('/sign-in', async (http) => {
    const to = returnTo(http.req.query('to'))
    if (await visitorOf(parts, http)) return http.redirect(to, 303)
    const [only, another] = signIn.providers
    if (only && !another) return begin(http, only.id, to)
    return showPage(http, undefined, {
      title: 'Sign in',
      body: html`<h1>Sign in to Credence</h1>
<p class="lead">Choose where your account is. Credence never sees your password.</p>
<ul class="plain actions">${signIn.providers.map(
        ({ id, name }) =>
          html`<li><a class="button" href="/sign-in/${id}?${new URLSearchParams({ to }).toString()}">${named(name)}</a></li>`,
      )}</ul>`,
    })
  })
  app.get('/sign-in/:provider', (http) => begin(http, http.req.param('provider'), returnTo(http.req.query('to'))))

  app.get('/signed-in/:provider', async (http) => {
    const query = new URL(http.req.url).searchParams
    const browser = getCookie(http, BROWSER, 'host')
    const kept = browser ? await sessions.take(browser, query.get('state') ?? '') : undefined
    if (kept?.provider !== http.req.param('provider')) throw notBegunHere()
    const { issuer, subject, name, groups, signIn: how } = await signIn.finish(kept, query)
    const human = await parts.directory.resolve(issuer, subject, name)
    await parts.barrier()
    if (!parts.principals.human(human)?.active)
      throw new CredenceError(
        'permission_denied',
        'human_deactivated',
        'Your account is deactivated in Credence. Ask your platform team.',
      )
    const before = sessionCookie(http)
    if (before) await sessions.close(before)
    // A new id at every sign-in: whatever was planted in the browser before is worth nothing.
    const session = { human, issuer, groups, since: parts.clock().toISOString(), signIn: how }
    setSessionCookie(http, await sessions.open(session))
    deleteCookie(http, BROWSER, COOKIE)
    return http.redirect(kept.returnTo, 303)
  })

  app.post('/sign-out', signedIn(parts), async (http) => {
    await sessions.close(http.get('visitor').session)
    dropSessionCookie(http)
    return http.redirect('/signed-out', 303)
  })
  app.get('/signed-out', (http) =>
    showPage(http, undefined, {
      title: 'Signed out',
      body: html`<h1>You are signed out of Credence</h1>
<p class="lead">What you have delegated goes on as it was. At your identity provider you may still be signed in.</p>
<p class="actions"><a class="button" href="/sign-in">Sign in again</a></p>`,
    }),
  )
  return app
}

const notBegunHere = () =>
  new CredenceError(
    'failed_precondition',
    'sign_in_not_begun_here',
    'This sign-in was not begun in this browser, was finished before, or took longer than ten minutes. Sign in again.',
  )
