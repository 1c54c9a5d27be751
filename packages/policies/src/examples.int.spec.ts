/** examples/policies: every condition that there is, met and not met, as people write and test policies. */
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { BASE_SCHEMA } from './base-schema.ts'
import { testFolder } from './cases/folder.ts'

const folder = fileURLToPath(new URL('../../../examples/policies/', import.meta.url))

describe('examples/policies', async () => {
  const { files, findings } = await testFolder(folder)
  it('pass all checks', () => expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]))
  for (const { file, results } of files)
    for (const { name, differences } of results) it(`${file}: ${name}`, () => expect(differences).toEqual([]))

  it('use every part of the context', async () => {
    const { readFileSync } = await import('node:fs')
    const text = readFileSync(`${folder}policies.cedar`, 'utf8')
    const context = /type Context = \{([\s\S]+?)\n {2}\}/.exec(BASE_SCHEMA)?.[1] ?? ''
    const members = [...context.matchAll(/^ {4}(\w+)\??:/gm)].map(([, name]) => name)
    expect(members.length).toBeGreaterThan(8)
    // The audience is what grants are bound to.
    expect(members.filter((name) => name !== 'audience' && !text.includes(`context.${name}`))).toEqual([])
  })
})
