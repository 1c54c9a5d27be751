import { describe, expect, it } from 'vitest'
import { Limits, limitsCover, type Measured, measure, meetLimits } from './limits.ts'

type Part = Partial<Limits>
const limits = (part: Part): Limits => ({ patterns: [], ...part })
const eur = (value: string) => ({ amount: { currency: 'EUR', value } })
const sum = (value: string) => ({ total: { currency: 'EUR', value } })
const like = (pattern: string, argument = 'recipient') => ({ patterns: [{ argument, pattern }] })
const open = (from: number, until: number) => ({
  window: { from: `2026-01-01T0${from}:00:00Z`, until: `2026-01-01T0${until}:00:00Z` },
})

describe('the form of limits', () => {
  const refused: [name: string, value: object][] = [
    ['no limit at all', {}],
    ['no pattern and nothing else', { patterns: [] }],
    ['an unknown member', { count: 1, colour: 'red' }],
    ['a currency in lower case', { amount: { currency: 'eur', value: '1' } }],
    ['rar-number-unsafe: an amount that is a number', { amount: { currency: 'EUR', value: 1 } }],
    ['a negative amount', { amount: { currency: 'EUR', value: '-1' } }],
    ['an exponent', { amount: { currency: 'EUR', value: '1e3' } }],
    ['other digits', { amount: { currency: 'EUR', value: '\u0661' } }],
    ['seven decimals', { amount: { currency: 'EUR', value: '1.0000001' } }],
    ['none', { count: 0 }],
    ['half', { count: 1.5 }],
    ['rar-number-unsafe: a count beyond integers', { count: 2 ** 53 }],
    ['a bare star', like('*')],
    ['two stars', like('*a*')],
    ['a star inside', like('a*b')],
    ['an empty pattern', like('')],
    ['a newline in a pattern', like('a\n')],
    ['a direction mark in a pattern', like('a\u202eb')],
    ['an argument that is not a name', like('a', 'to whom')],
    ['two patterns that nothing fits', { patterns: [...like('a*').patterns, ...like('b*').patterns] }],
    ['a window that ends before it begins', open(2, 1)],
    ['a window without length', open(1, 1)],
    ['a window in another time zone', { window: { from: '2026-01-01T00:00:00+01:00', until: '2026-01-02T00:00:00Z' } }],
  ]
  for (const [name, value] of refused) it(`refuses ${name}`, () => expect(Limits.safeParse(value).success).toBe(false))
  it('takes all together', () => {
    const all = { ...eur('420.00'), total: eur('1000').amount, count: 3, ...like('*@acme.example'), ...open(1, 2) }
    expect(Limits.parse(all)).toEqual(all)
  })
})

describe('what fits the child fits the parent', () => {
  const cases: [parent: Part, child: Part, wanted: boolean][] = [
    [eur('10'), eur('10.00'), true],
    [eur('10'), eur('9.999999'), true],
    [eur('10'), eur('10.000001'), false],
    [eur('9'), eur('10'), false],
    [eur('10'), { amount: { currency: 'USD', value: '1' } }, false],
    [eur('10'), { count: 1 }, false],
    [sum('10'), sum('10.0'), true],
    [sum('10'), sum('10.01'), false],
    [sum('10'), eur('10'), false],
    [eur('10'), sum('10'), false],
    [{ count: 3 }, { count: 3 }, true],
    [{ count: 3 }, { count: 4 }, false],
    [{ count: 3 }, eur('1'), false],
    [like('ab*'), like('abc'), true],
    [like('ab*'), like('ab'), true],
    [like('ab*'), like('abc*'), true],
    [like('ab*'), like('a*'), false],
    [like('a*'), like('*a'), false],
    [like('*a'), like('*ba'), true],
    [like('*a'), like('ba'), true],
    [like('*ba'), like('*a'), false],
    [like('*a'), like('a*'), false],
    [like('abc'), like('abc'), true],
    [like('abc'), like('ab*'), false],
    [like('a*'), like('a*', 'room'), false],
    [like('a*'), { patterns: [...like('*z').patterns, ...like('ab*').patterns] }, true],
    [open(1, 4), open(1, 4), true],
    [open(1, 4), open(2, 3), true],
    [open(1, 4), open(0, 3), false],
    [open(1, 4), open(2, 5), false],
    [open(1, 4), { count: 1 }, false],
  ]
  for (const [parent, child, wanted] of cases)
    it(`${JSON.stringify(child)} ${wanted ? 'fits' : 'does not fit'} ${JSON.stringify(parent)}`, () =>
      expect(limitsCover(limits(parent), limits(child))).toBe(wanted))
  it('no limit covers all, and only no limit covers no limit', () => {
    expect([limitsCover(undefined, limits(eur('1'))), limitsCover(undefined, undefined)]).toEqual([true, true])
    expect(limitsCover(limits(eur('1')), undefined)).toBe(false)
  })
})

