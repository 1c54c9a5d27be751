/** What a person has delegated: to see it, and to end it. */
import { notFound } from '@credence/contracts/errors'
import { Prose } from '@credence/contracts/events/values'
import type { Delegation } from '@credence/contracts/principals/delegation'
import { Hono, type Context as Http } from 'hono'
import { html } from 'hono/html'
import { revokeDelegation } from '../../../domain/delegation.ts'
import { endInWords } from '../../../domain/end-in-words.ts'
import { durationInWords, instantInWords } from '../../../domain/time-in-words.ts'
import { authorityInWords, depthInWords } from '../../../domain/words.ts'
import { endOf } from '../../grpc/delegation-view.ts'
import { factsList, factsOf } from './agent-facts.ts'
import { authorityList } from './authority.ts'
import { foreign, type Html, named, notice, show, showPage, token } from './page.ts'
import type { PagesParts } from './pages.ts'
import { type Env, signedIn, type Visitor } from './session.ts'

const ENDED_SHOWN = 20

export function delegationPages(parts: PagesParts): Hono<Env> {
  const app = new Hono<Env>()
  const { principals, revocations, clock, writer } = parts
  app.use('/delegations/*', signedIn(parts))

  app.get('/delegations', async (http) => {
    const visitor = http.get('visitor')
    const now = clock()
    const mine = principals
      .delegationsOf(visitor.human)
      .flatMap((id) => principals.delegation(id) ?? [])
      .filter(({ parent, mandate }) => !parent && !mandate)
      .reverse()
    const live = mine.filter((one) => !endOf(one, principals, now))
    const ended = mine.filter((one) => endOf(one, principals, now))
    const shown = http.req.query('ended') === 'all' ? ended : ended.slice(0, ENDED_SHOWN)
    return showPage(http, visitor, {
      title: 'Your delegations',
      where: 'delegations',
      body: html`<h1>What you have delegated</h1>
${
  live.length === 0
    ? html`<p class="lead">No agent acts on your behalf now.</p>`
    : html`<p class="lead">${live.length === 1 ? 'One agent acts' : `${live.length} delegations are live: agents act`} on your behalf. You can end it at any moment.</p>`
}
<p class="actions"><a class="button" href="/delegate">Delegate to an agent</a> <a class="button second" href="/requests">Answer a request</a></p>
${live.length === 0 ? '' : html`<h2>Live</h2><ul class="plain rows">${live.map((one) => row(one, now))}</ul>`}
${ended.length === 0 ? '' : html`<h2>Ended</h2><ul class="plain rows">${shown.map((one) => row(one, now))}</ul>`}
${shown.length < ended.length ? html`<p><a href="/delegations?ended=all">Show all ${ended.length} that have ended</a></p>` : ''}
${whoYouAre(visitor)}`,
    })
  })

  app.get('/delegations/:id', async (http) => {
    const { visitor, delegation } = own(http)
    return detailPage(http, visitor, delegation)
  })

  app.post('/delegations/:id/end', async (http) => {
    const { visitor, delegation } = own(http)
    const typed = http.get('form').get('reason') ?? ''
    const reason = Prose.safeParse(typed)
    if (!reason.success)
      return detailPage(http, visitor, delegation, { typed, problem: `The reason ${reason.error.issues[0]?.message}.` })
    const { human } = visitor
    await writer.execute(principals.delegations, {
      id: delegation.delegation,
      actor: { kind: 'human', id: human },
      correlation: { delegation: delegation.delegation, human },
      now: clock(),
      decide: (state) => revokeDelegation(state, delegation.delegation, reason.data),
    })
    return http.redirect(`/delegations/${delegation.delegation}?done=ended`, 303)
  })

  /** Somebody else's is not there. */
  function own(http: Http<Env>): { visitor: Visitor; delegation: Delegation } {
    const visitor = http.get('visitor')
    const id = http.req.param('id') ?? ''
    const delegation = principals.delegation(id)
    if (!delegation || delegation.human !== visitor.human || delegation.mandate) throw notFound('delegation', id)
    return { visitor, delegation }
  }

  const row = (delegation: Delegation, now: Date): Html => {
    const { delegation: id, agent, purpose, expires_at, authorization_details } = delegation
    const end = endOf(delegation, principals, now)
    const blueprint = principals.agent(agent)?.blueprint ?? 'unknown'
    return html`<li><h3><a href="/delegations/${id}">The agent <code>${blueprint}</code> may ${show(authorityInWords(authorization_details))}</a></h3>
<p>${tag(end)} ${end ? `${endedBecause(delegation, end)}` : `until ${instantInWords(expires_at)}, in ${left(expires_at, now)}`}</p>
<p class="small soft">For: ${foreign(purpose)} · <code>${agent}</code></p>
${end ? '' : html`<p><a href="/delegations/${id}#end">End it<span class="soft"> …</span></a></p>`}</li>`
  }

  function endedBecause(delegation: Delegation, end: string): string {
    const revocation = revocations.get(delegation.delegation)
    if (!revocation) return endInWords(end, delegation.expires_at)
    const who = revocation.by === delegation.human ? 'you' : 'somebody else'
    return `ended by ${who} on ${instantInWords(revocation.at)}`
  }

  /** What is passed on below: it ends with it. */
  const below = (delegation: Delegation): Delegation[] =>
    principals
      .withDescendants(delegation.delegation)
      .slice(1)
      .flatMap((id) => principals.delegation(id) ?? [])

  async function detailPage(
    http: Http<Env>,
    visitor: Visitor,
    delegation: Delegation,
    wrong?: { typed: string; problem: string },
  ) {
    const now = clock()
    const end = endOf(delegation, principals, now)
    const facts = await factsOf(parts, delegation.agent)
    const children = below(delegation)
    const revocation = revocations.get(delegation.delegation)
    const { delegation: id, authorization_details, purpose, not_before, expires_at, maximum_depth } = delegation
    return showPage(http, visitor, {
      title: `${wrong ? 'Please check: ' : ''}Delegation to ${facts.agent.blueprint}`,
      where: 'delegations',
      status: wrong ? 400 : 200,
      body: html`${done(http.req.query('done'), end)}
<h1>The agent <code>${facts.agent.blueprint}</code> ${end ? 'was allowed to' : 'may'} <strong>${show(authorityInWords(authorization_details))}</strong>, on your behalf</h1>
<p>${tag(end)} ${end ? endedBecause(delegation, end) : `until ${instantInWords(expires_at)}, in ${left(expires_at, now)}`}</p>
${!end && facts.agent.expires_at < expires_at ? html`<p class="small soft">Its agent itself lives until ${instantInWords(facts.agent.expires_at)}, unless it is renewed.</p>` : ''}
${revocation ? html`<p>Reason given: ${foreign(revocation.reason)}</p>` : ''}
<h2>Exactly this, and nothing else</h2>
${authorityList(authorization_details)}
<h2>About it</h2>
<dl class="facts"><dt>Why</dt><dd>${foreign(purpose)}</dd>
<dt>From</dt><dd>${instantInWords(not_before)}</dd><dt>Until</dt><dd>${instantInWords(expires_at)}</dd>
<dt>Passing on</dt><dd>${depthInWords(maximum_depth)}</dd>
<dt>Number</dt><dd><code>${id}</code></dd></dl>
<h2>The agent</h2>
${factsList(facts)}
${
  children.length === 0
    ? ''
    : html`<h2>Passed on to</h2><ul>${children.map(
        (child) =>
          html`<li><code>${child.agent}</code>: ${show(authorityInWords(child.authorization_details))}, until ${instantInWords(child.expires_at)}</li>`,
      )}</ul>`
}
${end ? '' : html`${await tokenOf(delegation)}${endForm(visitor, delegation, children.length, wrong)}`}
<p class="actions"><a href="/delegations">All your delegations</a></p>`,
    })
  }

  const tokenOf = async (
    delegation: Delegation,
  ): Promise<Html> => html`<details><summary>Hand it to the agent yourself</summary>
<p>An agent that asked gets this by itself. If you began the delegation, give the agent this token. It is of no use without that agent’s key.</p>
<label for="token">Delegation token</label>
<textarea id="token" readonly rows="5">${await parts.delegationTokens.issue(delegation)}</textarea></details>`

  return app
}

