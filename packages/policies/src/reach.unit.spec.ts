import { describe, expect, it } from 'vitest'
import { reachOf } from './reach.ts'
import { readPolicies } from './read.ts'

const reach = (text: string) => {
  const read = readPolicies(text, new Set())
  if ('findings' in read) throw new Error(JSON.stringify(read.findings))
  return reachOf(read.policies)
}
const part = { agent: 'agt_1', blueprint: 'scheduler', action: 'crm.read', resource: 'Customer::7' }

describe('what a permit can reach', () => {
  const cases: [scope: string, change: Partial<typeof part>, wanted: boolean][] = [
    ['principal, action, resource', {}, true],
    ['principal is Agent, action, resource is Resource', {}, true],
    ['principal == Agent::"agt_1", action, resource', {}, true],
    ['principal == Agent::"agt_2", action, resource', {}, false],
    ['principal in Blueprint::"scheduler", action, resource', {}, true],
    ['principal in Blueprint::"other", action, resource', {}, false],
    ['principal is Agent in Blueprint::"other", action, resource', {}, false],
    ['principal, action == Action::"crm.read", resource', {}, true],
    ['principal, action == Action::"crm.write", resource', {}, false],
    ['principal, action == Action::"crm.write", resource', { action: 'crm.*' }, true],
    ['principal, action == Action::"mail.send", resource', { action: 'crm.*' }, false],
    ['principal, action in [Action::"mail.send"], resource', {}, true],
    ['principal, action, resource == Resource::"Customer::7"', {}, true],
    ['principal, action, resource == Resource::"Customer::8"', {}, false],
    ['principal, action, resource == Resource::"Customer::8"', { resource: 'Customer::*' }, true],
    ['principal, action, resource == Customer::"7"', {}, true],
    ['principal, action, resource is Customer', {}, true],
    ['principal, action, resource is Invoice', {}, false],
  ]
  for (const [scope, change, wanted] of cases)
    it(`permit(${scope}) ${wanted ? 'may' : 'never will'} fit ${JSON.stringify(change)}`, () =>
      expect(reach(`@id("x") permit(${scope});`)({ ...part, ...change })).toBe(wanted))

  it('does not look at conditions, nor at forbids', () => {
    expect(reach('@id("x") permit(principal, action, resource) when { false };')(part)).toBe(true)
    expect(reach('@id("x") forbid(principal, action, resource);')(part)).toBe(false)
  })
})
