/** The same question for an authorization request (RFC 6749 §4.1): the agent's client sent the person here. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { forbidden } from '@credence/contracts/errors'
import { newId } from '@credence/shared/ids'
import type { HttpBindings } from '@hono/node-server'
import { Hono, type Context as Http } from 'hono'
import type { DelegationAsked } from '../../context.ts'
import { giveDelegation } from '../../give-delegation.ts'
import { factsOf } from './agent-facts.ts'
import { type Answer, readAnswer } from './answer.ts'
import { type Asked, asAsked, type Choices, consentView, titleOf } from './consent.ts'
import { contentSecurityPolicy, showPage } from './page.ts'
import type { PagesParts } from './pages.ts'
import { type Env, signedIn, type Visitor } from './session.ts'

/** How long the authorization server keeps an interaction. */
const INTERACTION_MS = 10 * 60_000

export function interactionPages(parts: PagesParts): Hono<Env> {
  const app = new Hono<Env>()
  const { interactions, principals, clock } = parts
  app.use('/interaction/*', signedIn(parts))

  app.get('/interaction/:uid', async (http) => {
    const asked = await askedBy(await interactions.details(...rawOf(http)))
    return page(http, asked, asAsked(asked), new Map())
  })
  app.post('/interaction/:uid', async (http) => {
    const details = await interactions.details(...rawOf(http))
    const asked = await askedBy(details)
    const read = readAnswer(http.get('form'), asked)
    if (read.problems.size > 0) return page(http, asked, read.choices, read.problems)
    const visitor = http.get('visitor')
    const { human } = visitor
    if (read.answer === 'decline')
      return goOn(http, asked, await interactions.decline(...rawOf(http), { reported: read.choices.reported }))
    const delegate = () => grant(visitor, details, read)
    return goOn(http, asked, await interactions.approve(...rawOf(http), { human, delegate }))
  })

  async function askedBy(details: DelegationAsked): Promise<Asked> {
    const now = clock()
    return {
      facts: await factsOf(parts, details.agent.agent),
      details: details.authorizationDetails,
      lifetimeSeconds: details.lifetimeSeconds,
      maximumDepth: details.maximumDepth,
      until: new Date(now.getTime() + INTERACTION_MS),
      way: { kind: 'redirect', uri: details.redirectUri, client: details.agent.spiffe_id },
      statement: details.purpose,
    }
  }

  async function grant(
    { human, signIn }: Visitor,
    { agent }: DelegationAsked,
    { details, choices }: Answer,
  ): Promise<string> {
    const delegation = newId('dlg')
    const blueprint = principals.blueprint(agent.blueprint)
    const wanted = {
      delegation,
      authorizationDetails: details,
      purpose: blueprint?.purpose ?? 'Asked for by the agent',
      lifetimeSeconds: choices.seconds,
      maximumDepth: choices.depth,
      narrow: false,
    }
    await giveDelegation(parts, { human, signIn, agentId: agent.agent, wanted })
    return delegation
  }

  function page(http: Http<Env>, asked: Asked, choices: Choices, problems: Map<string, string>) {
    const visitor: Visitor = http.get('visitor')
    // The answer leads to the client: browsers follow it only to a place that the page names (CSP 3, form-action).
    if (asked.way.kind === 'redirect')
      http.header('content-security-policy', contentSecurityPolicy([new URL(asked.way.uri).origin]))
    const form = { action: http.req.path, hidden: {}, choices, problems }
    return showPage(http, visitor, {
      title: `${problems.size > 0 ? 'Please check: ' : ''}${titleOf(asked)}`,
      wide: true,
      status: problems.size > 0 ? 400 : 200,
      body: consentView(visitor, asked, form),
    })
  }

  return app
}

/** Only to ourselves (the authorization server goes on) or to where the page said. */
function goOn(http: Http<Env>, asked: Asked, url: string): Response {
  const target = new URL(url, http.req.url).origin
  const allowed = [new URL(http.req.url).origin, asked.way.kind === 'redirect' ? new URL(asked.way.uri).origin : '']
  if (!allowed.includes(target))
    throw forbidden('foreign_redirect', 'The answer would lead to another place than was shown.')
  return http.redirect(url, 303)
}

function rawOf(http: Http<Env>): [IncomingMessage, ServerResponse] {
  const { incoming, outgoing } = http.env as HttpBindings
  return [incoming as IncomingMessage, outgoing as ServerResponse]
}
