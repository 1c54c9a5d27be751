/** Findings, as an author of policies meets them. Text that could kill the parser: in-worker.int.spec.ts. */
import { describe, expect, it } from 'vitest'
import { check } from './check.ts'

const SCHEMA = `
entity Department enum ["hr", "it"];
entity Invoice = { total: decimal, parent?: Invoice, pages?: Long };
action reading;
action "invoice.read" in [reading] appliesTo { principal: Agent, resource: [Invoice, Resource] };
action "invoice.pay" appliesTo { principal: Agent, resource: Invoice, context: { recipient: String } };
`
const found = (policies: string, schema = SCHEMA) => check({ policies, schema })
const lines = (policies: string): string[] =>
  found(policies).findings.map(({ severity, code, policy, message }) => `${severity} ${code} ${policy}: ${message}`)
const scope = '(principal, action, resource)'

describe('what keeps a version a draft', () => {
  for (const [what, text, line] of [
    ['a syntax error, with its line', `@id("a") permit${scope};\npermit(`, /^error syntax : line 2: unexpected/],
    ['no policy', '// nothing', /^error limit : holds no policy/],
    [
      'a policy without @id',
      `permit${scope};`,
      /^error id : "permit\(principal, action, resource\);" needs an annotation @id/,
    ],
    ['an @id of other letters', `@id("A b") permit${scope};`, /^error id /],
    [
      'the same @id twice',
      `@id("a") permit${scope}; @id("a") forbid${scope};`,
      /^error id a: two policies have the @id "a"/,
    ],
    ['a template', '@id("a") permit(principal == ?principal, action, resource);', /^error template /],
    [
      'an action that no grant can hold',
      '@id("a") permit(principal, action == Action::"pay", resource);',
      /^error action a: names Action::"pay"/,
    ],
    [
      'an attribute that is not there',
      `@id("a") permit${scope} when { resource.owner == "x" };`,
      /^error type a: .*owner/,
    ],
    [
      'a misspelt part of the context',
      `@id("a") forbid${scope} when { context.locatio.trusted };`,
      /^error type a: .*locatio/,
    ],
    ['values of different types', `@id("a") permit${scope} when { principal.depth == "1" };`, /^error type a: /],
    [
      'an optional attribute that may be missing',
      '@id("a") permit(principal, action, resource is Invoice) when { resource.pages > 3 };',
      /^error type a: .*optional attribute `pages`/,
    ],
    [
      'arguments that may not have been told',
      '@id("a") permit(principal, action == Action::"invoice.pay", resource) when { context.arguments.recipient == "x" };',
      /^error type a: .*arguments/,
    ],
    [
      'approval on a permit',
      `@id("a") @require_approval("delegator") permit${scope};`,
      /^error approval_on_permit a: /,
    ],
    [
      'an obligation on a forbid',
      `@id("a") @limit_rows("10") forbid${scope};`,
      /^error obligation_on_forbid a: @limit_rows/,
    ],
    [
      'an approver that is no role',
      `@id("a") @require_approval("boss") forbid${scope};`,
      /^error annotation a: @require_approval must name one of delegator, /,
    ],
    [
      'two approvals of one person',
      `@id("a") @require_approval("delegator") @approvals("2") forbid${scope};`,
      /^error annotation a: .*one delegator/,
    ],
    [
      'a deadline without approval',
      `@id("a") @approval_within("60") forbid${scope};`,
      /^error annotation a: @approval_within needs @require_approval/,
    ],
    [
      'a number that is none',
      `@id("a") @limit_rows("many") permit${scope};`,
      /^error annotation a: @limit_rows must be a whole number from 1/,
    ],
    [
      'fields that are none',
      `@id("a") @mask_fields("e-mail,phone") permit${scope};`,
      /^error annotation a: @mask_fields/,
    ],
    [
      'reliance without end',
      `@id("a") @relied_seconds("86400") permit${scope};`,
      /^error annotation a: @relied_seconds/,
    ],
  ] as const)
    it(what, () => {
      const { read, findings } = found(text)
      expect(read).toBeUndefined()
      expect(lines(text)[0]).toMatch(line)
      expect(findings[0]?.severity).toBe('error')
    })
})

