/** An agent, as a person is shown it: facts of the record only. What it says of itself is not among them. */
import { notFound } from '@credence/contracts/errors'
import type { Agent } from '@credence/contracts/principals/agent'
import { html } from 'hono/html'
import { instantInWords } from '../../../domain/time-in-words.ts'
import { type Html, named } from './page.ts'
import type { PagesParts } from './pages.ts'

export type AgentFacts = { agent: Agent; purpose: string; owner: string; sponsor: string }

type Known = Pick<PagesParts, 'principals' | 'directory'>

/** @throws CredenceError `not_found` */
export async function factsOf({ principals, directory }: Known, id: string): Promise<AgentFacts> {
  const agent = principals.agent(id)
  if (!agent) throw notFound('agent', id)
  const sponsor = principals.sponsorOf(agent)
  const name = async (human: string) => (await directory.nameOf(human)) || human
  return {
    agent,
    // The class's purpose was written by the person who answers for it; a spawned agent's own by another agent.
    purpose: principals.blueprint(agent.blueprint)?.purpose ?? '',
    owner: await name(agent.owner),
    sponsor: await name(sponsor),
  }
}

/** The last characters of its key's thumbprint (RFC 7638): to compare with what the agent itself shows. */
export const keyTail = ({ agent }: AgentFacts): string => `…${agent.key_thumbprint.slice(-6)}`

export const factsList = (facts: AgentFacts): Html => html`<dl class="facts">
<dt>Agent</dt><dd><code>${facts.agent.agent}</code></dd>
<dt>Class</dt><dd><code>${facts.agent.blueprint}</code>${facts.purpose ? html`: ${named(facts.purpose)}` : ''}</dd>
<dt>Owner</dt><dd>${named(facts.owner)}</dd>
<dt>Sponsor</dt><dd>${named(facts.sponsor)}</dd>
<dt>Key</dt><dd><code>${keyTail(facts)}</code></dd>
${facts.agent.parent ? html`<dt>Started by</dt><dd>the agent <code>${facts.agent.parent}</code></dd>` : ''}
<dt>Lives until</dt><dd>${instantInWords(facts.agent.expires_at)}</dd>
</dl>`