describe('both together', () => {
  const cases: [a: Part, b: Part, wanted: Part | 'nothing'][] = [
    [eur('10'), eur('5'), eur('5')],
    [eur('10'), { count: 2 }, { ...eur('10'), count: 2 }],
    [eur('10'), { amount: { currency: 'USD', value: '10' } }, 'nothing'],
    [{ count: 3 }, { count: 2 }, { count: 2 }],
    [like('a*'), like('ab*'), like('ab*')],
    [like('a*'), like('*z'), { patterns: [...like('a*').patterns, ...like('*z').patterns] }],
    [like('a*'), like('b*'), 'nothing'],
    [like('*a'), like('*b'), 'nothing'],
    [like('abc'), like('abd'), 'nothing'],
    [like('abc'), like('*d'), 'nothing'],
    [like('a'), like('b', 'room'), { patterns: [...like('a').patterns, ...like('b', 'room').patterns] }],
    [open(1, 3), open(2, 4), open(2, 3)],
    [open(1, 2), open(2, 3), 'nothing'],
  ]
  for (const [a, b, wanted] of cases)
    it(`${JSON.stringify(a)} and ${JSON.stringify(b)}`, () => {
      const met = wanted === 'nothing' ? wanted : limits(wanted)
      expect(meetLimits(limits(a), limits(b))).toEqual(met)
      expect(meetLimits(limits(b), limits(a))).toEqual(
        met === 'nothing' ? met : { ...met, patterns: expect.arrayContaining(met.patterns) },
      )
    })
  it('one alone is what there is', () => {
    expect(meetLimits(undefined, undefined)).toBeUndefined()
    expect(meetLimits(limits(eur('1')), undefined)).toEqual(limits(eur('1')))
  })
})

describe('measuring an act', () => {
  const at = (time: string) => ({ now: new Date(`2026-01-01T${time}Z`) })
  const told = (recipient: string) => ({ arguments: { recipient } })
  const used = (count: number, total?: string) => ({ used: { count, ...(total ? { total } : {}) } })
  const cases: [limits: Part, act: Measured, wanted: ReturnType<typeof measure>][] = [
    [eur('10'), eur('10.00'), 'fits'],
    [eur('10'), eur('10.01'), 'limit_exceeded'],
    [eur('10'), { amount: { currency: 'USD', value: '1' } }, 'limit_exceeded'],
    [eur('10'), eur('-1'), 'limit_exceeded'],
    [eur('10'), eur('1e1'), 'limit_exceeded'],
    [eur('10'), {}, 'limit_unverifiable'],
    [{ count: 2 }, used(1), 'fits'],
    [{ count: 2 }, used(2), 'limit_exceeded'],
    [{ count: 2 }, used(Number.NaN), 'limit_exceeded'],
    [sum('10'), { ...used(1, '4.5'), ...eur('5.5') }, 'fits'],
    [sum('10'), { ...used(1, '4.5'), ...eur('5.500001') }, 'limit_exceeded'],
    [sum('10'), { ...used(0), ...eur('10') }, 'fits'],
    [sum('10'), { ...used(0), amount: { currency: 'USD', value: '1' } }, 'limit_exceeded'],
    [sum('10'), eur('1'), 'limit_unverifiable'],
    [sum('10'), used(0), 'limit_unverifiable'],
    [{ count: 2 }, {}, 'limit_unverifiable'],
    [like('*@acme.example'), told('anna@acme.example'), 'fits'],
    [like('*@acme.example'), told('anna@evil.example'), 'limit_exceeded'],
    [like('*@acme.example'), told('a@evil.example\n@acme.example'), 'limit_exceeded'],
    [like('a*'), told('a*'), 'limit_exceeded'],
    [like('a*'), told('A'), 'limit_exceeded'],
    [like('\u00e9*'), told('e\u0301'), 'limit_exceeded'],
    [like('a*'), {}, 'limit_unverifiable'],
    [like('a*', 'room'), told('a'), 'limit_unverifiable'],
    [like('a*', 'constructor'), told('a'), 'limit_unverifiable'],
    [open(1, 2), at('01:00:00'), 'fits'],
    [open(1, 2), at('01:59:59.999'), 'fits'],
    [open(1, 2), at('02:00:00'), 'outside_window'],
    [open(1, 2), at('00:59:59.999'), 'outside_window'],
    [open(1, 2), {}, 'limit_unverifiable'],
    [{ ...open(1, 2), count: 2 }, at('03:00:00'), 'outside_window'],
    [{ ...eur('10'), count: 2 }, eur('11'), 'limit_exceeded'],
    [{ ...eur('10'), count: 2 }, eur('9'), 'limit_unverifiable'],
  ]
  for (const [some, act, wanted] of cases)
    it(`${JSON.stringify(act)} under ${JSON.stringify(some)}: ${wanted}`, () =>
      expect(measure(limits(some), act)).toBe(wanted))
  it('fits where nothing is limited', () => expect(measure(undefined, {})).toBe('fits'))
})
