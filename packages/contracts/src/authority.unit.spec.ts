import { describe, expect, it } from 'vitest'
import {
  type AuthorizationDetail,
  AuthorizationDetails,
  intersect,
  isNarrower,
  judge,
  misfits,
  narrow,
  permits,
  AuthorizationDetail as Schema,
} from './authority.ts'

const base = {
  type: 'agent_permission' as const,
  locations: ['https://a.example'],
  actions: ['crm.read'],
  resources: ['Customer::1'],
}
const one = (part: Partial<AuthorizationDetail>): AuthorizationDetail => ({ ...base, ...part })
const act = { location: 'https://a.example', action: 'crm.read', resource: 'Customer::1' }

describe('the form of authority', () => {
  const refused: [name: string, part: object][] = [
    ['rar-unknown-type: an unknown type', { type: 'other' }],
    ['rar-unknown-member: an unknown member', { limit: 3 }],
    ['rar-empty-is-nothing: no action', { actions: [] }],
    ['rar-empty-is-nothing: no location', { locations: [] }],
    ['rar-empty-is-nothing: limits that limit nothing', { limits: {} }],
    ['rar-wildcard-set: a bare star', { actions: ['*'] }],
    ['rar-wildcard-set: a star in the middle', { actions: ['crm.*.read'] }],
    ['rar-wildcard-set: a star in a word', { actions: ['crm.re*'] }],
    ['rar-wildcard-set: a star for a type', { resources: ['*::1'] }],
    ['rar-wildcard-set: two stars', { resources: ['Customer::**'] }],
    ['rar-wildcard-set: a star in a location', { locations: ['https://a.example/*'] }],
    ['rar-case-and-unicode: upper case', { actions: ['Crm.Read'] }],
    ['rar-case-and-unicode: a newline', { actions: ['crm.read\n'] }],
    ['rar-case-and-unicode: a Cyrillic letter', { actions: ['crm.r\u0435ad'] }],
    ['a resource without an id', { resources: ['Customer::'] }],
    ['a resource that climbs', { resources: ['File::team/../secret'] }],
    ['a resource that ends above', { resources: ['File::team/..'] }],
    ['a prefix that begins a climb', { resources: ['File::team/..*'] }],
    ['http', { locations: ['http://a.example'] }],
    ['a query', { locations: ['https://a.example/?'] }],
    ['a fragment', { locations: ['https://a.example/#'] }],
    ['a user', { locations: ['https://u@a.example'] }],
    ['a location with white space around', { locations: [' https://a.example\n'] }],
    ['a location with a tab inside', { locations: ['https://a.exa\tmple'] }],
    ['a location in upper case', { locations: ['https://A.example'] }],
    ['a location with the default port', { locations: ['https://a.example:443'] }],
    ['a location with a backslash', { locations: ['https:\\\\a.example'] }],
    ['a location that climbs', { locations: ['https://a.example/x/../y'] }],
    ['a location whose letters look like others', { locations: ['https://\u0430.example'] }],
    ['a location with a direction mark', { locations: ['https://a.example/\u202e'] }],
  ]
  for (const [name, part] of refused)
    it(`refuses ${name}`, () => expect(Schema.safeParse({ ...base, ...part }).success).toBe(false))

  const taken: Partial<AuthorizationDetail>[] = [
    {},
    { locations: ['https://a.example/'] },
    { locations: ['https://a.example:8443/mcp'] },
    { locations: ['https://xn--80a.example'] },
    { actions: ['a.b.c-d_e.*'] },
    { resources: ['File::..hidden/.env', 'File::a...b', 'File::*'] },
  ]
  for (const part of taken)
    it(`takes ${JSON.stringify(part)}`, () => expect(Schema.parse(one(part))).toEqual(one(part)))

  it('rar-size-limit: 32 objects, 64 names in a member, 512 names in all', () => {
    const names = (count: number) => Array.from({ length: count }, (_, at) => `crm.a${at}`)
    const takes = (...details: object[]) => AuthorizationDetails.safeParse(details).success
    expect(takes(...Array(32).fill(base))).toBe(true)
    expect(takes(...Array(33).fill(base))).toBe(false)
    expect(takes(one({ actions: names(64) }))).toBe(true)
    expect(takes(one({ actions: names(65) }))).toBe(false)
    expect(takes(...Array(8).fill(one({ actions: names(62) })))).toBe(true)
    expect(takes(...Array(8).fill(one({ actions: names(63) })))).toBe(false)
  })
})

