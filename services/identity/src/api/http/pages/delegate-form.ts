/** The form in which a person says what an agent may do for them. */
import type { AuthorizationDetail } from '@credence/contracts/authority'
import { html, raw } from 'hono/html'
import { MAX_LIFETIME_SECONDS } from '../../../domain/delegation.ts'
import { durationInWords, instantInWords } from '../../../domain/time-in-words.ts'
import { type AgentFacts, factsList } from './agent-facts.ts'
import { authorityBoxes } from './authority.ts'
import { LIVES } from './delegate-input.ts'
import { type Html, token } from './page.ts'
import type { Visitor } from './session.ts'

export type FormParts = {
  facts: AgentFacts
  ceiling: AuthorizationDetail[]
  depth: number
  typed: URLSearchParams
  problems: Map<string, string>
}

export function delegateForm(visitor: Visitor, parts: FormParts): Html {
  const { facts, ceiling, typed, problems } = parts
  const error = (field: string): Html | '' => {
    const problem = problems.get(field)
    return problem ? html`<p class="error" id="${field}-error">${problem}</p>` : ''
  }
  /** Value, and what tells of a problem, of an input. */
  const held = (field: string, usual = '') =>
    html`id="${field}" name="${field}" value="${typed.get(field) ?? usual}"${
      problems.has(field) ? html` aria-invalid="true" aria-describedby="${field}-error"` : ''
    }`
  const input = (field: string, label: string, more: { hint?: string; type?: string; attributes?: string } = {}) =>
    html`<div class="field"><label for="${field}">${label}</label>${more.hint ? html`<p class="hint">${more.hint}</p>` : ''}${error(field)}
<input type="${more.type ?? 'text'}" ${held(field)} autocomplete="off" ${raw(more.attributes ?? '')}></div>`

  const narrower = (field: string, index: number, name: string) => {
    if (!name.endsWith('*')) return ''
    const id = `${field}.${index}`
    return html`<div class="under">${
      field.endsWith('.actions')
        ? input(`${id}.only`, `Only these under “${name.slice(0, -2)}”`, {
            hint: `Optional. For example: ${name.slice(0, -1)}read`,
          })
        : input(`${id}.begins`, 'Only those whose id begins with', { hint: 'Optional.' })
    }</div>`
  }
  const limits = (at: number) => {
    const open = ['amount', 'currency', 'count', 'argument', 'pattern', 'from', 'until'].some(
      (name) => typed.get(`d${at}.${name}`) || problems.has(`d${at}.${name}`),
    )
    return html`<details${open ? raw(' open') : ''}><summary>Set limits</summary>
<div class="pair">${input(`d${at}.amount`, 'At most this much each time', { attributes: 'inputmode="decimal" placeholder="420.00"' })}${input(`d${at}.currency`, 'Currency', { attributes: 'maxlength="3" placeholder="EUR"' })}</div>
${input(`d${at}.count`, 'At most this many times in all', { attributes: 'inputmode="numeric"' })}
<div class="pair">${input(`d${at}.argument`, 'Only where this', { hint: 'Name of an argument, like recipient' })}${input(`d${at}.pattern`, 'is this', { hint: 'A star at the beginning or end stands for anything' })}</div>
<div class="pair">${input(`d${at}.from`, 'Only from (UTC)', { type: 'datetime-local' })}${input(`d${at}.until`, 'Only until (UTC)', { type: 'datetime-local' })}</div>
</details>`
  }
  const life = typed.get('life') ?? String(LIVES[1])
  const radio = (value: string, text: Html | string) =>
    html`<div class="tick"><input type="radio" id="life.${value}" name="life" value="${value}"${life === value ? raw(' checked') : ''}><label for="life.${value}">${text}</label></div>`

  return html`<h1>Delegate to the agent <code>${facts.agent.blueprint}</code></h1>
${summaryOf(problems)}
<details><summary>Which agent this is: <code>${facts.agent.agent}</code></summary>${factsList(facts)}</details>
<form method="post" action="/delegate/${facts.agent.agent}" novalidate>${token(visitor)}
<fieldset class="big"><legend class="section">What exactly may it do for you?</legend>
<p class="hint">Agents of this class can never hold more than this. Tick only what this agent needs.</p>${error('details')}
${authorityBoxes(ceiling, {
  ticked: (field, at) => typed.getAll(field).includes(String(at)),
  error,
  below: narrower,
  atEnd: limits,
})}</fieldset>
<fieldset class="big"><legend class="section">For how long?</legend>${error('life')}
${LIVES.map((seconds) => radio(String(seconds), durationInWords(seconds)))}
${radio('other', 'Another time')}
<div class="under"><div class="pair"><div class="field"><label for="life_count">How many</label>${error('life_count')}<input ${held('life_count')} inputmode="numeric" autocomplete="off"></div>
<div class="field"><label for="life_unit">of these</label><select id="life_unit" name="life_unit">${[
    'hours',
    'minutes',
    'days',
  ].map(
    (unit) => html`<option value="${unit}"${typed.get('life_unit') === unit ? raw(' selected') : ''}>${unit}</option>`,
  )}</select></div></div></div>
<p class="hint">At most ${durationInWords(MAX_LIFETIME_SECONDS)}. This agent itself lives until ${instantInWords(facts.agent.expires_at)}; nothing counts longer than that.</p></fieldset>
<div class="field section"><label for="depth">May it pass this on?</label>
<p class="hint">An agent can start other agents for parts of its work. What it passes on is never more than it holds, and ends when yours ends.</p>${error('depth')}
<select id="depth" name="depth">${Array.from({ length: parts.depth + 1 }, (_none, depth) => html`<option value="${depth}"${typed.get('depth') === String(depth) ? raw(' selected') : ''}>${passing(depth)}</option>`)}</select></div>
<div class="field section"><label for="purpose">Why?</label>
<p class="hint" id="purpose-hint">One sentence for the record, for whoever asks later why this agent could act for you. No names, nothing secret.</p>${error('purpose')}
<textarea id="purpose" name="purpose" required maxlength="500" aria-describedby="purpose-hint${problems.has('purpose') ? ' purpose-error' : ''}"${problems.has('purpose') ? raw(' aria-invalid="true"') : ''}>${typed.get('purpose') ?? ''}</textarea></div>
<div class="actions"><button type="submit" name="step" value="review">Review</button> <a href="/delegate">Choose another agent</a></div>
</form>`
}

const passing = (depth: number): string => {
  if (depth === 0) return 'No: this agent only'
  return depth === 1 ? 'Yes, to agents that it starts' : `Yes, down to ${depth} generations of agents`
}

/** Errors are listed first as well, with a way to each (WCAG 2.2, 3.3.1). */
const summaryOf = (problems: Map<string, string>): Html | '' =>
  problems.size === 0
    ? ''
    : html`<div class="notice bad" role="alert" tabindex="-1" autofocus><p><strong>Please check ${problems.size === 1 ? 'one thing' : `${problems.size} things`}.</strong> Nothing was delegated.</p>
<ul>${[...problems].map(([field, problem]) => html`<li><a href="#${field}-error">${problem}</a></li>`)}</ul></div>`
