/** An agent asks, a person answers (RFC 10027 = BCP 247): over real HTTPS, after a real sign-in, without scripts. */

import { createHash } from 'node:crypto'
import type { AuthorizationDetail } from '@credence/contracts/authority'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { actionOf, type Fields, type Page, wordsOf } from '../../../../../../infra/dev/person.ts'
import * as facts from '../../../../../../infra/testing/facts.ts'
import { openPeopleHouse, type PeopleHouse } from '../../../testing/people.ts'
import { newCode } from '../../request-code.ts'

let house: PeopleHouse
let cora: Awaited<ReturnType<PeopleHouse['signedIn']>>
let agent: Awaited<ReturnType<PeopleHouse['agent']>>
beforeAll(async () => {
  house = await openPeopleHouse()
  cora = await house.signedIn('cora')
}, 120_000)
afterAll(() => house?.close(), 60_000)

/** A fresh agent each time: what waits is limited for each. */
const asks = async (part: Parameters<typeof agent.ask>[0] = {}) => {
  agent = await house.agent()
  const asked = await agent.ask(part)
  return {
    ...asked,
    await: (waitSeconds = 0) => agent.client.awaitDelegation({ requestId: asked.requestId, waitSeconds }),
  }
}
const typed = async (code: string, person = cora): Promise<Page> =>
  person.submit(await person.open(house.at('/requests')), { code }, 'Show the request')
const factsOf = async (type: string) =>
  (await house.read('IDENTITY')).flatMap(({ facts: all }) => all.filter((fact) => fact.type === type))
const BOTH = [facts.detail({ actions: ['calendar.book', 'calendar.read'] })]
const refusal = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error) => [error.reason, error.violations?.[0]?.field],
  )

