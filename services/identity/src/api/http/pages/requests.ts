/** Where a person answers what an agent asks: first the code that the agent shows, then the question itself. */
import { createHmac } from 'node:crypto'
import { CredenceError, notFound } from '@credence/contracts/errors'
import { Hono, type Context as Http } from 'hono'
import { html } from 'hono/html'
import { REQUEST_SECONDS, type Request } from '../../../domain/request.ts'
import { approve, decline } from '../../answer-request.ts'
import { digestOfCode, readCode } from '../../request-code.ts'
import { factsOf } from './agent-facts.ts'
import { readAnswer } from './answer.ts'
import { type Asked, asAsked, type Choices, consentView, titleOf } from './consent.ts'
import { notice, showPage, token } from './page.ts'
import type { PagesParts } from './pages.ts'
import { type Env, signedIn, type Visitor } from './session.ts'

/** So many wrong codes in ten minutes, of 25,600,000,000 that there are (RFC 8628 §5.1). */
export const MAX_TRIES = 10

export function requestPages(parts: PagesParts): Hono<Env> {
  const app = new Hono<Env>()
  const { requests, clock } = parts
  app.use('/requests/*', signedIn(parts))

  app.get('/requests', (http) => codePage(http))
  app.post('/requests', async (http) => {
    const visitor = http.get('visitor')
    const typed = http.get('form').get('code') ?? ''
    const code = readCode(typed)
    if (!code) return codePage(http, typed, 'A code is eight letters, like WDJB-MJHT. It has no vowels and no digits.')
    if ((await parts.sessions.tried(visitor.human)) > MAX_TRIES)
      throw new CredenceError(
        'resource_exhausted',
        'too_many_codes',
        'You have typed many wrong codes in a short time. Wait ten minutes, then try again.',
      )
    const request = requests.byCodeDigest(await digestOfCode(code, parts.issuer))
    if (!request || !isFor(request, visitor) || !isOpen(request))
      return codePage(
        http,
        typed,
        'No request with this code waits for you. Look at what the agent shows now: a code counts for ten minutes, once.',
      )
    await parts.sessions.triedWell(visitor.human)
    return http.redirect(
      `/requests/${request.request}?${new URLSearchParams({ proof: proofOf(visitor, request) })}`,
      303,
    )
  })

  app.get('/requests/:id', async (http) => {
    const { visitor, request } = opened(http)
    const asked = await askedBy(request)
    return consentPage(http, visitor, request, asked, asAsked(asked), new Map())
  })
  app.post('/requests/:id', async (http) => {
    const { visitor, request } = opened(http)
    const asked = await askedBy(request)
    const form = http.get('form')
    const { answer, choices, problems, details } = readAnswer(form, asked)
    if (problems.size > 0) return consentPage(http, visitor, request, asked, choices, problems)
    const { human, signIn } = visitor
    if (answer === 'decline') {
      await decline(parts, { request: request.request, human, reported: choices.reported })
      return declinedPage(http, visitor, choices.reported)
    }
    const { seconds: lifetimeSeconds, depth: maximumDepth } = choices
    const given = { request: request.request, human, signIn, details, lifetimeSeconds, maximumDepth }
    const delegation = await approve(parts, given)
    return http.redirect(`/delegations/${delegation}?done=approved`, 303)
  })

  const isFor = (request: Request, visitor: Visitor) => !request.human || request.human === visitor.human
  const isOpen = (request: Request) => request.state === 'pending' && new Date(request.expires_at) > clock()

  /** Only whoever typed its code, in this very session, sees a request. */
  function opened(http: Http<Env>): { visitor: Visitor; request: Request } {
    const visitor = http.get('visitor')
    const id = http.req.param('id') ?? ''
    const request = requests.get(id)
    if (!request || http.req.query('proof') !== proofOf(visitor, request) || !isFor(request, visitor))
      throw notFound('request', id)
    if (!isOpen(request))
      throw new CredenceError(
        'failed_precondition',
        request.state === 'pending' ? 'request_expired' : 'request_answered',
        request.state === 'pending'
          ? 'The time to answer this request is over, and nothing was given. The agent can ask again.'
          : 'This request was answered already.',
      )
    return { visitor, request }
  }

  async function askedBy(request: Request): Promise<Asked> {
    const until = new Date(request.expires_at)
    return {
      facts: await factsOf(parts, request.agent),
      details: request.authorization_details,
      lifetimeSeconds: request.lifetime_seconds,
      maximumDepth: request.maximum_depth,
      since: new Date(until.getTime() - REQUEST_SECONDS * 1_000),
      until,
      way: { kind: 'code' },
      statement: await parts.statements.of(request.request),
    }
  }

  function consentPage(
    http: Http<Env>,
    visitor: Visitor,
    request: Request,
    asked: Asked,
    choices: Choices,
    problems: Map<string, string>,
  ) {
    const action = `/requests/${request.request}?${new URLSearchParams({ proof: proofOf(visitor, request) })}`
    return showPage(http, visitor, {
      title: `${problems.size > 0 ? 'Please check: ' : ''}${titleOf(asked)}`,
      where: 'requests',
      wide: true,
      status: problems.size > 0 ? 400 : 200,
      body: consentView(visitor, asked, { action, hidden: {}, choices, problems }),
    })
  }

  function codePage(http: Http<Env>, typed = '', problem?: string) {
    const visitor = http.get('visitor')
    const waiting = requests.waitingFor(visitor.human, clock()).length
    return showPage(http, visitor, {
      title: `${problem ? 'Please check: ' : ''}Answer a request`,
      where: 'requests',
      status: problem ? 400 : 200,
      body: html`<h1>Answer a request of an agent</h1>
${waiting > 0 ? notice('plain', waiting === 1 ? 'One request for you waits for its code.' : `${waiting} requests for you wait for their codes.`) : ''}
<p class="lead">An agent that needs something from you shows a code. Type it here to see what it asks for; nothing is given before you approve.</p>
<p>Type only a code that you see yourself, where you work with the agent. If somebody sent it to you or read it to you, do not type it: it may be for an agent that is not yours.</p>
<form method="post" action="/requests">${token(visitor)}
<div class="field"><label for="code">Code</label>
<p class="hint" id="code-hint">Eight letters, like WDJB-MJHT</p>
${problem ? html`<p class="error" id="code-error" role="alert">${problem}</p>` : ''}
<input class="code" id="code" name="code" value="${typed.slice(0, 20)}" required maxlength="20" autocomplete="off" autocapitalize="characters" spellcheck="false" autofocus
aria-describedby="code-hint${problem ? ' code-error' : ''}" ${problem ? 'aria-invalid=true' : ''}></div>
<div class="actions"><button type="submit">Show the request</button></div></form>`,
    })
  }

  return app
}

/** Shows that this session was shown the request after its code was typed. */
const proofOf = (visitor: Visitor, { request }: Request): string =>
  createHmac('sha256', visitor.csrf).update(`request ${request}`).digest('base64url')

const declinedPage = (http: Http<Env>, visitor: Visitor, reported: boolean) =>
  showPage(http, visitor, {
    title: 'Declined',
    where: 'requests',
    body: html`<h1>Declined</h1>
<p class="lead">The agent got nothing, and is told so.</p>
${reported ? html`<p>Security is told that you did not expect it. You need not do anything else; if the agent asks again, decline again.</p>` : ''}
<p>This cannot be taken back. If you want the agent to work for you after all, let it ask again, or <a href="/delegate">delegate to it yourself</a>.</p>
<p class="actions"><a class="button" href="/delegations">To your delegations</a></p>`,
  })
