/**
 * People sign in at two OpenID providers at once, by their real forms: the demo company's, and Canaille, which is somebody
 * else's program. Then what an attacker tries around a sign-in and a session.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Page, type Person, wordsOf } from '../../../../../../infra/dev/person.ts'
import type { Running } from '../../../../../../infra/dev/process.ts'
import { GLORIA, hasCanaille, startCanaille } from '../../../../../../infra/testing/canaille/start.ts'
import { openPeopleHouse, type PeopleHouse } from '../../../testing/people.ts'

const there = hasCanaille()
const SESSION = '__Host-credence-session'
const BROWSER = '__Host-credence-browser'

let house: PeopleHouse
let canaille: Running | undefined
beforeAll(async () => {
  house = await openPeopleHouse(async (stack) => {
    const away = { id: 'away', issuer: 'https://localhost:9', display_name: 'Nowhere' }
    if (!there) return [away]
    const started = await startCanaille(stack)
    canaille = started.process
    return [started.provider, away]
  })
}, 120_000)
afterAll(async () => {
  await canaille?.stop()
  await house?.close()
}, 60_000)

const who = (page: Page): string => /Who you are here.*/.exec(wordsOf(page))?.[0] ?? wordsOf(page)

/** Up to the provider's answer, which is not followed: the URL that would sign in. */
async function answerOf(login: string): Promise<{ person: Person; callback: URL }> {
  const person = house.newPerson()
  let callback: URL | undefined
  const watching: typeof fetch = async (input, init) => {
    if (String(input).includes('/signed-in/')) {
      callback = new URL(String(input))
      return new Response('', { status: 200 })
    }
    return house.fetch(input, init)
  }
  const watched = house.personWith(watching)
  await house.signIn(watched, login)
  for (const [name, value] of watched.cookies) person.cookies.set(name, value)
  if (!callback) throw new Error('no answer')
  return { person, callback }
}

describe('signing in', () => {
  it('OpenID Connect Core §3.1: at the demo company; claims become groups and roles', async () => {
    const person = house.newPerson()
    const choice = await person.open(house.at('/delegations'))
    expect(choice.url.pathname).toBe('/sign-in')
    expect(wordsOf(choice)).toMatch(/Choose where your account is.*Acme .*Nowhere/)
    const page = await house.signIn(person, 'milan')
    expect(page.url.pathname).toBe('/delegations')
    expect(who(page)).toMatch(/Name Milan Okafor Signed in at Acme .* Groups marketing credence-sponsors Roles/)
  })

  it.skipIf(!there)(
    `OpenID Connect Core §3.1: at Canaille, another real provider, at the same time${there ? '' : ' (skipped: Canaille is not installed, see .ci/run)'}`,
    { timeout: 60_000 },
    async () => {
      const person = house.newPerson()
      let page = await person.follow(await person.open(house.at('/requests')), 'Globex')
      page = await person.submit(page, { login: GLORIA.login })
      page = await person.submit(page, { password: GLORIA.password })
      if (page.text.includes('name="answer"') && page.url.pathname.includes('authorize'))
        page = await person.submit(page, { answer: 'accept' })
      expect(page.status, wordsOf(page)).toBe(200)
      expect(page.url.href).toBe(house.at('/requests').href)
      const mine = await person.open(house.at('/delegations'))
      expect(who(mine)).toMatch(
        /Name Gloria Mbeki Signed in at Globex .* Groups (sales globex-sponsors|globex-sponsors sales) Roles/,
      )
      // The same login name elsewhere is somebody else.
      const human = /hum_[0-9a-z]{26}/.exec(mine.text)?.[0]
      expect(human).toBeTruthy()
      expect((await house.signedIn('cora')).human).not.toBe(human)
    },
  )

  it('comes back to the page that was wanted, and never to another site', async () => {
    const person = house.newPerson()
    const agent = await house.agent()
    expect((await house.signIn(person, 'cora', `/delegate/${agent.agentId}`)).url.pathname).toBe(
      `/delegate/${agent.agentId}`,
    )
    for (const to of [
      'https://evil.example/',
      '//evil.example/',
      '/\\evil.example',
      '/delegations/../../x',
      'javascript:alert(1)',
    ]) {
      const other = house.newPerson()
      const page = await house.signIn(other, 'cora', `/sign-in?${new URLSearchParams({ to })}`)
      expect(page.url.href).toBe(house.at('/delegations').href)
    }
  })

  it('says in a sentence that a provider is away, and which', async () => {
    const page = await house.newPerson().open(house.at('/sign-in/away'))
    expect([page.status, wordsOf(page)]).toEqual([503, expect.stringContaining('Nowhere cannot be reached now')])
    const unknown = await house.newPerson().open(house.at('/sign-in/unknown'))
    expect(unknown.status).toBe(401)
  })
})

