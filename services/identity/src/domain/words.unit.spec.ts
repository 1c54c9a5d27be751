import type { AuthorizationDetail } from '@credence/contracts/authority'
import { describe, expect, it } from 'vitest'
import { detail } from '../../../../infra/testing/facts.ts'
import { endInWords } from './end-in-words.ts'
import { textOf } from './phrase.ts'
import { durationInWords, instantInWords } from './time-in-words.ts'
import { authorityInWords, depthInWords, detailInWords, limitsInWords, placeOf, resourceInWords } from './words.ts'

const clause = (...details: Partial<AuthorizationDetail>[]) => textOf(authorityInWords(details.map(detail)))
const resource = (name: string) => textOf(resourceInWords(name))

describe('RFC 9396 §2 authorization details in plain words', () => {
  it('say what may be done, with what, and where', () => {
    expect(clause({ actions: ['calendar.book', 'calendar.read'] })).toBe(
      'book and read all calendar events at calendar.acme.example',
    )
    expect(
      clause({
        actions: ['calendar.move-all', 'calendar.read', 'crm.read'],
        resources: ['Room::*', 'CalendarEvent::*'],
      }),
    ).toBe('move all and read on all rooms and all calendar events at calendar.acme.example')
  })
  it('say of a wildcard that it is everything, and of what', () => {
    expect(clause({ actions: ['calendar.*'] })).toBe(
      'do everything under “calendar” on all calendar events at calendar.acme.example',
    )
    expect(clause({ actions: ['calendar.*', 'crm.read'] })).toBe(
      'read and do everything under “calendar” on all calendar events at calendar.acme.example',
    )
  })
  it('tell ids that begin so from one id, and keep ids apart from our words', () => {
    expect(resource('CalendarEvent::2026/*')).toBe('calendar events whose id begins with “2026/”')
    expect(resource('CalendarEvent::2026/7')).toBe('the calendar event “2026/7”')
    expect(resourceInWords('CalendarEvent::or-everything-else')).toEqual([
      'the calendar event ',
      { value: 'or-everything-else', quoted: true },
    ])
  })
  it('know plurals and capitals', () => {
    expect(['Policy::*', 'Box::*', 'Key::*', 'SQLTable::*', 'URL::*', 'A::*'].map(resource)).toEqual([
      'all policies',
      'all boxes',
      'all keys',
      'all SQL tables',
      'all URLs',
      'all as',
    ])
  })
  it('of several objects are joined; many are counted, never left out in silence', () => {
    const one = { actions: ['calendar.read'] }
    const two = { actions: ['crm.read'], resources: ['Customer::*'], locations: ['https://crm.acme.example'] }
    expect(clause(one, two)).toBe(
      'read all calendar events at calendar.acme.example, and read all customers at crm.acme.example',
    )
    expect(clause(one, two, one, one)).toMatch(/, and 2 more permissions, listed below$/)
    const many = Array.from({ length: 9 }, (_none, at) => `calendar.act-${at}`)
    expect(clause({ actions: many })).toBe(
      'act 0, act 1, act 2 and 6 more actions on all calendar events at calendar.acme.example',
    )
    expect(detailInWords(detail({ actions: many })).actions).toHaveLength(9)
  })
  it('say the limits: how much and how often in the first line, all of them in the list', () => {
    const limits = {
      amount: { currency: 'EUR', value: '420.00' },
      count: 3,
      patterns: [
        { argument: 'recipient', pattern: 'acme.example/*' },
        { argument: 'reply_to', pattern: '*@acme.example' },
        { argument: 'room', pattern: 'Blue' },
      ],
      window: { from: '2026-11-24T09:00:00Z', until: '2026-11-24T17:30:00Z' },
    }
    expect(clause({ actions: ['bank.pay'], resources: ['Invoice::*'], limits })).toBe(
      'pay all invoices at calendar.acme.example, at most EUR 420.00 each time, at most 3 times in all',
    )
    expect(limitsInWords(limits).map(textOf)).toEqual([
      'at most EUR 420.00 each time',
      'at most 3 times in all',
      'only where recipient begins with “acme.example/”',
      'only where reply to ends with “@acme.example”',
      'only where room is “Blue”',
      'only from 24 November 2026, 09:00 UTC until 24 November 2026, 17:30 UTC',
    ])
    expect(limitsInWords({ count: 1, patterns: [] }).map(textOf)).toEqual(['once only'])
  })
  it('name a place by its host, port and all, in letters that cannot be others', () => {
    expect(placeOf('https://calendar.acme.example:8443/v1')).toEqual({
      host: 'calendar.acme.example:8443',
      url: 'https://calendar.acme.example:8443/v1',
    })
    // The first letter is Cyrillic; the path turns the direction of the line.
    expect(placeOf('https://\u0430cme.example/\u202Eevil')).toEqual({
      host: 'xn--cme-5cd.example',
      url: 'https://xn--cme-5cd.example/%E2%80%AEevil',
    })
    expect(placeOf('https://calendar.acme.example@evil.example/').host).toBe('evil.example')
  })
})

describe('times, depths and ends in plain words', () => {
  it('are said in the two greatest units', () => {
    expect([0, 1, 90, 3_600, 5_400, 28_800, 129_600, 30 * 86_400].map(durationInWords)).toEqual([
      'no time',
      '1 second',
      '1 minute 30 seconds',
      '1 hour',
      '1 hour 30 minutes',
      '8 hours',
      '1 day 12 hours',
      '30 days',
    ])
  })
  it('are in UTC, and say so', () =>
    expect(instantInWords('2026-01-02T00:05:00+03:00')).toBe('1 January 2026, 21:05 UTC'))
  it('say how deep', () => {
    expect(depthInWords(0)).toMatch(/may not pass this on/)
    expect(depthInWords(1)).toMatch(/agents that it starts itself/)
    expect(depthInWords(3)).toMatch(/3 generations/)
  })
  it('say why something ended, for every reason that there is', () => {
    const reasons = ['delegation_unknown', 'delegation_revoked', 'delegation_expired', 'delegation_not_yet', 'delegator_ended', 'delegator_held', 'human_deactivated', 'mandate_ended', 'agent_unknown', 'agent_revoked', 'agent_retired', 'agent_expired', 'agent_suspended', 'agent_quarantined', 'blueprint_withdrawn', 'parent_ended'] // biome-ignore format: a list
    for (const reason of reasons) expect(endInWords(reason, '2026-11-24T09:00:00Z')).not.toBe('it no longer counts')
  })
})
