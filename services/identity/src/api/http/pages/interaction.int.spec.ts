/**
 * An agent's client sends a person to the authorization endpoint (RFC 9126, RFC 6749 §4.1), who signs in, is asked, and is
 * sent back: a standard client (`openid-client`), a real sign-in, no scripts.
 */
import { decodeJwt } from 'jose'
import * as openid from 'openid-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Page, type Person, wordsOf } from '../../../../../../infra/dev/person.ts'
import * as facts from '../../../../../../infra/testing/facts.ts'
import { openPeopleHouse, type PeopleHouse } from '../../../testing/people.ts'
import { openidClient } from '../../../testing/standard-client.ts'
import { REDIRECT_URI } from '../../../testing/token-client.ts'

let house: PeopleHouse
beforeAll(async () => {
  house = await openPeopleHouse()
}, 120_000)
afterAll(() => house?.close(), 60_000)

/** A person whose browser, when it is sent to the agent's own site, is there. */
function newPerson(): Person {
  const there: typeof fetch = async (input, init) =>
    String(input).startsWith(REDIRECT_URI) ? new Response('back at the agent') : house.fetch(input, init)
  return house.personWith(there)
}

async function begin(purpose = 'Books the meetings that you asked for') {
  const agent = await house.agent()
  const holder = { ...agent, delegationToken: '', grant: '' }
  const client = await openidClient(house, holder)
  const verifier = openid.randomPKCECodeVerifier()
  const state = openid.randomState()
  const url = await openid.buildAuthorizationUrlWithPAR(
    client.configuration,
    {
      redirect_uri: REDIRECT_URI,
      state,
      code_challenge: await openid.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      authorization_details: JSON.stringify([facts.detail({ actions: ['calendar.book', 'calendar.read'] })]),
      delegation_purpose: purpose,
      delegation_lifetime: '28800',
      delegation_depth: '1',
    },
    { DPoP: client.DPoP },
  )
  const collect = (page: Page) =>
    openid
      .authorizationCodeGrant(
        client.configuration,
        page.url,
        { pkceCodeVerifier: verifier, expectedState: state },
        undefined,
        { DPoP: client.DPoP },
      )
      .finally(client.close)
  return { agent, url, collect }
}
/** From the client's link to the question, through the sign-in. */
async function asked(person: Person, url: URL, login = 'cora'): Promise<Page> {
  const page = await person.open(url)
  return page.text.includes('name="password"')
    ? person.submit(page, { login, password: house.passwords[login] ?? '' })
    : page
}

describe('the question of an authorization request', () => {
  it('RFC 6749 §4.1, RFC 9126: is asked after the sign-in, approved for less, and the client gets the delegation', async () => {
    const person = newPerson()
    const { agent, url, collect } = await begin()
    const page = await asked(person, url)
    expect(page.url.pathname).toMatch(/^\/interaction\/[\w-]+$/)
    expect(wordsOf(page)).toContain(
      'The agent meeting-scheduler asks to book and read all calendar events at calendar.acme.example for 8 hours, on your behalf',
    )
    const after = await person.submit(page, { 'd0.actions': ['1'], seconds: '900', depth: '0' }, 'Approve')
    expect(after.url.href.startsWith(REDIRECT_URI)).toBe(true)
    const tokens = await collect(after)
    const { jti = '', sub, may_act } = decodeJwt(tokens.access_token)
    expect(may_act).toMatchObject({ sub: agent.spiffeId })
    const mine = await house.signedIn('cora')
    expect(sub).toBe(mine.human)
    const shown = wordsOf(await mine.open(house.at(`/delegations/${jti}`)))
    expect(shown).toContain('The agent meeting-scheduler may read all calendar events at calendar.acme.example')
    expect(shown).toContain('It may not pass this on')
    expect(shown).toContain('Why Books meetings')
    const given = (await house.read('IDENTITY')).flatMap(({ facts: all }) => all.map(({ data }) => data))
    const signIn = { acr: 'urn:acme:password', amr: ['pwd'], at: expect.any(String) }
    expect(given).toContainEqual(
      expect.objectContaining({ delegation: jti, sign_in: signIn, not_before: expect.any(String) }),
    )
  })

  it('consent-shows-redirect-and-client-host: RFC 9700 §4.1, on the page as it is served, which lets its form lead there and nowhere else', async () => {
    const { agent, url } = await begin()
    const page = await asked(newPerson(), url)
    expect(wordsOf(page)).toContain(
      `Asked by the client ${agent.spiffeId}. After your answer the browser goes to agents.acme.example`,
    )
    expect(page.headers.get('content-security-policy')).toContain("form-action 'self' https://agents.acme.example;")
  })

  it('consent-text-not-from-client: the purpose that the client sends is the agent’s words, at the end', async () => {
    const { url } = await begin('</h1> Approve this, it is from security')
    const { text } = await asked(newPerson(), url)
    expect(text.indexOf('Approve this, it is from security')).toBeGreaterThan(text.indexOf('The agent says'))
    expect(text.match(/<h1/g)).toHaveLength(1)
  })

  it('RFC 6749 §4.1.2.1: is declined, and the client is told; reported, and security reads it', async () => {
    const person = newPerson()
    const { url, collect } = await begin()
    const after = await person.submit(await asked(person, url), { report: 'yes' }, 'Decline')
    expect(after.url.searchParams.get('error')).toBe('access_denied')
    expect(after.url.searchParams.get('iss')).toBe(house.stack.issuer)
    await expect(collect(after)).rejects.toMatchObject({ error: 'access_denied' })
    expect(JSON.stringify(await house.read('IDENTITY'))).toContain('declined_and_reported')
  })

  it('is of the browser that was sent there: the address alone shows nothing, to others who are signed in neither', async () => {
    const { url } = await begin()
    const page = await asked(newPerson(), url)
    const other = await house.signedIn('milan')
    const seen = await other.open(page.url)
    expect([seen.status, wordsOf(seen)]).toEqual([404, expect.stringContaining('There is no interaction')])
  })

  it('is answered once', async () => {
    const person = newPerson()
    const { url } = await begin()
    const page = await asked(person, url)
    const clicks = await Promise.all([person.submit(page, {}, 'Approve'), person.submit(page, {}, 'Approve')])
    expect(
      clicks.filter((one) => one.url.href.startsWith(REDIRECT_URI) && one.url.searchParams.has('code')).length,
    ).toBeLessThanOrEqual(1)
    const granted = (await house.read('IDENTITY')).flatMap(({ facts: all, correlation }) =>
      all.filter(({ type }) => type === 'credence.identity.delegation.granted.v1' && correlation.delegation),
    )
    const agents = granted.flatMap(({ data }) =>
      'agent' in data && wordsOf(page).includes(String(data.agent)) ? [data.agent] : [],
    )
    expect(agents).toHaveLength(1)
  })
})
