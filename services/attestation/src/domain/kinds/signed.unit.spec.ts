import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { containerImage } from './container-image.ts'
import { modelSigning } from './model-signing.ts'

const VERIFIERS = new URL('../../adapters/verifiers/', import.meta.url)
/** Every code that a verifier’s sources write down. */
const codesIn = (folder: string): string[] =>
  readdirSync(new URL(folder, VERIFIERS))
    .filter((name) => !name.includes('.spec.'))
    .flatMap((name) => [
      ...readFileSync(new URL(`${folder}/${name}`, VERIFIERS), 'utf8').matchAll(/'([a-z]+(?:_[a-z]+)+)'/g),
    ])
    .map(([, code]) => code as string)
    // Names of fields and of algorithms, not codes.
    .filter((word) => !['hash_type', 'trusted_root', 'image_digest'].includes(word))

describe.each([
  ['model-signing', modelSigning.reasons],
  ['container-image', containerImage.reasons],
])('%s', (kind, reasons) => {
  it('has a sentence for every code that its verifier gives', () => {
    const codes = new Set([...codesIn('sigstore'), ...codesIn(kind)])
    expect(codes.size).toBeGreaterThan(20)
    expect([...codes].filter((code) => !(code in reasons))).toEqual([])
  })
})
