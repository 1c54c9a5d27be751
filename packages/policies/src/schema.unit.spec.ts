import { describe, expect, it } from 'vitest'
import { readPlatformSchema, schemaText, wholeSchema } from './schema.ts'

const PLATFORM = `
type Line = { text: String };
entity Department enum ["hr", "it"];
entity Invoice = { total: decimal, department?: Department, lines: Set<Line> };
action reading;
action "invoice.read" in [reading] appliesTo { principal: Agent, resource: [Invoice, Resource] };
action "invoice.pay" appliesTo { principal: Agent, resource: Invoice, context: { recipient: String, note?: String } };
`
const merged = (text: string) => {
  const read = readPlatformSchema(text)
  if ('findings' in read) throw new Error(read.findings.map(({ message }) => message).join('; '))
  return schemaText(wholeSchema(read.platform, ['mail.send']))
}
const refused = (text: string): string => {
  const read = readPlatformSchema(text)
  if (!('findings' in read)) return 'accepted'
  for (const finding of read.findings) expect(finding).toMatchObject({ severity: 'error', code: 'schema', policy: '' })
  return read.findings.map(({ message }) => message).join('; ')
}

describe('a platform’s schema', () => {
  const whole = merged(PLATFORM)
  it('may be empty: every action then applies to resources of any type', () => {
    const text = merged('')
    expect(text).toMatch(/action "any other" appliesTo \{\s*principal: \[Agent\],\s*resource: \[Resource\],/)
    expect(text).toMatch(/action "mail\.send" appliesTo/)
  })
  it('gives its resource types what Credence knows of every resource', () =>
    expect(whole.replace(/\s+/g, ' ')).toContain(
      'entity Invoice = { department?: Department, lines: Set<Line>, location: String, sensitivity: String, total: decimal, type: String };',
    ))
  it('has the context of an action as context.arguments, which may be missing', () => {
    const pay = whole
      .slice(whole.indexOf('action "invoice.pay"'), whole.indexOf('action "invoice.read"'))
      .replace(/\s+/g, ' ')
    expect(pay).toContain('arguments?: { note?: String, recipient: String }')
    expect(pay).toContain('location: Credence::Place')
  })
  it('leaves the actions that it does not declare open to all of its types', () =>
    expect(whole.replace(/\s+/g, ' ')).toContain(
      'action "mail.send" appliesTo { principal: [Agent], resource: [Resource, Invoice], context: Credence::Context };',
    ))
  it('keeps its groups of actions', () => expect(whole).toContain('action "invoice.read" in [Action::"reading"]'))
  it('gives the same text for the same meaning', () => expect(merged(PLATFORM)).toBe(whole))

  for (const [what, text, message] of [
    ['an entity of ours', 'entity Agent;', /type Agent: the name is taken/],
    ['a type named as ours', 'type Resource = { a: Long };', /type Resource: the name is taken/],
    ['our namespace', 'namespace Credence { entity X; }', /namespace Credence: the name is taken/],
    ['a namespace', 'namespace Acme { entity X; }', /namespace Acme: declare types without a namespace/],
    ['a type named as a built-in one', 'type decimal = { a: Long };', /type decimal: the name is taken/],
    ['an entity named as a built-in type', 'entity String;', /String/],
    [
      'the action that stands for all others',
      'action "any other" appliesTo { principal: Agent, resource: Resource };',
      /any other/,
    ],
    [
      'a told attribute',
      'entity Invoice = { sensitivity: String };',
      /entity Invoice: the attribute sensitivity is told by Credence/,
    ],
    ['a name that grants cannot hold', 'entity invoice_2;', /entity invoice_2: a name is a capital letter/],
    ['parents', 'entity Folder; entity File in [Folder];', /entity File: enforcement points tell no parents/],
    ['tags', 'entity File tags String;', /entity File: enforcement points tell no tags/],
    [
      'another principal',
      'entity User; action "a.b" appliesTo { principal: User, resource: Resource };',
      /action "a\.b": its principal must be Agent/,
    ],
    [
      'a resource that is none',
      'action "a.b" appliesTo { principal: Agent, resource: Blueprint };',
      /action "a\.b": Blueprint is no resource type/,
    ],
    [
      'an action that cannot be asked for',
      'action pay appliesTo { principal: Agent, resource: Resource };',
      /action "pay": an action is like "calendar\.book"/,
    ],
    ['a type that is not there', 'entity Invoice = { total: Money };', /Money/],
    ['a syntax error, with its line', '\nentity Invoice = {\n  total decimal\n};', /line 3: unexpected token/],
  ] as const)
    it(`is refused with ${what}`, () => expect(refused(text)).toMatch(message))
})
