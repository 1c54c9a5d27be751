/** Every code that is given has a sentence, and every sentence a code that is given: read from the sources themselves. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { EVIDENCE_KINDS, type EvidenceKind } from '@credence/contracts/attestation/kinds'
import { describe, expect, it } from 'vitest'
import { appraisers } from './kinds/kinds.ts'
import { ANY_KIND, allReasons, reasonsOf, WHOLE } from './reasons.ts'

const SOURCES = fileURLToPath(new URL('..', import.meta.url))
const CODE = /^[a-z]+(_[a-z0-9]+)+$/

const filesIn = (folder: string): string[] =>
  readdirSync(join(SOURCES, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !/spec|testing/.test(file))
    .map((file) => join(folder, file))
/** What producers and verifiers share. */
const MANIFESTS = '../../../packages/contracts/src/attestation/agent-manifest.ts'
const textOf = (files: string[]): string => files.map((file) => readFileSync(join(SOURCES, file), 'utf8')).join('\n')
/** What several kinds, or a verifier and something else, share. */
const SHARED: { [K in EvidenceKind]?: string[] } = {
  'agent-manifest': ['adapters/verifiers/sigstore'],
  'model-signing': ['adapters/verifiers/sigstore'],
  'container-image': ['adapters/verifiers/sigstore'],
  'kubernetes-sat': ['adapters/kubernetes'],
}
/** Without the table of sentences itself. */
const code = (text: string): string => text.replaceAll(/reasons: \{[\s\S]*?\n {2}\},/g, '')

/** Codes that a verifier or an appraiser gives: literals where one stands. */
const refusals = (text: string): string[] =>
  [...text.matchAll(/(?:refused: |refused\(|refuse\(|return |\? |: |\[)'([a-z]+(?:_[a-z0-9]+)+)'/g)].map(
    ([, one = '']) => one,
  )

describe('reasons', () => {
  for (const kind of EVIDENCE_KINDS) {
    const own = [...filesIn(`adapters/verifiers/${kind}`), `domain/kinds/${kind}.ts`]
    const used = SHARED[kind]?.flatMap(filesIn) ?? []
    it(`${kind}: each refusal has a sentence`, () => {
      const known = Object.keys(reasonsOf(kind))
      expect(refusals(code(textOf([...own, ...used]))).filter((one) => !known.includes(one))).toEqual([])
    })
    it(`${kind}: each sentence belongs to a code that stands in the sources`, () => {
      const shared = ['adapters/verifiers/sigstore', 'adapters/tpm', 'adapters/kubernetes', 'api'].flatMap(filesIn)
      const text = code(textOf([...own, ...shared, MANIFESTS, 'domain/appraisal.ts', 'domain/kinds/software.ts']))
      const PARTS = ['program', 'prompt', 'tool_manifest', 'model']
      const made = (one: string) =>
        PARTS.some((part) => one === `${part}_unknown` || one === `${part}_not_as_registered`)
      const unused = Object.keys(appraisers[kind].reasons).filter((one) => !made(one) && !text.includes(`'${one}'`))
      expect(unused).toEqual([])
    })
    it(`${kind}: sentences are sentences, codes are codes`, () => {
      for (const [one, sentence] of Object.entries(appraisers[kind].reasons)) {
        expect(one === 'blocked' || one === 'rebooted' || CODE.test(one), one).toBe(true)
        expect(sentence, one).toMatch(/^[A-Z].*\.$/)
      }
    })
  }
  it('of the whole and of any kind are given somewhere', () => {
    const domain = ['domain/appraisal.ts', 'domain/rule.ts', 'domain/standing.ts']
    const text = textOf([...filesIn('api'), ...filesIn('adapters/verifiers'), ...domain])
    for (const one of Object.keys({ ...WHOLE, ...ANY_KIND })) expect(text, one).toContain(one)
  })
  it('can be listed', () => {
    const all = allReasons()
    expect(all.length).toBeGreaterThan(100)
    expect(new Set(all.map(([one]) => one)).size).toBe(all.length)
  })
})