describe('an answer of a provider', () => {
  const refused = async (person: Person, url: URL) => {
    const page = await person.open(url)
    expect(person.cookies.has(SESSION)).toBe(false)
    return [page.status, /Code: (\w+)/.exec(wordsOf(page))?.[1]]
  }
  it('RFC 6749 §10.12: in a browser that did not begin it signs nobody in (login CSRF)', async () => {
    const { callback } = await answerOf('cora')
    const victim = house.newPerson()
    expect(await refused(victim, callback)).toEqual([409, 'sign_in_not_begun_here'])
    // Nor in one that began a sign-in of its own.
    await victim.open(house.at('/sign-in/acme'))
    expect(victim.cookies.has(BROWSER)).toBe(true)
    expect(await refused(victim, callback)).toEqual([409, 'sign_in_not_begun_here'])
  })
  it('counts once, in the browser that began it', async () => {
    const { person, callback } = await answerOf('cora')
    const page = await person.open(callback)
    expect([page.status, page.url.pathname]).toEqual([200, '/delegations'])
    const again = house.newPerson()
    again.cookies.set(BROWSER, 'whatever')
    expect(await refused(again, callback)).toEqual([409, 'sign_in_not_begun_here'])
  })
  it('OpenID Connect Core §3.1.2.7, RFC 6749 §4.1.2, RFC 9207 §2.4: with another state, code or issuer is refused', async () => {
    for (const [name, value] of [
      ['code', 'invented'],
      ['iss', 'https://evil.example'],
      ['error', 'access_denied'],
    ] as const) {
      const { person, callback } = await answerOf('cora')
      callback.searchParams.set(name, value)
      const [status, code] = await refused(person, callback)
      expect([name, status, code]).toEqual([name, 401, expect.stringMatching(/^sign_in_(failed|declined)$/)])
    }
    const { person, callback } = await answerOf('cora')
    callback.searchParams.set('state', 'invented')
    expect(await refused(person, callback)).toEqual([409, 'sign_in_not_begun_here'])
  })
  it('RFC 9700 §4.4: of one provider does not count at another’s redirect URI (mix-up)', async () => {
    const { person, callback } = await answerOf('cora')
    callback.pathname = '/signed-in/away'
    expect(await refused(person, callback)).toEqual([409, 'sign_in_not_begun_here'])
  })
})