describe('covering', () => {
  const cases: [parent: Partial<AuthorizationDetail>, child: Partial<AuthorizationDetail>, wanted: boolean][] = [
    [{ actions: ['a.*'] }, { actions: ['a.b'] }, true],
    [{ actions: ['a.*'] }, { actions: ['a.b.c'] }, true],
    [{ actions: ['a.*'] }, { actions: ['a.b.*'] }, true],
    [{ actions: ['a.*'] }, { actions: ['a.*'] }, true],
    [{ actions: ['a.b.*'] }, { actions: ['a.*'] }, false],
    [{ actions: ['a.b.*'] }, { actions: ['a.b'] }, false],
    [{ actions: ['a.b'] }, { actions: ['a.b.c'] }, false],
    [{ actions: ['a.*'] }, { actions: ['ab.c'] }, false],
    [{ resources: ['CalendarEvent::*'] }, { resources: ['CalendarEvent::2026/*'] }, true],
    [{ resources: ['CalendarEvent::2026/*'] }, { resources: ['CalendarEvent::2026/7'] }, true],
    [{ resources: ['CalendarEvent::2026/*'] }, { resources: ['CalendarEvent::2026'] }, false],
    [{ resources: ['CalendarEvent::2026/*'] }, { resources: ['CalendarEvent::20*'] }, false],
    [{ resources: ['Calendar::*'] }, { resources: ['CalendarEvent::1'] }, false],
    [{ locations: ['https://a.example'] }, { locations: ['https://a.example/'] }, false],
    [{ locations: ['https://a.example', 'https://b.example'] }, { locations: ['https://b.example'] }, true],
  ]
  for (const [parent, child, wanted] of cases)
    it(`${JSON.stringify(child)} is ${wanted ? '' : 'not '}inside ${JSON.stringify(parent)}`, () =>
      expect(isNarrower([one(child)], [one(parent)])).toBe(wanted))

  it('tells which members are wider, or that only several objects together would cover', () => {
    const parents = [one({}), one({ actions: ['crm.write'], resources: ['Customer::2'] })]
    expect(misfits(one({ actions: ['mail.send'], limits: { count: 1, patterns: [] } }), parents)).toEqual(['actions'])
    expect(misfits(one({ resources: ['Customer::2'] }), parents)).toEqual([])
    expect(misfits(one({}), [one({ limits: { count: 1, patterns: [] } })])).toEqual(['limits'])
  })
})

describe('too many parts', () => {
  const actions = Array.from({ length: 32 }, (_, at) => one({ actions: [`crm.a${at}`], resources: ['Customer::*'] }))
  const resources = Array.from({ length: 32 }, (_, at) => one({ actions: ['crm.*'], resources: [`Customer::${at}`] }))
  const many = expect.objectContaining({ reason: 'too_many_parts', status: 'failed_precondition' })

  it('are refused, not shortened', () => expect(() => intersect(actions, resources)).toThrow(many))
  it('are counted when what others cover is left out', () => {
    const same = Array(32).fill(one({ actions: ['crm.*'], resources: ['Customer::*'] }))
    expect(intersect(actions, same)).toEqual(actions)
  })
  it('are refused as patterns of one object too', () => {
    const patterns = (word: string) =>
      Array.from({ length: 9 }, (_, at) => ({ argument: `${word}${at}`, pattern: 'x' }))
    const [left, right] = [one({ limits: { patterns: patterns('a') } }), one({ limits: { patterns: patterns('b') } })]
    expect(() => narrow([left], [{ details: [right], reason: 'outside_delegation' }])).toThrow(many)
  })
  it('in one member are refused too', () => {
    const names = (word: string) => Array.from({ length: 60 }, (_, at) => `crm.${word}.a${at}`)
    const left = [one({ actions: ['crm.left.*', ...names('right')] })]
    const right = [one({ actions: ['crm.right.*', ...names('left')] })]
    expect(() => narrow(left, [{ details: right, reason: 'outside_delegation' }])).toThrow(many)
  })
})

describe('an act', () => {
  const all = [one({ actions: ['crm.*'], resources: ['Customer::*', 'File::team/*'] })]
  it('inside is permitted', () => expect(judge(all, { ...act, resource: 'Customer::7' })).toBe('permitted'))
  const odd = [
    { action: 'crm.*' },
    { action: 'crm.' },
    { action: 'crm..read' },
    { action: 'crm.read\n' },
    { resource: 'Customer::*' },
    { resource: 'Customer::' },
    { resource: 'File::team/../secret' },
    { resource: 'File::team/..' },
    { resource: 'File::team/./x' },
    { resource: 'File::team/%2e%2e/secret' },
    { resource: 'File::team/..\\secret' },
    { location: 'https://a.example/' },
  ]
  for (const part of odd)
    it(`that is not one thing is outside: ${JSON.stringify(part)}`, () => {
      expect(judge(all, { ...act, ...part })).toBe('outside')
      expect(permits(all, { ...act, ...part })).toBe(false)
    })
  it('is told the nearest miss of several objects', () => {
    const [counted, small, over] = [
      one({ limits: { count: 1, patterns: [] } }),
      one({ limits: { amount: { currency: 'EUR', value: '1' }, patterns: [] } }),
      one({ limits: { window: { from: '2020-01-01T00:00:00Z', until: '2021-01-01T00:00:00Z' }, patterns: [] } }),
    ]
    const told = { ...act, now: new Date('2026-01-01T00:00:00Z'), amount: { currency: 'EUR', value: '2' } }
    expect(judge([over], told)).toBe('outside_window')
    expect(judge([over, small], told)).toBe('limit_exceeded')
    expect(judge([over, small, counted], told)).toBe('limit_unverifiable')
    expect(judge([over, small, counted, one({})], told)).toBe('permitted')
    expect(judge([over, small, counted], { ...told, action: 'crm.write' })).toBe('outside')
  })
})
