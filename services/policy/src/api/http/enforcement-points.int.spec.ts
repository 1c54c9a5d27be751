import { createHmac, generateKeyPairSync } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { openAuthority } from '../../../../../infra/dev/pki.ts'
import { DOMAIN, EVALUATION, type Listening, listening, POINT, QUESTION } from '../../testing/listening.ts'

let place: Listening
let anonymous: ReturnType<Listening['client']>
const ask = { method: 'POST', body: JSON.stringify(QUESTION) }
const json = { 'content-type': 'application/json' }

beforeAll(async () => {
  place = await listening()
  anonymous = place.client()
})
afterEach(() => {
  place.at(() => new Date())
  place.asked.length = 0
})
afterAll(() => place.close())

const withToken = async (token: string) => {
  const answer = await anonymous(EVALUATION, { ...ask, headers: { ...json, authorization: `Bearer ${token}` } })
  return { status: answer.status, text: await answer.text(), challenge: answer.headers.get('www-authenticate') }
}

describe('an enforcement point', () => {
  it('proves itself by the certificate of its connection', async () => {
    const point = place.client(await place.issue('enforcement-point/calendar'))
    for (let times = 0; times < 3; times++) {
      const answer = await point(EVALUATION, { ...ask, headers: json })
      expect(answer.status).toBe(200)
      expect(await answer.json()).toEqual({ decision: false })
    }
    expect(place.asked.map(({ asker }) => asker)).toEqual(
      Array(3).fill({ id: POINT, address: '127.0.0.1', protocol: 'authzen' }),
    )
  })

  it('proves itself by a JWT-SVID for this decision point', async () => {
    const token = await place.svid()
    for (let times = 0; times < 3; times++) expect(await withToken(token)).toMatchObject({ status: 200 })
    expect(place.asked[0]?.asker.id).toBe(POINT)
  })

  it('Authorization API 1.0 §security-sender-authentn-fail: without either it is 401, with a challenge, and nothing is asked', async () => {
    const answer = await anonymous(EVALUATION, { ...ask, headers: json })
    expect(answer.status).toBe(401)
    expect(answer.headers.get('www-authenticate')).toBe(`Bearer realm="${place.url}"`)
    expect(answer.headers.get('content-type')).toBe('text/plain; charset=utf-8')
    for (const path of [
      '/access/v1/evaluations',
      '/access/v1/search/subject',
      '/access/v1/search/resource',
      '/access/v1/search/action',
      '/access/v1/requests',
    ])
      expect((await anonymous(path, { ...ask, headers: json })).status, path).toBe(401)
    expect((await anonymous('/access/v1/requests/apr_1')).status).toBe(401)
    expect(place.asked).toEqual([])
  })

  it('is refused with a token that is expired, of another key, domain, audience or kind', async () => {
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
    const now = Math.floor(Date.now() / 1000)
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const [head, claims, signature] = (await place.svid()).split('.')
    const input = `${part({ alg: 'HS256', kid: 'k1' })}.${claims}`
    const bad: Record<string, string> = {
      expired: await place.svid({ claims: { exp: now - 60 } }),
      'of another key': await place.svid({ key: other }),
      'of a key that nobody has': await place.svid({ header: { kid: 'k2' } }),
      'of another domain': await place.svid({ id: 'spiffe://evil.example/enforcement-point/calendar' }),
      'for somebody else': await place.svid({ claims: { aud: 'https://other.example' } }),
      'for us and somebody else': await place.svid({ claims: { aud: [place.url, 'https://other.example'] } }),
      'of another type': await place.svid({ header: { typ: 'at+jwt' } }),
      'not signed': `${part({ alg: 'none', kid: 'k1' })}.${claims}.`,
      'signed with a shared secret': `${input}.${createHmac('sha256', 'k1').update(input).digest('base64url')}`,
      altered: `${head}.${part({ sub: POINT, aud: place.url, exp: now + 999 })}.${signature}`,
      'no token': 'x',
      'far too long': `${'a'.repeat(5_000)}.b.c`,
    }
    for (const [what, token] of Object.entries(bad)) {
      const { status, challenge } = await withToken(token)
      expect(status, what).toBe(401)
      expect(challenge, what).toContain('error="invalid_token"')
    }
    for (const authorization of ['Basic YTpi', 'Bearer', 'DPoP a.b.c', 'Bearer a.b.c, Bearer a.b.c'])
      expect((await anonymous(EVALUATION, { ...ask, headers: { ...json, authorization } })).status).toBe(401)
    expect(place.asked).toEqual([])
  })

  it('is refused with 403 when it is known and has not the role', async () => {
    const platform = place.client(await place.issue('platform/hr'))
    const answer = await platform(EVALUATION, { ...ask, headers: json })
    expect(answer.status).toBe(403)
    expect(await answer.text()).toContain('enforcement points')
    expect((await withToken(await place.svid({ id: `spiffe://${DOMAIN}/platform/hr` }))).status).toBe(403)
    expect(place.asked).toEqual([])
  })

  it('is not the certificate when a token is sent: the token counts, and must be good', async () => {
    const point = place.client(await place.issue('enforcement-point/calendar'))
    const answer = await point(EVALUATION, { ...ask, headers: { ...json, authorization: 'Bearer a.b.c' } })
    expect(answer.status).toBe(401)
  })

  it('shows a certificate of another CA in vain', async () => {
    const foreign = await openAuthority(`${place.folder}/foreign`, DOMAIN)
    const files = await foreign.issue('point', POINT)
    const answer = await place.client(files)(EVALUATION, { ...ask, headers: json })
    expect(answer.status).toBe(401)
    expect(place.asked).toEqual([])
  })

  it('is remembered for a minute and not beyond its token or certificate', async () => {
    const token = await place.svid({ claims: { exp: Math.floor(Date.now() / 1000) + 30 } })
    expect((await withToken(token)).status).toBe(200)
    place.at(() => new Date(Date.now() + 29_000))
    expect((await withToken(token)).status).toBe(200)
    place.at(() => new Date(Date.now() + 40_000))
    expect((await withToken(token)).status).toBe(401)
    const point = place.client(await place.issue('enforcement-point/mail'))
    place.at(() => new Date())
    expect((await point(EVALUATION, { ...ask, headers: json })).status).toBe(200)
    place.at(() => new Date(Date.now() + 91 * 86_400_000))
    expect((await point(EVALUATION, { ...ask, headers: json })).status).toBe(401)
  })

  it('that is an agent is refused from the moment it was stopped, whatever was remembered', async () => {
    const id = `spiffe://${DOMAIN}/agent/gateway/agt_01jd0000000000000000000009`
    const token = await place.svid({ id })
    expect((await withToken(token)).status).toBe(200)
    place.stopped.add(id)
    expect((await withToken(token)).status).toBe(401)
    place.stopped.delete(id)
    expect((await withToken(token)).status).toBe(200)
  })
})