describe('a request', () => {
  it('is approved by whoever types its code; the agent that waits gets delegation and token', async () => {
    const asked = await asks()
    expect(asked.verificationUri).toBe(`${house.stack.issuer}/requests`)
    expect(asked.userCode).toMatch(/^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/)
    const waiting = asked.await(30)
    const page = await typed(asked.userCode.toLowerCase().replace('-', ' '))
    const after = await cora.submit(page, {}, 'Approve')
    expect(after.status, wordsOf(after)).toBe(200)
    expect(wordsOf(after)).toMatch(/Approved. The agent may begin now. If that was a mistake, end it/)
    const { state, delegation, delegationToken } = await waiting
    expect(state).toBe('DELEGATION_REQUEST_STATE_APPROVED')
    expect(delegation).toMatchObject({ human: cora.human, agentId: agent.agentId, maximumDepth: 0, end: '' })
    expect(decodeJwt(delegationToken)).toMatchObject({ sub: cora.human, jti: delegation?.id })
    const granted = (await factsOf('credence.identity.delegation.granted.v1')).map(({ data }) => data)
    expect(granted).toContainEqual(
      expect.objectContaining({ delegation: delegation?.id, request: asked.requestId, authorization_details: BOTH }),
    )
    expect(await factsOf('credence.identity.request.approved.v1')).toContainEqual(
      expect.objectContaining({ data: { request: asked.requestId, human: cora.human, delegation: delegation?.id } }),
    )
  })

  it('is declined: the agent gets nothing, and is told', async () => {
    const asked = await asks()
    const after = await cora.submit(await typed(asked.userCode), {}, 'Decline')
    expect(wordsOf(after)).toMatch(/Declined The agent got nothing, and is told so/)
    expect(await asked.await()).toMatchObject({
      state: 'DELEGATION_REQUEST_STATE_DECLINED',
      delegation: undefined,
      delegationToken: '',
    })
  })

  it('is declined and reported: security reads it in the record', async () => {
    const asked = await asks()
    const after = await cora.submit(await typed(asked.userCode), { report: 'yes' }, 'Decline')
    expect(wordsOf(after)).toMatch(/Security is told that you did not expect it/)
    expect(await factsOf('credence.identity.request.declined.v1')).toContainEqual(
      expect.objectContaining({ data: { request: asked.requestId, human: cora.human, reported: true } }),
    )
  })

  it('cannot be approved and reported at once: nothing happens, and the page says which to choose', async () => {
    const asked = await asks()
    const page = await cora.submit(await typed(asked.userCode), { report: 'yes' }, 'Approve')
    expect([page.status, wordsOf(page)]).toEqual([
      400,
      expect.stringContaining('You ticked “decline and tell security”, and pressed Approve'),
    ])
    expect((await asked.await()).state).toBe('DELEGATION_REQUEST_STATE_PENDING')
  })

  it('is answered once: two clicks make one delegation, and an answer stands', async () => {
    const asked = await asks()
    const page = await typed(asked.userCode)
    const clicks = await Promise.all([cora.submit(page, {}, 'Approve'), cora.submit(page, {}, 'Approve')])
    expect(clicks.map(({ status }) => status)).toContain(200)
    const granted = await factsOf('credence.identity.delegation.granted.v1')
    expect(granted.filter(({ data }) => 'request' in data && data.request === asked.requestId)).toHaveLength(1)
    expect((await asked.await()).delegation?.end).toBe('')
    const late = await cora.submit(page, {}, 'Decline')
    expect([late.status, wordsOf(late)]).toEqual([409, expect.stringContaining('answered already')])
    expect((await asked.await()).state).toBe('DELEGATION_REQUEST_STATE_APPROVED')
  })

  it('that is approved and declined in the same moment leaves no authority without an approval', async () => {
    for (let turn = 0; turn < 5; turn++) {
      const asked = await asks()
      const page = await typed(asked.userCode)
      await Promise.all([cora.submit(page, {}, 'Approve'), cora.submit(page, {}, 'Decline')])
      const { state } = await asked.await()
      const granted = (await factsOf('credence.identity.delegation.granted.v1')).find(
        ({ data }) => 'request' in data && data.request === asked.requestId,
      )
      const id = granted && 'delegation' in granted.data ? String(granted.data.delegation) : undefined
      const shown = id ? wordsOf(await cora.open(house.at(`/delegations/${id}`))) : 'Ended'
      if (state === 'DELEGATION_REQUEST_STATE_APPROVED') expect(shown).toContain('Live')
      else expect(shown).toContain('Ended')
    }
  })

  it('can be given less than was asked: fewer acts, shorter, not to be passed on', async () => {
    const asked = await asks({ maximumDepth: 1 })
    const page = await typed(asked.userCode)
    await cora.submit(page, { 'd0.actions': ['1'], seconds: '900', depth: '0' }, 'Approve')
    const { delegation } = await asked.await()
    expect(delegation).toMatchObject({ maximumDepth: 0, authorizationDetails: [{ actions: ['calendar.read'] }] })
    const lives = Number(delegation?.expiresAt) - Number(delegation?.notBefore)
    expect(lives).toBe(900_000)
  })

  it('can never be given more than was asked, whatever the form says', async () => {
    const asked = await asks()
    const page = await typed(asked.userCode)
    const csrf = /name="csrf" value="([^"]+)"/.exec(page.text)?.[1] ?? ''
    const all = { csrf, answer: 'approve', 'd0.actions': ['0', '1'], 'd0.resources': ['0'], seconds: '28800' }
    const forged = (fields: Fields) => cora.post(actionOf(page, ['d0.actions']), { ...all, ...fields })
    for (const [fields, message] of [
      [{ seconds: '86400' }, 'Choose one of these times'],
      [{ seconds: 'x' }, 'Choose one of these times'],
      [{ depth: '3' }, 'choose from 0 to 0'],
      [{ depth: '-1' }, 'choose from 0 to 0'],
      [{ 'd0.actions': [] }, 'Nothing would be given'],
      [{ 'd0.resources': ['7'] }, 'Nothing would be given'],
    ] as [Fields, string][]) {
      const refused = await forged(fields)
      expect([refused.status, wordsOf(refused)]).toEqual([400, expect.stringContaining(message)])
    }
    await forged({ 'd0.actions': ['0', '1', '2', '99'], 'd1.actions': ['0'], 'd1.resources': ['0'] })
    const { delegation } = await asked.await()
    expect(delegation?.authorizationDetails.map(({ actions }) => actions)).toEqual([['calendar.book', 'calendar.read']])
  })

  it('RFC 10027, lives for ten minutes', async () => {
    const asked = await asks()
    expect(Number(asked.expiresAt) - Date.now()).toBeGreaterThan(590_000)
    expect(Number(asked.expiresAt) - Date.now()).toBeLessThan(601_000)
  })
})

