/** Text that kills the engine kills its worker only. */
import { describe, expect, it } from 'vitest'
import { inWorker } from './in-worker.ts'
import { load } from './load.ts'
import { input } from './testing/input.ts'
import { WASM } from './wasm.ts'

const PERMIT = '@id("all") permit(principal, action, resource);'
const check = (policies: string, schema = '') => inWorker({ kind: 'check', source: { policies, schema } })
const nested = (open: string, close: string, depth: number) =>
  `@id("x") permit(principal, action, resource) when { ${open.repeat(depth)}true${close.repeat(depth)} };`

describe('checking in a worker', () => {
  for (const [what, policies, schema] of [
    ['150 nested parentheses', nested('(', ')', 150), ''],
    ['5000 nested parentheses', nested('(', ')', 5_000), ''],
    ['1000 nested lists', nested('[', ']', 1_000), ''],
    ['a sum of 2000', `@id("x") permit(principal, action, resource) when { 1${' + 1'.repeat(2_000)} > 0 };`, ''],
    [
      'a chain of 1000 attributes',
      `@id("x") permit(principal, action, resource) when { context${'.a'.repeat(1_000)} };`,
      '',
    ],
    ['a schema of 5000 nested sets', PERMIT, `entity X = { a: ${'Set<'.repeat(5_000)}Long${'>'.repeat(5_000)} };`],
    ['a schema of 5000 nested records', PERMIT, `entity X = { a: ${'{a:'.repeat(5_000)}Long${'}'.repeat(5_000)} };`],
  ] as const)
    it(`survives ${what}, and what decides goes on`, async () => {
      const { read } = await check(PERMIT)
      const policies_ = load('v', read as NonNullable<typeof read>)
      const broken = await check(policies, schema)
      expect(broken.read).toBeUndefined()
      expect(broken.findings[0]?.severity).toBe('error')
      expect(policies_.evaluate(input()).permits).toEqual(['all'])
      expect((await check(PERMIT)).findings).toEqual([])
    })

  for (const depth of [20, 60, 100, 120])
    it(`what it lets through, the deciding process can load: depth ${depth}`, async () => {
      const { read } = await check(nested('(', ')', depth))
      if (read) expect(load('v', read).evaluate(input()).permits).toEqual(['x'])
    })

  it('reads again what was checked, without checking', async () => {
    const { read, findings } = await inWorker({ kind: 'read', source: { policies: PERMIT, schema: '' } })
    expect(findings).toEqual([])
    expect(read).toEqual((await check(PERMIT)).read)
  })

  it('gives the text of each policy, with what was written around it', async () => {
    const policies = `// first\n${PERMIT}\n@id("b")\nforbid(principal, action,\n  resource);`
    const { read } = await inWorker({ kind: 'texts', source: { policies, schema: '' } })
    expect(Object.fromEntries(read?.policies.map(({ id, text }) => [id, text]) ?? [])).toEqual({
      all: PERMIT,
      b: '@id("b")\nforbid(principal, action,\n  resource);',
    })
  })

  it('names what checked', () => expect(WASM).toMatch(/^cedar-wasm \d+\.\d+\.\d+$/))
})
