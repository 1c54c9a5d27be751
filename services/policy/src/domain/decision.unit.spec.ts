import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { allowedSituation, CASES, decideOn, patched } from '../testing/situation.ts'
import { SENTENCES, sentenceOf } from './reasons.ts'

type Case = {
  title: string
  change: object
  wanted: { outcome: string; reasons: string[]; obligations?: string[]; relied_seconds?: number }
}

const files = readdirSync(CASES).filter((name) => name.endsWith('.json') && name !== 'allowed.situation.json')

for (const file of files) {
  const cases: Case[] = JSON.parse(readFileSync(new URL(file, CASES), 'utf8'))
  describe(`decision cases: ${file}`, () => {
    for (const { title, change, wanted } of cases)
      it(`${title} → ${wanted.outcome}`, () => {
        const situation = patched(allowedSituation(), change)
        const { outcome, reasons, obligations, reliedUntil } = decideOn(situation)
        expect({ outcome, reasons }).toEqual({ outcome: wanted.outcome, reasons: wanted.reasons })
        if (wanted.obligations) expect(obligations.map(({ type }) => type)).toEqual(wanted.obligations)
        if (wanted.relied_seconds !== undefined)
          expect(reliedUntil).toBe(wanted.relied_seconds && Date.parse(situation.now) + wanted.relied_seconds * 1000)
      })
  })
}

describe('a decision', () => {
  it('has a case and a sentence of its own for every reason', () => {
    const reasons = files.flatMap((file) =>
      (JSON.parse(readFileSync(new URL(file, CASES), 'utf8')) as Case[]).flatMap(({ wanted }) => wanted.reasons),
    )
    // Each case that the data files cover, and no reason that they do not.
    expect([...new Set(reasons)].sort()).toEqual(Object.keys(SENTENCES).sort())
    expect(new Set(Object.values(SENTENCES)).size).toBe(Object.keys(SENTENCES).length)
  })

  it('names the policies that it is about', () => {
    const verdict = { permits: [], forbids: ['only-from-the-office'], errors: ['broken'], erroredForbids: ['broken'] }
    expect(sentenceOf('policy_forbids', verdict)).toContain('only-from-the-office')
    expect(sentenceOf('policy_error', verdict)).toContain('broken')
    expect(sentenceOf('agent_revoked', verdict)).not.toContain('broken')
  })
})
