/** docs/decisions.md names every reason, in the order in which decisions name them. */
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { SENTENCES } from './domain/reasons.ts'

const text = readFileSync(new URL('../../../docs/decisions.md', import.meta.url), 'utf8')

it('docs/decisions.md has every reason, and no other', () => {
  const table = text.split('\n\n').find((block) => block.startsWith('| part |')) ?? ''
  const named = table
    .split('\n')
    .slice(2)
    .flatMap((row) => [...(row.split('|')[2] ?? '').matchAll(/`([a-z_]+)`/g)].map(([, code]) => code))
  expect(named.toSorted()).toEqual(Object.keys(SENTENCES).toSorted())
})
