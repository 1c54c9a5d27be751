/** A person begins: which agent, what exactly, how long, how deep, why; then reads what follows, and says yes. */
import { createHmac } from 'node:crypto'
import { forbidden, precondition } from '@credence/contracts/errors'
import { DelegationId } from '@credence/contracts/events/values'
import { type Agent, isHeld } from '@credence/contracts/principals/agent'
import type { Delegation } from '@credence/contracts/principals/delegation'
import { newId } from '@credence/shared/ids'
import { Hono, type Context as Http } from 'hono'
import { html } from 'hono/html'
import { durationInWords, instantInWords } from '../../../domain/time-in-words.ts'
import { authorityInWords, depthInWords } from '../../../domain/words.ts'
import { giveDelegation } from '../../give-delegation.ts'
import { type AgentFacts, factsList, factsOf } from './agent-facts.ts'
import { authorityList } from './authority.ts'
import { delegateForm } from './delegate-form.ts'
import { type Given, readDelegation } from './delegate-input.ts'
import { foreign, type Html, named, show, showPage, token } from './page.ts'
import type { PagesParts } from './pages.ts'
import { type Env, signedIn, type Visitor } from './session.ts'

const SHOWN = 20
const MAX_DEPTH = 8

export function delegatePages(parts: PagesParts): Hono<Env> {
  const app = new Hono<Env>()
  const { principals, clock } = parts
  app.use('/delegate/*', signedIn(parts))

  app.get('/delegate', async (http) => {
    const visitor = http.get('visitor')
    const query = (http.req.query('q') ?? '').slice(0, 100)
    const { found, more } = search(query)
    const rows = await Promise.all(found.map(async (agent) => row(await factsOf(parts, agent.agent))))
    return showPage(http, visitor, {
      title: 'Delegate to an agent',
      where: 'delegate',
      body: html`<h1>Which agent is to act for you?</h1>
<form method="get" action="/delegate" role="search"><div class="field"><label for="q">Find an agent</label>
<p class="hint" id="q-hint">By its number, its class, what it is for, or a label</p>
<input id="q" name="q" type="search" value="${query}" aria-describedby="q-hint" autocomplete="off" spellcheck="false"></div>
<div class="actions"><button class="second" type="submit">Find</button></div></form>
<h2>${query ? 'Found' : 'Registered last'}</h2>
${rows.length === 0 ? html`<p>No agent fits that can act for somebody now.</p>` : html`<ul class="plain rows">${rows}</ul>`}
${more ? html`<p class="soft">There are more. Type more of what you know to find it.</p>` : ''}`,
    })
  })

  app.get('/delegate/:agent', async (http) => {
    const at = await target(http)
    return formPage(http, at, new URLSearchParams(), new Map())
  })

  app.post('/delegate/:agent', async (http) => {
    const at = await target(http)
    const form = http.get('form')
    const step = form.get('step')
    if (step === 'edit') return formPage(http, at, form, new Map())
    const { given, problems } = readDelegation(form, at.ceiling, { depth: at.depth })
    if (problems.size > 0) return formPage(http, at, form, problems)
    if (step !== 'grant') return reviewPage(http, at, form, given)
    return http.redirect(`/delegations/${await grant(at, form, given)}?done=granted`, 303)
  })

  type Target = { visitor: Visitor; facts: AgentFacts; ceiling: Given['details']; depth: number }

  /** @throws CredenceError when nobody can delegate to this agent now */
  async function target(http: Http<Env>): Promise<Target> {
    const facts = await factsOf(parts, http.req.param('agent') ?? '')
    const blueprint = principals.blueprint(facts.agent.blueprint)
    if (!blueprint || !canReceive(facts.agent))
      throw precondition(
        'cannot_delegate',
        'Nobody can delegate to this agent now: it has ended, is held, or works under a mandate.',
      )
    const depth = Math.min(MAX_DEPTH, facts.agent.spawn_depth_left)
    return { visitor: http.get('visitor'), facts, ceiling: blueprint.ceiling, depth }
  }

  const canReceive = (agent: Agent): boolean =>
    agent.autonomy === 'delegated' && !isHeld(agent) && !principals.agentEnd(agent.agent, clock())

  /** The newest that fit every word. */
  function search(query: string): { found: Agent[]; more: boolean } {
    const words = query.toLowerCase().split(/\s+/).filter(Boolean)
    const found: Agent[] = []
    for (const [, agent] of [...principals.agents.all()].reverse()) {
      if (!agent || !fits(agent, words) || !canReceive(agent)) continue
      if (found.length === SHOWN) return { found, more: true }
      found.push(agent)
    }
    return { found, more: false }
  }

  const formPage = (http: Http<Env>, at: Target, typed: URLSearchParams, problems: Map<string, string>) =>
    showPage(http, at.visitor, {
      title: `${problems.size > 0 ? 'Please check: ' : ''}Delegate to ${at.facts.agent.blueprint}`,
      where: 'delegate',
      status: problems.size > 0 ? 400 : 200,
      body: delegateForm(at.visitor, { ...at, typed, problems }),
    })

  function reviewPage(http: Http<Env>, { visitor, facts }: Target, form: URLSearchParams, given: Given) {
    const { agent } = facts
    const delegation = newId('dlg')
    const entries = [...form].filter(([name]) => !['csrf', 'step', 'delegation', 'seal'].includes(name))
    const until = new Date(clock().getTime() + given.lifetimeSeconds * 1_000)
    const hidden = [...entries, ['delegation', delegation], ['seal', sealOf(visitor, agent.agent, delegation, given)]]
    return showPage(http, visitor, {
      title: `Review: delegate to ${agent.blueprint}`,
      where: 'delegate',
      body: html`<h1>Let the agent <code>${agent.blueprint}</code> <strong>${show(authorityInWords(given.details))}</strong> for <strong>${durationInWords(given.lifetimeSeconds)}</strong>, on your behalf?</h1>
<p class="lead">It is <code>${agent.agent}</code>, owned by ${named(facts.owner)}.</p>
<h2>Exactly this, and nothing else</h2>${authorityList(given.details)}
<h2>What follows</h2><ul>
<li>The agent acts on your behalf, by itself, within this. For every task it still needs a permission from policy, and every act is recorded as done for you.</li>
<li>${depthInWords(given.maximumDepth)}</li>
<li>It ends by itself after ${durationInWords(given.lifetimeSeconds)} (about ${instantInWords(until)}), when you end it, when the agent or its class is stopped, or when you leave the company.</li></ul>
<h2>Why</h2><p>${foreign(given.purpose)}</p>
<form method="post" action="/delegate/${agent.agent}">${token(visitor)}${hidden.map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}
<div class="actions"><button type="submit" name="step" value="grant">Delegate</button>
<button class="second" type="submit" name="step" value="edit">Change something</button> <a href="/delegations">Do not delegate</a></div></form>
<details><summary>More about the agent</summary>${factsList(facts)}</details>`,
    })
  }

  /** What is granted is what was reviewed: the seal over it fits, and the same click twice makes one delegation. */
  async function grant({ visitor, facts }: Target, form: URLSearchParams, given: Given): Promise<string> {
    const { agent } = facts
    const { human, signIn } = visitor
    const delegation = DelegationId.safeParse(form.get('delegation')).data ?? ''
    if (form.get('seal') !== sealOf(visitor, agent.agent, delegation, given))
      throw forbidden('not_reviewed', 'This is not what you were shown to review. Nothing was delegated. Begin again.')
    const wanted = {
      delegation,
      authorizationDetails: given.details,
      purpose: given.purpose,
      lifetimeSeconds: given.lifetimeSeconds,
      maximumDepth: given.maximumDepth,
      narrow: false,
    }
    const isSame = (there: Delegation) => there.human === human
    await giveDelegation(parts, { human, signIn, agentId: agent.agent, wanted, isSame })
    return delegation
  }

  return app
}

const sealOf = (visitor: Visitor, agent: string, delegation: string, given: Given): string =>
  createHmac('sha256', visitor.csrf)
    .update(JSON.stringify(['delegate', agent, delegation, given]))
    .digest('base64url')

function fits({ agent, blueprint, purpose, labels = {} }: Agent, words: string[]): boolean {
  if (words.length === 0) return true
  const text = [agent, blueprint, purpose, ...Object.entries(labels).flat()].join(' ').toLowerCase()
  return words.every((word) => text.includes(word))
}

const row = ({
  agent,
  purpose,
  owner,
}: AgentFacts): Html => html`<li><h3><a href="/delegate/${agent.agent}"><code>${agent.blueprint}</code> <span class="soft small"><code>${agent.agent}</code></span></a></h3>
<p>${purpose ? named(purpose) : ''}</p>
<p class="small soft">Owner ${named(owner)} · lives until ${instantInWords(agent.expires_at)}${
  agent.labels
    ? html` · ${named(
        Object.entries(agent.labels)
          .map(([name, value]) => `${name}: ${value}`)
          .join(', '),
      )}`
    : ''
}</p></li>`
