/** The places where engines of Cedar in other languages went wrong, by number as in the project's list of traps; each is asked of cedar-wasm too. */
import { describe, expect, test } from 'vitest'
import { compile } from './engine.ts'
import { entityStore } from './entity-store.ts'
import { readContext, readEntities } from './read.ts'
import { answer, entity, outcome, parses, policyOf, schemaOf, uid } from './testing/outcome.ts'

const all = (...cases: [expression: string, wanted: boolean | 'error'][]) => {
  for (const [expression, wanted] of cases) expect([expression, outcome(expression)]).toEqual([expression, wanted])
}

describe('traps', () => {
  test('1: a long has 64 bits, and past them the policy fails', () =>
    all(
      ['9223372036854775807 + 0 == 9223372036854775807', true],
      ['9223372036854775807 == 9223372036854775806', false],
      ['9007199254740993 == 9007199254740992', false],
      ['9007199254740991 + 2 == 9007199254740993', true],
      ['9223372036854775807 + 1 > 0', 'error'],
      ['-9223372036854775808 < 0', true],
      ['-9223372036854775808 - 1 < 0', 'error'],
      ['- (-9223372036854775808) > 0', 'error'],
      ['--9223372036854775808 > 0', 'error'],
      ['3037000500 * 3037000500 > 0', 'error'],
      ['3037000499 * 3037000499 == 9223372030926249001', true],
      ['0 * -5 == 0', true],
      ['-1 * 9223372036854775807 == -9223372036854775807', true],
    ))

  test('2: numbers in JSON are exact longs; fractions, exponents and null are refused', () => {
    const engine = compile([
      { id: 'p', policy: policyOf(`permit (principal, action, resource) when { context.n == 9007199254740993 };`) },
    ])
    const ask = (json: string) => {
      const request = { principal: uid('U', 'a'), action: uid('Action', 'do'), resource: uid('U', 'b') }
      return engine.evaluate({ ...request, context: readContext(json) }, () => undefined).decision
    }
    expect(ask('{"n": 9007199254740993}')).toBe('allow')
    expect(ask('{"n": 9007199254740992}')).toBe('deny')
    expect(ask('{"n": -9223372036854775808}')).toBe('deny')
    for (const number of ['1.0', '1e3', '-0', '01', 'null', '9223372036854775808', '-9223372036854775809', '1.5'])
      expect(() => readContext(`{"n": ${number}}`)).toThrow('document')
  })

  test('3: a key given twice is refused', () => {
    expect(() => readContext('{"a": 1, "a": 1}')).toThrow('given twice')
    expect(() => readContext('{"a": {"b": 1, "\\u0062": 2}}')).toThrow('given twice')
    expect(() => readEntities('[{"uid": {"type": "U", "id": "a"}, "attrs": {"x": 1, "x": 2}, "parents": []}]')).toThrow(
      'given twice',
    )
    expect(parses('{a: 1, a: 2} == {}')).toBe(false)
  })

  test('4: a forbid that fails is skipped, told, and the rest decides', () => {
    const { decision, failing } = answer(
      'permit (principal, action, resource); forbid (principal, action, resource) when { context.missing };',
    )
    expect({ decision, failing }).toEqual({ decision: 'allow', failing: ['policy1'] })
  })

  test('5: the left side must be a boolean, the right one when it is reached', () => {
    all(
      ['!(false && 1)', true],
      ['true && 1', 'error'],
      ['true || 1', true],
      ['false || 1', 'error'],
      ['1 && true', 'error'],
    )
    all(
      ['if true then true else 1 < "a"', true],
      ['if 1 then true else true', 'error'],
      ['(if true then 1 else true) == 1', true],
    )
  })

  test('6: == is defined for all values', () =>
    all(
      ['1 == "1"', false],
      ['1 != true', true],
      ['[1, 2, 2] == [2, 1]', true],
      ['[1, [2]] == [[2], 1, 1]', true],
      ['{a: 1, b: [2]} == {b: [2, 2], a: 1}', true],
      ['{a: 1} == {a: 1, b: 1}', false],
      ['ip("10.0.0.1") == ip("10.0.0.1/32")', true],
      ['ip("192.168.0.1/24") == ip("192.168.0.3/24")', false],
      ['ip("::1") == ip("0:0:0:0:0:0:0:1")', true],
      ['decimal("1.0") == duration("1ms")', false],
      ['[ip("1.2.3.4")].contains(ip("1.2.3.4/32"))', true],
      ['principal == {type: "U", id: "a"}', false],
      ['[] == {}', false],
    ))

  test('7: every element right of `in` must be an entity', () =>
    all(
      ['principal in [U::"a", 1]', 'error'],
      ['principal in [U::"a", {}]', 'error'],
      ['principal in [U::"a", [U::"a"]]', 'error'],
      ['principal in []', false],
      ['principal in U::"a"', true],
      ['principal in "a"', 'error'],
      ['principal in ["a"]', 'error'],
      ['principal in true', 'error'],
      ['action in [1, Action::"do"]', 'error'],
      ['"a" in principal', 'error'],
      ['U::"unknown" in [U::"other", U::"unknown"]', true],
      ['U::"unknown" in U::"other"', false],
      ['{} in principal', 'error'],
    ))

  test('8: parents are closed over, also through entities that are only named; cycles are refused', () => {
    const [a, b, c, d] = [uid('U', 'a'), uid('U', 'b'), uid('U', 'c'), uid('U', 'd')]
    const chain = [entity(a, {}, [b]), entity(b, {}, [c, d])]
    expect(outcome('principal in U::"d"', { entities: chain })).toBe(true)
    expect(outcome('resource in principal', { entities: chain })).toBe(false)
    for (const cyclic of [[entity(a, {}, [a])], [...chain, entity(c, {}, [a])]])
      expect(() => entityStore(readEntities(JSON.stringify(cyclic)))).toThrow('cycle')
    const enumerated = 'entity U enum ["a", "b"]; action do appliesTo { principal: U, resource: U };'
    expect(outcome('principal == U::"a"', { schema: enumerated })).toBe(true)
    const outside = JSON.stringify([entity(uid('U', 'z'))])
    expect(() => readEntities(outside, schemaOf(enumerated))).toThrow('listed')
  })

  test('9: `has` is false for what is unknown or missing, and fails on what has no attributes', () => {
    all(['U::"unknown" has a', false], ['U::"unknown".a == 1', 'error'], ['{} has a', false], ['{}.a == 1', 'error'])
    all(['"text" has a', 'error'], ['[] has a', 'error'], ['{a: 1} has a.b', 'error'], ['{a: {}} has a.b.c', false])
    all(['{a: {b: {c: 1}}} has a.b.c', true], ['{a: {b: 1}} has a.b.c', 'error'], ['{"x y": 1} has "x y"', true])
  })

  test('10: tags are apart from attributes, and named by any string expression', () => {
    const entities = [entity(uid('U', 'a'), { name: 1 }, [], { name: 'tagged', 'x y': 2 })]
    const tags = (expression: string) => outcome(expression, { entities })
    expect(tags('principal.name == 1 && principal.getTag("name") == "tagged"')).toBe(true)
    expect(tags('principal.hasTag("x y") && !principal.hasTag("other")')).toBe(true)
    expect(tags('principal.getTag(principal.getTag("name")) == 1')).toBe('error')
    expect(tags('U::"unknown".hasTag("name")')).toBe(false)
    expect(tags('U::"unknown".getTag("name") == 1')).toBe('error')
    expect(tags('principal.hasTag(1)')).toBe('error')
    const other = [...entities, entity(uid('U', 'a'), { name: 1 }, [], { name: 'tagged' })]
    expect(() => entityStore(readEntities(JSON.stringify(other)))).toThrow('given twice')
  })

  test('11: decimal', () => {
    for (const text of ['00001.0', '-0.5', '922337203685477.5807', '-922337203685477.5808', '0.0001'])
      all([`decimal("${text}") == decimal("${text}")`, true])
    for (const text of [
      '',
      '1',
      '1.',
      '.1',
      '+1.0',
      '1.00000',
      '٣.٠',
      '922337203685477.5808',
      '-922337203685477.5809',
      '1.0 ',
    ])
      all([`decimal("${text}") == decimal("${text}")`, 'error'])
    all(['decimal("-0.5").lessThan(decimal("0.0"))', true], ['decimal("-0.5") == decimal("0.5")', false])
    all(['decimal("1.0") == decimal("1.00")', true], ['decimal("1.0") < decimal("2.0")', 'error'])
    all(['decimal("1.5").greaterThanOrEqual(decimal("1.50"))', true], ['decimal("1.0").lessThan(1)', 'error'])
  })

  test('12: datetime', () => {
    for (const text of [
      '2024-02-29',
      '2024-10-15T00:00:00Z',
      '2024-10-15T00:00:00.001Z',
      '2024-10-15T00:00:00-0000',
      '2024-10-15T00:00:00.999+2359',
      '0000-01-01',
    ])
      all([`datetime("${text}") == datetime("${text}")`, true])
    for (const text of [
      '2024-02-30',
      '2023-02-29',
      '2024-13-01',
      '2024-10-15T24:00:00Z',
      '2024-10-15T00:00:60Z',
      '2024-10-15T00:00:00+2400',
      '2024-10-15T00:00:00+0060',
      '+012024-01-01',
      '12024-01-01',
      '2024-10-15T00:00:00',
      '2024-10-15T00:00Z',
      '2024-10-15t00:00:00z',
      ' 2024-10-15',
    ])
      all([`datetime("${text}") == datetime("${text}")`, 'error'])
    all(
      ['datetime("1969-12-31T23:59:59Z").toDate() == datetime("1969-12-31")', true],
      ['datetime("1969-12-31T23:59:59Z").toTime() == duration("23h59m59s")', true],
      ['datetime("0099-12-31") < datetime("0100-01-01")', true],
      ['datetime("0001-01-01").durationSince(datetime("0000-01-01")) == duration("366d")', true],
      ['datetime("1970-01-01T00:00:00+0100") == datetime("1969-12-31T23:00:00Z")', true],
      [
        'datetime("1970-01-01").offset(duration("9223372036854775807ms")).offset(duration("1ms")) > datetime("1970-01-01")',
        'error',
      ],
      ['datetime("1970-01-01").offset(duration("-9223372036854775808ms")).toDate() < datetime("1970-01-01")', 'error'],
      ['datetime("1970-01-01").offset(duration("-9223372036854775808ms")).toTime() == duration("16h47m4s192ms")', true],
      ['datetime("2024-01-01") < 5', 'error'],
    )
  })

  test('13: duration', () => {
    for (const text of [
      '0ms',
      '1d2h3m4s5ms',
      '-1d',
      '007h',
      '9223372036854775807ms',
      '-9223372036854775808ms',
      '106751991167d',
    ])
      all([`duration("${text}") == duration("${text}")`, true])
    for (const text of [
      '',
      '-',
      '1',
      'd',
      '1h1d',
      '1d1d',
      '1.5h',
      '+1h',
      '9223372036854775808ms',
      '106751991168d',
      '99999999999999999999d',
      '1D',
    ])
      all([`duration("${text}") == duration("${text}")`, 'error'])
    all(
      ['duration("-1500ms").toSeconds() == -1', true],
      ['duration("1d23h").toDays() == 1', true],
      ['duration("-9223372036854775808ms").toMilliseconds() == -9223372036854775808', true],
      ['duration("90s").toMinutes() == 1 && duration("-90m").toHours() == -1', true],
      ['duration("1h") < duration("61m")', true],
    )
  })

  test('14: ipaddr', () => {
    for (const text of ['1.2.3.4/0', '1.2.3.4/32', '::', '::/128', '1:2:3:4:5:6:7::', '::2:3:4:5:6:7:8', 'ABCD::1'])
      all([`ip("${text}") == ip("${text}")`, true])
    for (const text of [
      '01.2.3.4',
      '1.2.3.4/08',
      '1.2.3.4/33',
      '1.2.3.4/',
      '::ffff:127.0.0.1',
      '::1%1',
      '1.2.3',
      '256.1.1.1',
      '::/129',
      ':::',
      '1:2:3:4:5:6:7:8::',
      '12345::',
      '1.2.3.4/+1',
    ])
      all([`ip("${text}") == ip("${text}")`, 'error'])
    all(
      ['ip("10.1.2.3").isInRange(ip("10.0.0.0/8"))', true],
      ['ip("10.0.0.0/7").isInRange(ip("10.0.0.0/8"))', false],
      ['ip("1.2.3.4").isInRange(ip("9.9.9.9/0"))', true],
      ['ip("1.2.3.4").isInRange(ip("1.2.3.5/32"))', false],
      ['ip("1.2.3.4").isInRange(ip("::/0"))', false],
      ['ip("2001:db8::1").isInRange(ip("2001:db8::/32"))', true],
      ['ip("2001:db9::1").isInRange(ip("2001:db8::/33"))', false],
      ['ip("127.0.0.1/7").isLoopback()', false],
      ['ip("127.9.9.9").isLoopback() && ip("::1").isLoopback()', true],
      ['ip("224.0.0.1").isMulticast() && ip("ff02::1").isMulticast()', true],
      ['ip("::1").isIpv4()', false],
      ['ip(1).isIpv4()', 'error'],
    )
  })
})
