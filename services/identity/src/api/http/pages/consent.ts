/**
 * The question whether an agent may act for somebody, as they meet it: the same whether they typed a code (RFC 10027,
 * BCP 247) or were sent here by an authorization request (RFC 6749 §4.1). The heading is made by us from facts. What the
 * agent says of it comes last, as somebody else's words.
 */
import type { AuthorizationDetail } from '@credence/contracts/authority'
import { html, raw } from 'hono/html'
import { textOf } from '../../../domain/phrase.ts'
import { durationInWords, instantInWords } from '../../../domain/time-in-words.ts'
import { authorityInWords, depthInWords } from '../../../domain/words.ts'
import { type AgentFacts, factsList, keyTail } from './agent-facts.ts'
import { authorityBoxes, type Ticked } from './authority.ts'
import { foreign, type Html, named, notice, show, token } from './page.ts'
import type { Visitor } from './session.ts'

export type Asked = {
  facts: AgentFacts
  details: AuthorizationDetail[]
  lifetimeSeconds: number
  maximumDepth: number
  /** When the agent asked, where that is known, and until when it can be answered. */
  since?: Date
  until: Date
  /** How the person came here: the code that they typed, or the page or program that sent them. */
  way: { kind: 'code' } | { kind: 'redirect'; uri: string; client: string }
  /** What the agent says; empty when it said nothing. */
  statement: string
}

export type Choices = { seconds: number; depth: number; ticked: Ticked; reported: boolean }

/** As it was asked: all of it. */
export const asAsked = ({ lifetimeSeconds, maximumDepth }: Asked): Choices => ({
  seconds: lifetimeSeconds,
  depth: maximumDepth,
  ticked: () => true,
  reported: false,
})

export const titleOf = ({ facts, details }: Asked): string =>
  `The agent ${facts.agent.blueprint} asks to ${textOf(authorityInWords(details))}`

/** @param problems what was wrong with the answer, by field */
export function consentView(
  visitor: Visitor,
  asked: Asked,
  form: { action: string; hidden: Record<string, string>; choices: Choices; problems: Map<string, string> },
): Html {
  const { facts, details, lifetimeSeconds, way } = asked
  const { choices, problems } = form
  const error = (field: string): Html | '' => {
    const problem = problems.get(field)
    return problem ? html`<p class="error" role="alert" id="error-${field}">${problem}</p>` : ''
  }
  return html`<form method="post" action="${form.action}" class="asked">
${token(visitor)}${Object.entries(form.hidden).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}
<div class="what">
<h1>The agent <code>${facts.agent.blueprint}</code> asks to <strong>${show(authorityInWords(details))}</strong> for <strong>${durationInWords(lifetimeSeconds)}</strong>, on your behalf</h1>
<p class="lead">It is <code>${facts.agent.agent}</code>, owner ${named(facts.owner)}, sponsor ${named(facts.sponsor)}, key <code class="whole">${keyTail(facts)}</code>.</p>
${whereItGoes(way)}
</div>
<section class="answer card" aria-labelledby="answer">
<h2 id="answer">Your answer</h2>
<p>If you did not start this yourself, or do not expect it just now, choose <strong>Decline</strong>. Then nothing happens.</p>
${error('answer')}
<div class="actions pairs">
<button type="submit" name="answer" value="decline" autofocus>Decline</button>
<button type="submit" name="answer" value="approve">Approve</button>
</div>
<div class="tick"><input type="checkbox" id="report" name="report" value="yes"${choices.reported ? raw(' checked') : ''}>
<label for="report">I did not expect this: decline and tell security</label></div>
</section>
<div class="rest">
<h2>Exactly what it asks for</h2>
<p>Untick what you do not want to give. You can give less than was asked, never more.</p>
${authorityBoxes(details, { ticked: choices.ticked, error })}
<div class="pair">
<div class="field"><label for="seconds">For how long</label>${error('seconds')}
<select id="seconds" name="seconds">${shorter(lifetimeSeconds).map(
    (seconds) =>
      html`<option value="${seconds}"${seconds === choices.seconds ? raw(' selected') : ''}>${durationInWords(seconds)}${seconds === lifetimeSeconds ? ' (as asked)' : ''}</option>`,
  )}</select></div>
${asked.maximumDepth > 0 ? depthField(asked, choices, error) : ''}
</div>
<h2>What follows if you approve</h2>
<ul>
<li>The agent acts on your behalf, by itself, within what is ticked above. For every task it still needs a permission from policy, and every act is recorded as done for you.</li>
<li>${depthInWords(asked.maximumDepth)}</li>
<li>It can do nothing else for you.</li>
</ul>
<h2>What ends it</h2>
<ul>
<li>Time: it ends by itself after ${durationInWords(lifetimeSeconds)}, or sooner if you choose so.</li>
<li>You: end it at any moment under <em>Delegations</em>. It is refused from its next act on, with everything that it passed on.</li>
<li>Others: when the agent or its class is stopped, or when you leave the company.</li>
</ul>
<h2>Who acts for whom</h2>
<ol class="chain"><li>You, ${named(visitor.name || visitor.human)}</li>
<li>the agent <code>${facts.agent.agent}</code>${asked.maximumDepth > 0 ? raw('</li><li>agents that it starts, if it passes this on') : ''}</li></ol>
<h2>About this request</h2>
<p>${asked.since ? `The agent itself started this on ${instantInWords(asked.since)}. ` : ''}It can be answered until ${instantInWords(asked.until)}. ${
    way.kind === 'code'
      ? 'You came here by typing the code that it shows. If somebody sent you that code or read it to you, decline.'
      : 'You came here from the agent’s own page or program.'
  }</p>
<details><summary>More about the agent</summary>${factsList(facts)}</details>
${said(asked.statement)}
</div>
</form>`
}

