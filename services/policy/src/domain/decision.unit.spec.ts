import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { allowedSituation, CASES, decideOn, patched } from '../testing/situation.ts'
import { sentenceOf } from './decision.ts'

type Case = { title: string; change: object; wanted: { outcome: string; reasons: string[] } }

const files = readdirSync(CASES).filter((name) => name.endsWith('.json') && name !== 'allowed.situation.json')

for (const file of files) {
  const cases: Case[] = JSON.parse(readFileSync(new URL(file, CASES), 'utf8'))
  describe(`decision cases: ${file}`, () => {
    for (const { title, change, wanted } of cases)
      it(`${title} → ${wanted.outcome}`, () => {
        const { outcome, reasons } = decideOn(patched(allowedSituation(), change))
        expect({ outcome, reasons }).toEqual(wanted)
      })
  })
}

describe('a decision', () => {
  it('has a sentence of its own for every reason', () => {
    const reasons = files.flatMap((file) =>
      (JSON.parse(readFileSync(new URL(file, CASES), 'utf8')) as Case[]).flatMap(({ wanted }) => wanted.reasons),
    )
    const sentences = new Map([...new Set(reasons)].map((reason) => [reason, sentenceOf(reason, undefined)]))
    const stale = [...sentences.keys()].filter((reason) => reason.startsWith('stale_'))
    expect(new Set(sentences.values()).size).toBe(sentences.size - stale.length + 1)
  })

  it('names the policies that it is about', () => {
    const verdict = { permit: false, policyIds: ['only-from-the-office'], errors: ['broken'] }
    expect(sentenceOf('policy_forbids', verdict)).toContain('only-from-the-office')
    expect(sentenceOf('policy_error', verdict)).toContain('broken')
    expect(sentenceOf('agent_revoked', verdict)).not.toContain('broken')
  })
})