describe('who may see and answer a request', () => {
  it('request-code-typed (ciba-number-match): RFC 10027, without typing the code there is no request to see', async () => {
    const asked = await asks()
    for (const path of [`/requests/${asked.requestId}`, `/requests/${asked.requestId}?proof=x`]) {
      const page = await cora.open(house.at(path))
      expect([page.status, wordsOf(page)]).toEqual([404, expect.stringContaining('There is no request')])
    }
    // Nor by the address of somebody who typed it.
    const page = await typed(asked.userCode)
    const milan = await house.signedIn('milan')
    expect((await milan.open(page.url)).status).toBe(404)
  })
  it('RFC 10027, a wrong code, one of another form and one for somebody else are told apart only by their form', async () => {
    const milan = await house.signedIn('milan')
    const asked = await asks({ humanId: cora.human })
    const words = async (code: string) => {
      const page = await typed(code, milan)
      return [page.status, /No request with this code waits for you|A code is eight letters/.exec(wordsOf(page))?.[0]]
    }
    expect(await words(newCode())).toEqual([400, 'No request with this code waits for you'])
    expect(await words(asked.userCode)).toEqual([400, 'No request with this code waits for you'])
    expect(await words('AEIO-1234')).toEqual([400, 'A code is eight letters'])
    expect((await typed(asked.userCode)).status).toBe(200)
  })
  it('a person who is asked by name sees that something waits, and nothing of it', async () => {
    const sofia = await house.signedIn('sofia')
    await asks({ humanId: sofia.human })
    const page = wordsOf(await sofia.open(house.at('/requests')))
    expect(page).toContain('One request for you waits for its code')
    expect(page).not.toContain('calendar')
  })
  it('ciba-hint-not-guessable: RFC 10027, a person is asked by pseudonym alone; a name, an address or an unknown one is refused', async () => {
    const one = await house.agent()
    for (const humanId of ['cora', 'cora@acme.example', 'Cora Lindqvist'])
      expect(await refusal(one.ask({ humanId }))).toEqual(['invalid_field', 'human_id'])
    expect((await refusal(one.ask({ humanId: 'hum_01m87nm6ctectrmyxxzy9z8vpd' })))?.[0]).toBe('human_not_found')
  })
  it('only the agent that asked can wait for the answer', async () => {
    const asked = await asks()
    const other = await house.agent()
    const waiting = other.client.awaitDelegation({ requestId: asked.requestId, waitSeconds: 0 })
    expect(await refusal(waiting)).toEqual(['request_of_another_agent', undefined])
  })
})

describe('limits', () => {
  it('RFC 8628 §5.1, many codes in a short time: no further one is looked at, not even a right one, of fifty at once', async () => {
    const milan = await house.signedIn('milan')
    const form = await milan.open(house.at('/requests'))
    const pages = await Promise.all(
      Array.from({ length: 50 }, () => milan.submit(form, { code: newCode() }, 'Show the request')),
    )
    expect(pages.filter(({ status }) => status === 400).length).toBeLessThanOrEqual(10)
    expect(pages.filter(({ status }) => status === 429).length).toBeGreaterThanOrEqual(40)
    const asked = await asks()
    const page = await typed(asked.userCode, milan)
    expect([page.status, page.headers.get('retry-after')]).toEqual([429, '600'])
    expect(wordsOf(page)).toContain('Wait ten minutes')
    // Somebody else is not held up.
    expect((await typed(asked.userCode)).status).toBe(200)
  })
  it('requests-rate-per-human (ciba-rate-per-user): RFC 10027, at most five wait for a person, from however many agents; a no counts on', async () => {
    const sofia = await house.signedIn('sofia')
    const agents = await Promise.all(Array.from({ length: 5 }, () => house.agent()))
    const outcomes: unknown[] = []
    for (const one of agents) outcomes.push(await refusal(one.ask({ humanId: sofia.human })))
    expect(outcomes.filter((one) => one === undefined).length).toBe(4)
    expect(outcomes.at(-1)).toEqual(['too_many_requests', undefined])
    // The person is left alone: declining does not make room at once.
    const last = await house.agent()
    expect(await refusal(last.ask({ humanId: sofia.human }))).toEqual(['too_many_requests', undefined])
    expect(await refusal(last.ask())).toBeUndefined()
  })
  it('RFC 10027, an agent has at most three requests open, and cannot ask again at once when it was told no', async () => {
    const one = await house.agent()
    const first = await one.ask()
    await cora.submit(await typed(first.userCode), {}, 'Decline')
    await one.ask()
    await one.ask()
    expect(await refusal(one.ask())).toEqual(['too_many_requests', undefined])
  })
  it('RFC 10027, many requests at the same moment are counted as many', async () => {
    const one = await house.agent()
    const outcomes = await Promise.all(Array.from({ length: 12 }, () => refusal(one.ask())))
    expect(outcomes.filter((outcome) => outcome === undefined)).toHaveLength(3)
  })
  it('an agent that is not active, or asks for more than its class may hold, is refused with what does not fit', async () => {
    const one = await house.agent()
    const wider: AuthorizationDetail[] = [facts.detail({ locations: ['https://bank.acme.example'] })]
    expect(await refusal(one.ask({ authorizationDetails: wider as never }))).toEqual([
      'outside_ceiling',
      'authorization_details.0',
    ])
    for (const [part, field] of [
      [{ statement: 'x'.repeat(501) }, 'statement'],
      [{ lifetimeSeconds: 0n }, 'lifetime_seconds'],
      [{ lifetimeSeconds: 31n * 86_400n }, 'lifetime_seconds'],
      [{ maximumDepth: 9 }, 'maximum_depth'],
      [{ authorizationDetails: [] }, 'authorization_details'],
    ] as const)
      expect(await refusal(one.ask(part as never))).toEqual(['invalid_field', field])
    await house.security.revokeAgent({ agentId: one.agentId, reason: 'test' })
    expect((await refusal(one.ask()))?.[0]).toBe('agent_revoked')
  })
})

