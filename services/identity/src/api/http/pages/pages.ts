/** The pages for people: sign in, see what they have delegated, delegate, answer what agents ask. */
import { CredenceError, type Status } from '@credence/contracts/errors'
import type { Roles } from '@credence/shared/callers/roles'
import { type Log, messageOf } from '@credence/shared/log'
import { Hono, type Context as Http, type MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { html } from 'hono/html'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { Requests } from '../../../projections/requests.ts'
import type { Revocations } from '../../../projections/revocations.ts'
import type { Context } from '../../context.ts'
import type { SessionStore, SignIn, Statements } from '../../people.ts'
import { delegatePages } from './delegate.ts'
import { delegationPages } from './delegations.ts'
import { interactionPages } from './interaction.ts'
import { contentSecurityPolicy, showPage } from './page.ts'
import { requestPages } from './requests.ts'
import type { Env } from './session.ts'
import { signInPages } from './sign-in.ts'

export type PagesParts = Context & {
  issuer: string
  requests: Requests
  revocations: Revocations
  signIn: SignIn
  sessions: SessionStore
  statements: Statements
  roles: Roles
  log: Log
}

const PATHS = [
  '/',
  '/sign-in',
  '/signed-in',
  '/sign-out',
  '/signed-out',
  '/delegations',
  '/delegate',
  '/requests',
  '/interaction',
]
const MAX_FORM_BYTES = 32 * 1024

export function createPages(parts: PagesParts): Hono<Env> {
  const app = new Hono<Env>()
  for (const path of PATHS) app.use(path === '/' ? path : `${path}/*`, sealed, limited)
  app.onError((error, http) => problemPage(parts, error, http))
  app.get('/', (http) => http.redirect('/delegations', 303))
  for (const pages of [signInPages, delegationPages, delegatePages, requestPages, interactionPages])
    app.route('/', pages(parts))
  return app
}

const limited = bodyLimit({
  maxSize: MAX_FORM_BYTES,
  onError: (http) => http.text(`A form may hold at most ${MAX_FORM_BYTES} bytes.`, 413),
})

/** Headers of every page: nothing is stored, framed, sniffed, or told to where a link leads. */
const sealed: MiddlewareHandler = async (http, next) => {
  await next()
  const headers = {
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
  }
  for (const [name, value] of Object.entries(headers)) http.res.headers.set(name, value)
  if (!http.res.headers.has('content-security-policy'))
    http.res.headers.set('content-security-policy', contentSecurityPolicy())
}

const HTTP: Record<Status, ContentfulStatusCode> = {
  invalid_argument: 400,
  unauthenticated: 401,
  permission_denied: 403,
  not_found: 404,
  already_exists: 409,
  failed_precondition: 409,
  resource_exhausted: 429,
  aborted: 409,
  deadline_exceeded: 504,
  unavailable: 503,
  internal: 500,
}

/** One sentence that says what to do, and the stable code to search for. Never what went wrong inside. */
function problemPage(parts: PagesParts, error: Error, http: Http): Response | Promise<Response> {
  const known =
    error instanceof CredenceError && error.status !== 'internal'
      ? error
      : new CredenceError(
          'internal',
          'internal',
          'Something went wrong here. Nothing was changed. Try again; the log of the service has more.',
        )
  if (known.status === 'internal')
    parts.log.error('page failed', { method: http.req.routePath, error: messageOf(error) })
  const back =
    known.status === 'unauthenticated' || known.reason === 'sign_in_not_begun_here' ? '/sign-in' : '/delegations'
  if (known.status === 'resource_exhausted') http.header('retry-after', '600')
  return showPage(http, undefined, {
    title: 'That did not work',
    status: HTTP[known.status],
    body: html`<h1>That did not work</h1>
<p class="lead">${known.message}</p>
<p class="soft small">Code: <code>${known.reason}</code></p>
<p class="actions"><a class="button" href="${back}">${back === '/sign-in' ? 'Sign in' : 'To your delegations'}</a></p>`,
  })
}
