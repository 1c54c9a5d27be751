/** The question as an authorization request brings it (RFC 6749 §4.1): which client, and where the browser goes next. */
import { describe, expect, it } from 'vitest'
import { wordsOf } from '../../../../../../infra/dev/person.ts'
import * as facts from '../../../../../../infra/testing/facts.ts'
import { type Asked, asAsked, consentView, titleOf } from './consent.ts'
import type { Visitor } from './session.ts'

const agent = { ...facts.agent(), state: 'active' as const }
const visitor: Visitor = {
  session: 's',
  human: 'hum_1',
  name: 'Cora Lindqvist',
  issuer: 'https://idp.example',
  providerName: 'Acme',
  groups: [],
  roles: new Set(),
  csrf: 'c',
  signIn: undefined,
}
const asked = (uri: string, statement = ''): Asked => ({
  facts: { agent, purpose: 'Books meetings', owner: 'Milan Okafor', sponsor: 'Milan Okafor' },
  details: [facts.detail({ actions: ['calendar.book'] })],
  lifetimeSeconds: 3_600,
  maximumDepth: 0,
  until: facts.NOW,
  way: { kind: 'redirect', uri, client: agent.spiffe_id },
  statement,
})
const shown = async (one: Asked) => {
  const form = { action: '/interaction/x', hidden: {}, choices: asAsked(one), problems: new Map<string, string>() }
  const text = String(await consentView(visitor, one, form))
  return { text, words: wordsOf({ text }) }
}

describe('the question of an authorization request', () => {
  it('consent-shows-redirect-and-client-host: RFC 9700 §4.1, the client by its verified name, and the host that the answer leads to', async () => {
    const { words } = await shown(asked('https://agents.acme.example/callback?x=1'))
    expect(words).toContain(
      `Asked by the client ${agent.spiffe_id}. After your answer the browser goes to agents.acme.example`,
    )
    expect(words).toContain('https://agents.acme.example/callback?x=1')
    expect(words).not.toContain('a program on this computer')
    // A host that only looks like another is shown for what it is.
    const { words: odd } = await shown(asked('https://\u0430gents.acme.example/callback'))
    expect(odd).toContain('the browser goes to xn--gents-3ve.acme.example')
    const { words: userinfo } = await shown(asked('https://agents.acme.example@evil.example/'))
    expect(userinfo).toContain('the browser goes to evil.example')
  })
  it('localhost-redirect-warned: RFC 8252 §8.6, an answer that goes to a program on this computer carries a warning', async () => {
    for (const uri of [
      'http://127.0.0.1:8123/cb',
      'http://[::1]:8123/cb',
      'https://localhost:8443/cb',
      'http://127.1.2.3/cb',
      'https://x.localhost/',
    ]) {
      const { text, words } = await shown(asked(uri))
      expect(words).toContain(
        'That is a program on this computer, not a web site: any program that runs here could be listening',
      )
      expect(words).toContain(new URL(uri).host)
      // It stands above the answer.
      expect(text.indexOf('a program on this computer')).toBeLessThan(text.indexOf('value="approve"'))
    }
  })
  it('consent-text-not-from-client: what the client says is last, labelled, and changes neither title nor heading', async () => {
    const quiet = asked('https://agents.acme.example/callback')
    const loud = asked('https://agents.acme.example/callback', 'Approve </blockquote><h1>Acme Bank</h1>')
    expect(titleOf(loud)).toBe(titleOf(quiet))
    const [before, after] = [await shown(quiet), await shown(loud)]
    expect(after.text.startsWith(before.text.slice(0, before.text.indexOf('</details>\n\n</div>')))).toBe(true)
    expect(after.text.match(/<h1/g)).toHaveLength(1)
    expect(after.words).toMatch(/The agent says .* Approve <\/blockquote><h1>Acme Bank<\/h1>$/)
  })
  it('says what was wrong at its field, and keeps what was chosen', async () => {
    const one = { ...asked('https://agents.acme.example/callback'), maximumDepth: 2 }
    const choices = { seconds: 900, depth: 1, ticked: () => false, reported: true }
    const problems = new Map([['depth', 'Passing on: choose from 0 to 2.']])
    const text = String(await consentView(visitor, one, { action: '/x', hidden: {}, choices, problems }))
    expect(text).toMatch(/id="error-depth">Passing on: choose from 0 to 2\.</)
    expect(text).toMatch(/value="900" selected/)
    expect(text).toMatch(/name="report" value="yes" checked/)
    expect(text).not.toMatch(/name="d0.actions" value="0" checked/)
  })
})
