/** docs/narrowing.md says what the code does: its examples are data. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { type AuthorizationDetail, AuthorizationDetails, isNarrower, narrow } from './authority.ts'

const text = readFileSync(new URL('../../../docs/narrowing.md', import.meta.url), 'utf8')
const BASE = {
  type: 'agent_permission',
  locations: ['https://a.example'],
  actions: ['crm.read'],
  resources: ['Customer::1'],
}

/** Rows of the tables whose header begins so, as texts without backticks. */
const rowsOf = (header: string): string[][] =>
  text
    .split('\n\n')
    .filter((block) => block.startsWith(header))
    .flatMap((block) => block.trim().split('\n').slice(2))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll('`', '')),
    )

/** Members that are left out are those of BASE. */
const detailsIn = (json = ''): AuthorizationDetail[] => {
  const some = ([] as object[]).concat(JSON.parse(json)).map((part) => ({ ...BASE, ...part }))
  return some.length > 0 ? AuthorizationDetails.parse(some) : []
}

describe('docs/narrowing.md', () => {
  const singles = rowsOf('| member | parent').map(([, ...rest]) => rest)
  const sets = rowsOf('| parents |')
  for (const [parent, child, wanted] of [...singles, ...sets])
    it(`${child} inside ${parent}: ${wanted}`, () =>
      expect(isNarrower(detailsIn(child), detailsIn(parent)) ? 'yes' : 'no').toBe(wanted))

  const cuts = rowsOf('| reason | what it says | asked')
  for (const [reason = '', , asked, delegation, ceiling, given] of cuts)
    it(`${asked}: ${reason}`, () => {
      const cut = narrow(detailsIn(asked), [
        { details: detailsIn(delegation), reason: 'outside_delegation' },
        { details: detailsIn(ceiling), reason: 'outside_ceiling' },
      ])
      expect(cut.given).toEqual(detailsIn(given))
      if (reason === 'nothing_left') expect(cut.given).toEqual([])
      else expect(cut.dropped).toEqual([{ detail: detailsIn(asked)[0], reason }])
    })

  it('has all of its examples', () => expect([singles.length, sets.length, cuts.length]).toEqual([18, 5, 4]))
})
