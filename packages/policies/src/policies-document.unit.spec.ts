/** docs/policies.md says what the code does: its examples are data. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { readAnnotations } from './annotations.ts'
import { CaseFile } from './cases/format.ts'
import { runCases } from './cases/run.ts'
import { check } from './check.ts'
import { CHECK_MS } from './in-worker.ts'
import { load } from './load.ts'
import { MAX_POLICIES } from './read.ts'
import { LIMITS } from './version.ts'

const text = readFileSync(new URL('../../../docs/policies.md', import.meta.url), 'utf8')
const block = (language: string): string => text.split(`\`\`\`${language}\n`)[1]?.split('\n```')[0] ?? ''
const rowsOf = (header: string): string[][] =>
  text
    .split('\n\n')
    .filter((part) => part.startsWith(header))
    .flatMap((part) => part.trim().split('\n').slice(2))
    .map((line) =>
      line
        .split(' | ')
        .map((cell) => cell.replace(/^\| | ?\|$/g, '').trim())
        .map((cell) => cell.replace(/^`(.*)`$/, '$1')),
    )

const schema = block('cedarschema')
const policies = block('cedar')

describe('docs/policies.md', () => {
  it('has policies and a schema that pass the checks without a finding', () => {
    expect(check({ policies, schema }).findings).toEqual([])
    expect(check({ policies, schema }).read?.policies.length).toBe(5)
  })

  const { read } = check({ policies, schema })
  const cases = CaseFile.parse(JSON.parse(block('json')))
  if (read)
    for (const { name, differences } of runCases(cases, load('document', read)))
      it(`has a case that comes out as it says: ${name}`, () => expect(differences).toEqual([]))

  const findings = rowsOf('| severity | code |')
  for (const [severity, code, , example = ''] of findings.filter(([, , , example]) => example))
    it(`finds ${code} in ${example}`, () => {
      const source = code === 'schema' ? { policies, schema: example } : { policies: example, schema }
      expect(check(source).findings).toContainEqual(expect.objectContaining({ severity, code }))
    })
  it('has all findings', () => expect(findings.length).toBe(15))

  const annotations = rowsOf('| annotation | on |')
  for (const [written = '', effect] of annotations)
    it(`knows ${written} on a ${effect}`, () => {
      const [, name = '', value = ''] = /^@([a-z_]+)\("(.*)"\)$/.exec(written) ?? []
      const asking: Record<string, string> =
        effect === 'forbid' && name !== 'require_approval' ? { require_approval: 'security-operator' } : {}
      const read = (on: 'permit' | 'forbid') => readAnnotations('a', on, { ...asking, [name]: value }).findings
      expect(read(effect as 'permit')).toEqual([])
      expect(read(effect === 'permit' ? 'forbid' : 'permit')[0]?.severity).toBe('error')
    })
  it('has all annotations', () => expect(annotations.length).toBe(7))

  it('reads everything that it lists', () => {
    const parts = rowsOf('| | what it is |').map(([part = '']) => part)
    for (const part of parts.filter((one) => one.startsWith('context.'))) {
      const name = part.slice('context.'.length).replace('?', '')
      const condition = part.endsWith('?') ? `context has ${name}` : `context.${name} == context.${name}`
      const one = `@id("a") permit(principal, action == Action::"invoice.pay", resource) when { ${condition} };`
      expect(check({ policies: one, schema }).findings).toEqual([])
    }
    expect(parts.length).toBe(15)
  })

  it('states the limits', () => {
    expect(text).toContain(`${LIMITS.policyBytes / 1024 / 1024} MiB of policies`)
    expect(text).toContain(`${LIMITS.schemaBytes / 1024} KiB of schema`)
    expect(text).toContain(`${MAX_POLICIES.toLocaleString('en')} policies, ${CHECK_MS / 1000} seconds for the checks`)
  })
})