describe('lint', () => {
  const all = `@id("all") permit${scope};`
  for (const [what, text, wanted] of [
    ['a condition that is false', `@id("a") permit${scope} when { false };`, ['unreachable a']],
    ['a condition that compares to false', `@id("a") permit${scope} when { 2 < 1 };`, ['unreachable a']],
    [
      'a condition that is false by its types',
      `@id("a") permit${scope} when { principal is Blueprint };`,
      ['unreachable a'],
    ],
    [
      'an action that does not apply to the resource',
      '@id("a") permit(principal, action == Action::"invoice.pay", resource is Resource);',
      ['unreachable a'],
    ],
    ['a resource that is no resource', '@id("a") permit(principal, action, resource is Agent);', ['unreachable a']],
    [
      'a constant that always fails',
      `@id("a") permit${scope} when { 9223372036854775807 + 1 > 0 };`,
      ['unreachable a'],
    ],
    ['nothing to say of a condition that may hold', `@id("a") permit${scope} when { principal.depth < 3 };`, []],
    ['a condition that is true', `@id("a") permit${scope} when { 1 < 2 };`, ['always_true a']],
    [
      'a condition that is true by its types',
      `@id("a") permit${scope} when { principal is Agent && context has now };`,
      ['always_true a'],
    ],
    ['an unless that never holds', `@id("a") permit${scope} unless { context has nothing };`, ['always_true a']],
    [
      'an action that the scope says already',
      '@id("a") permit(principal, action == Action::"mail.send", resource) when { action == Action::"mail.send" };',
      ['always_true a'],
    ],
    [
      'only the second condition, which the first one proves',
      `@id("a") permit${scope} when { context has human } when { context has human };`,
      ['always_true a'],
    ],
    [
      'a permit below an unconditional permit',
      `${all} @id("a") permit(principal, action == Action::"mail.send", resource) when { principal.depth < 3 };`,
      ['shadowed a'],
    ],
    [
      'a permit below an unconditional forbid',
      `@id("no") forbid(principal, action == Action::"mail.send", resource); @id("a") permit(principal in Blueprint::"x", action == Action::"mail.send", resource);`,
      ['shadowed a'],
    ],
    [
      'a forbid below an unconditional forbid',
      `@id("no") forbid(principal, action in Action::"reading", resource); @id("a") forbid(principal, action == Action::"invoice.read", resource is Invoice) when { principal.depth > 3 };`,
      ['shadowed a'],
    ],
    [
      'the same policy twice',
      `@id("a") permit${scope} when { principal.depth < 3 }; @id("b") permit${scope} when { principal.depth < 3 };`,
      ['shadowed b'],
    ],
    [
      'nothing where the wider forbid can be lifted by people',
      `@id("no") @require_approval("delegator") forbid${scope}; ${all}`,
      [],
    ],
    [
      'nothing where the narrower permit says more',
      `${all} @id("a") @mask_fields("email") permit(principal, action == Action::"mail.send", resource);`,
      [],
    ],
    [
      'nothing where the wider policy has a condition',
      `@id("all") permit${scope} when { context.location.trusted }; @id("a") permit(principal, action == Action::"mail.send", resource);`,
      [],
    ],
    [
      'nothing where scopes only overlap',
      '@id("a") permit(principal, action == Action::"mail.send", resource); @id("b") permit(principal, action, resource is Invoice);',
      [],
    ],
    ['arithmetic in a forbid', `@id("a") forbid${scope} when { principal.depth + 1 > 3 };`, ['may_error a']],
    [
      'nothing for arithmetic in a permit, which then does not permit',
      `@id("a") permit${scope} when { principal.depth + 1 < 3 };`,
      [],
    ],
    [
      'an attribute of an entity that nobody tells',
      '@id("a") permit(principal, action, resource is Invoice) when { resource has parent && resource.parent.total.lessThan(decimal("1.0")) };',
      ['may_error a'],
    ],
    ['an annotation that is nearly one of ours', `@id("a") @mask_field("email") permit${scope};`, ['annotation a']],
    ['nothing for any other annotation', `@id("a") @owner("Milan") @ticket("OPS-1") permit${scope};`, []],
  ] as const)
    it(`finds ${what}`, () => {
      const { read, findings } = found(text)
      expect(findings.map(({ code, policy }) => `${code} ${policy}`)).toEqual(wanted)
      expect(findings.every(({ severity }) => severity === 'warning')).toBe(true)
      expect(read).toBeDefined()
    })

  it('compares thousands of policies with thousands in a moment', () => {
    const many = Array.from(
      { length: 1_500 },
      (_, n) => `@id("p${n}") permit(principal, action == Action::"a.b${n}", resource);`,
    )
    const began = performance.now()
    expect(found(many.join('\n'), '').findings).toEqual([])
    expect(performance.now() - began).toBeLessThan(30_000)
  })
})

describe('a version as data', () => {
  it('has every policy, the actions that can be asked for, and one schema for all', () => {
    const { read } = found('@id("a") permit(principal, action == Action::"mail.send", resource);')
    expect(read?.policies).toEqual([{ id: 'a', effect: 'permit', json: expect.objectContaining({ effect: 'permit' }) }])
    expect(read?.actions).toEqual(['invoice.read', 'invoice.pay'].sort())
    for (const action of ['any other', 'mail.send', 'reading']) expect(read?.schemaText).toContain(`action "${action}"`)
  })
  it('keeps integers past 2^53 exact', () => {
    const { read } = found(`@id("a") forbid${scope} when { principal.depth == 9007199254740993 };`)
    expect(JSON.stringify(read?.policies)).not.toContain('9007199254740992')
  })
})