const endForm = (
  visitor: Visitor,
  { delegation }: Delegation,
  children: number,
  wrong?: { typed: string; problem: string },
): Html => html`<section class="card" id="end" aria-labelledby="end-title"><h2 id="end-title">End it</h2>
<p>The agent is refused from its next act on${children > 0 ? `, and so ${children === 1 ? 'is the one' : `are the ${children}`} that it passed this on to` : ''}. What it has done stays done. This cannot be taken back; you can delegate anew.</p>
<form method="post" action="/delegations/${delegation}/end">${token(visitor)}
<div class="field"><label for="reason">Why</label>
<p class="hint" id="reason-hint">Goes into the record, for everybody who looks there. No names.</p>
${wrong ? html`<p class="error" id="reason-error" role="alert">${wrong.problem}</p>` : ''}
<input id="reason" name="reason" required maxlength="500" value="${wrong?.typed ?? ''}" aria-describedby="reason-hint${wrong ? ' reason-error' : ''}"${wrong ? ' aria-invalid=true' : ''}></div>
<div class="actions"><button class="stop" type="submit">End this delegation</button></div></form></section>`

const tag = (end: string): Html =>
  end ? html`<span class="tag">Ended</span>` : html`<span class="tag live">Live</span>`

const left = (until: string, now: Date): string => durationInWords((Date.parse(until) - now.getTime()) / 1_000)

function done(what: string | undefined, end: string): Html | '' {
  if (what === 'approved' && !end)
    return notice(
      'good',
      html`<strong>Approved.</strong> The agent may begin now. If that was a mistake, <a href="#end">end it</a>: it is refused from its next act on.`,
    )
  if (what === 'granted' && !end)
    return notice(
      'good',
      html`<strong>Delegated.</strong> The agent may begin as soon as it has the token below. If that was a mistake, <a href="#end">end it</a>.`,
    )
  if (what === 'ended' && end)
    return notice(
      'good',
      html`<strong>Ended.</strong> The agent is refused from its next act on, with everything that it passed on.`,
    )
  return ''
}

/** How the identity provider's claims were read: what a platform engineer looks for first. */
const whoYouAre = (visitor: Visitor): Html => html`<details><summary>Who you are here</summary><dl class="facts">
<dt>Name</dt><dd>${named(visitor.name || 'not told by your identity provider')}</dd>
<dt>Signed in at</dt><dd>${named(visitor.providerName)} <small class="soft"><code>${visitor.issuer}</code></small></dd>
<dt>In the record</dt><dd><code>${visitor.human}</code></dd>
<dt>Groups</dt><dd>${visitor.groups.length === 0 ? 'none' : html`<ul class="plain">${visitor.groups.map((group) => html`<li>${named(group)}</li>`)}</ul>`}</dd>
<dt>Roles</dt><dd>${[...visitor.roles].join(', ') || 'none'}</dd></dl></details>`