describe('a session', () => {
  it('is a new one at every sign-in, whatever the browser held before (session fixation)', async () => {
    const person = house.newPerson()
    person.cookies.set(SESSION, 'planted')
    await house.signIn(person, 'cora')
    const first = person.cookies.get(SESSION)
    expect(first).not.toBe('planted')
    expect(Buffer.from(first ?? '', 'base64url')).toHaveLength(32)
    const attacker = house.newPerson()
    attacker.cookies.set(SESSION, 'planted')
    expect((await attacker.open(house.at('/delegations'))).url.pathname).toBe('/sign-in')
  })
  it('lives in a cookie that only we are sent, and no script can read', async () => {
    const { person, callback } = await answerOf('cora')
    const cookie = [...person.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await house.fetch(callback, { redirect: 'manual', headers: { cookie } })
    const line = response.headers.getSetCookie().find((one) => one.startsWith(`${SESSION}=`)) ?? ''
    for (const part of ['Secure', 'HttpOnly', 'SameSite=Lax', 'Path=/']) expect(line).toContain(part)
    expect(line).not.toMatch(/Domain=|Max-Age=|Expires=/i)
  })
  it('ends when the person signs out, on every replica', async () => {
    const cora = await house.signedIn('cora')
    const id = cora.cookies.get(SESSION) ?? ''
    const page = await cora.submit(cora.page, {}, 'Sign out')
    expect(wordsOf(page)).toContain('You are signed out of Credence')
    expect(cora.cookies.has(SESSION)).toBe(false)
    cora.cookies.set(SESSION, id)
    expect((await cora.open(house.at('/delegations'))).url.pathname).toBe('/sign-in')
  })
  it('of somebody who has left is refused, though its cookie is good, and they cannot sign in again', async () => {
    const aiko = await house.signedIn('aiko')
    await house.deactivate(aiko.human)
    expect((await aiko.open(house.at('/delegations'))).url.pathname).toBe('/sign-in')
    const again = await house.signIn(house.newPerson(), 'aiko')
    expect([again.status, wordsOf(again)]).toEqual([403, expect.stringContaining('Your account is deactivated')])
  })
})

describe('a form', () => {
  const send = async (headers: Record<string, string>, token?: string) => {
    const cora = await house.signedIn('cora')
    const csrf = token ?? /name="csrf" value="([^"]+)"/.exec(cora.page.text)?.[1] ?? ''
    const page = await cora.post(house.at('/sign-out'), { csrf }, headers)
    return [page.status, cora.cookies.has(SESSION)]
  }
  it('counts from our own pages', async () => {
    expect(await send({})).toEqual([200, false])
    expect(await send({ origin: house.stack.issuer, 'sec-fetch-site': '' })).toEqual([200, false])
  })
  it('from another site changes nothing, even with the right token (Origin, Sec-Fetch-Site)', async () => {
    expect(await send({ origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' })).toEqual([403, true])
    expect(await send({ origin: 'null', 'sec-fetch-site': 'cross-site' })).toEqual([403, true])
    expect(await send({ origin: 'null', 'sec-fetch-site': 'same-site' })).toEqual([403, true])
    expect(await send({ origin: 'null', 'sec-fetch-site': '' })).toEqual([403, true])
  })
  it('without the token of this very session changes nothing (CSRF)', async () => {
    const other = await house.signedIn('milan')
    const foreign = /name="csrf" value="([^"]+)"/.exec(other.page.text)?.[1] ?? ''
    for (const token of ['', 'x', foreign]) expect(await send({}, token)).toEqual([403, true])
  })
  it('of another kind, or too large, is refused', async () => {
    expect(await send({ 'content-type': 'text/plain' })).toEqual([400, true])
    const cora = await house.signedIn('cora')
    const page = await cora.post(house.at('/requests'), { code: 'x'.repeat(40_000) })
    expect(page.status).toBe(413)
  })
})

describe('every page', () => {
  it('can fetch, run, frame and leak nothing', async () => {
    const cora = await house.signedIn('cora')
    for (const path of ['/delegations', '/delegate', '/requests', '/sign-in', '/signed-out', '/delegations/dlg_x']) {
      const { headers, text } = await cora.open(house.at(path))
      const policy = headers.get('content-security-policy') ?? ''
      expect(policy).toMatch(
        /^default-src 'none'; style-src 'sha256-[\w+/=]+'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'$/,
      )
      expect(headers.get('cache-control')).toBe('no-store')
      expect(headers.get('referrer-policy')).toBe('no-referrer')
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(text).not.toMatch(/<script|\son\w+=|javascript:|<img|<iframe|<link/i)
    }
  })
  it('leaves no name, code or cookie in a log', async () => {
    expect(house.logs()).not.toMatch(/Cora|Lindqvist|__Host|eyJ/)
  })
})