/** The last part of the page: a stranger's words in a box of their own. */
const said = (statement: string): Html | '' =>
  statement === ''
    ? ''
    : html`<section class="said" aria-labelledby="says"><h2 id="says">The agent says</h2>
<p class="small soft">These are the agent’s own words. Credence has not checked them, and they change nothing of what you approve.</p>
<blockquote dir="ltr">${foreign(statement)}</blockquote></section>`

/** RFC 9700 §4.1, RFC 8252 §8: where the browser goes next, by host; a program on this very machine is another matter. */
function whereItGoes(way: Asked['way']): Html | '' {
  if (way.kind === 'code') return ''
  const url = new URL(way.uri)
  const client = html`<p>Asked by the client <code>${way.client}</code>. After your answer the browser goes to <strong>${url.host}</strong> <small class="soft"><code>${url.href}</code></small>.</p>`
  if (!isHere(url.hostname)) return client
  return html`${client}${notice(
    'bad',
    html`<strong>That is a program on this computer</strong>, not a web site: any program that runs here could be listening. Approve only if you started it yourself a moment ago.`,
  )}`
}

const isHere = (host: string): boolean =>
  host === 'localhost' || host.endsWith('.localhost') || host === '[::1]' || /^127\./.test(host)

const STEPS = [300, 900, 3_600, 4 * 3_600, 8 * 3_600, 86_400, 7 * 86_400]
/** The asked time, and shorter ones. */
export const shorter = (asked: number): number[] => [asked, ...STEPS.filter((step) => step < asked).reverse()]

const depthField = (asked: Asked, choices: Choices, error: (field: string) => Html | ''): Html =>
  html`<div class="field"><label for="depth">Passing it on</label>${error('depth')}
<select id="depth" name="depth">${Array.from(
    { length: asked.maximumDepth + 1 },
    (_none, at) => asked.maximumDepth - at,
  ).map(
    (depth) =>
      html`<option value="${depth}"${depth === choices.depth ? raw(' selected') : ''}>${depth === 0 ? 'not allowed' : depth === 1 ? 'agents that it starts' : `${depth} generations down`}${depth === asked.maximumDepth ? ' (as asked)' : ''}</option>`,
  )}</select></div>`