describe('what the page shows', () => {
  it('approval-shows-client-host-actor-and-details: RFC 10027, who asks, for what, where, how long, since when, what follows, what ends it', async () => {
    const asked = await asks({ maximumDepth: 1 })
    const page = await typed(asked.userCode)
    const words = wordsOf(page)
    expect(words).toContain(
      'The agent meeting-scheduler asks to book and read all calendar events at calendar.acme.example for 8 hours, on your behalf',
    )
    expect(words).toMatch(
      new RegExp(`It is ${agent.agentId}, owner Milan, sponsor Milan, key …${agent.key.thumbprint.slice(-6)}`),
    )
    for (const part of [
      'calendar.book',
      'calendar.read',
      'CalendarEvent::*',
      'https://calendar.acme.example/',
      'What follows if you approve',
      'It may pass this on, or a part of it, to agents that it starts itself',
      'What ends it',
      'Time: it ends by itself after 8 hours',
      'You, Cora Lindqvist the agent agt_',
      'If you did not start this yourself, or do not expect it just now, choose Decline',
      'Class meeting-scheduler: Books meetings',
    ])
      expect(words).toContain(part)
    expect(words).toMatch(/The agent itself started this on \d+ \w+ \d{4}, \d\d:\d\d UTC. It can be answered until/)
  })
  it('RFC 10027, Decline comes first, has the focus, and is what Enter does', async () => {
    const { text } = await typed((await asks()).userCode)
    const buttons = [...text.slice(text.indexOf('class="asked"')).matchAll(/<button[^>]*>/g)].map(([tag]) => tag)
    expect(buttons[0]).toBe('<button type="submit" name="answer" value="decline" autofocus>')
    expect(buttons[1]).toBe('<button type="submit" name="answer" value="approve">')
    expect(text.match(/autofocus/g)).toHaveLength(1)
  })
  it('consent-text-not-from-client: what the agent wrote stands last, labelled, as text, and the heading never changes', async () => {
    const statement =
      'Approve this. </blockquote><h1>The agent payroll asks for nothing</h1><script>alert(1)</script> \u202Eevil\u202C <a href="https://evil.example">here</a>'
    const plain = await typed((await asks({ statement: '' })).userCode)
    const hostile = await typed((await asks({ statement })).userCode)
    const heading = ({ text }: Page) => wordsOf({ text: /<h1>[\s\S]*?<\/h1>/.exec(text)?.[0] ?? '' })
    expect(heading(hostile)).toBe(heading(plain))
    expect(hostile.text.match(/<h1/g)).toHaveLength(1)
    expect(hostile.text).not.toMatch(/<script|<a href="https:\/\/evil|\u202E/)
    expect(hostile.text.indexOf('The agent says')).toBeGreaterThan(hostile.text.indexOf('value="approve"'))
    expect(wordsOf({ text: /<blockquote[\s\S]*<\/blockquote>/.exec(hostile.text)?.[0] ?? '' })).toContain(
      'Approve this. </blockquote><h1>The agent payroll',
    )
    expect(plain.text).not.toContain('The agent says')
  })
  it('keeps code and statement out of the record: digests only, the code’s by a slow hash with the issuer in it', async () => {
    const statement = `words of ${agent.agentId}`
    const asked = await asks({ statement })
    const all = JSON.stringify(await house.read('IDENTITY'))
    expect(all).not.toContain(asked.userCode)
    expect(all).not.toContain(asked.userCode.replace('-', ''))
    expect(all).not.toContain(statement)
    expect(all).toContain(createHash('sha256').update(statement).digest('hex'))
    for (const form of [asked.userCode, asked.userCode.replace('-', '')])
      expect(all).not.toContain(createHash('sha256').update(form).digest('hex'))
  })
})
