/** docs/attestation.md is read by people who copy from it: what it shows must be what is accepted. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EVIDENCE_KINDS } from '@credence/contracts/attestation/kinds'
import { leavesOf, ProfileParts } from '@credence/contracts/attestation/requirements'
import { expect, it } from 'vitest'
import { readAttesterConfig } from './config.ts'

const text = readFileSync(new URL('../../../docs/attestation.md', import.meta.url), 'utf8')
const [profile, attester] = [...text.matchAll(/```json\n([\s\S]*?)```/g)].map(([, json]) => json ?? '')

it('its profile is one', () => {
  expect(leavesOf(ProfileParts.parse(JSON.parse(profile ?? '')).rule).map(({ kind }) => kind)).toEqual([
    'agent-manifest',
    'model-signing',
    'tpm2-quote',
    'kubernetes-sat',
  ])
})

it('its configuration of an attester is one', () => {
  const folder = mkdtempSync(join(tmpdir(), 'attester-document-'))
  try {
    const file = join(folder, 'attest.json')
    writeFileSync(file, attester ?? '')
    const { evidence, prompt } = readAttesterConfig(file)
    expect(Object.keys(evidence)).toEqual(['agent-manifest', 'model-signing', 'kubernetes-sat', 'tpm2-quote'])
    expect(prompt).toBe(join(folder, 'prompt.md'))
  } finally {
    rmSync(folder, { recursive: true })
  }
})

it('its table has every kind, once', () => {
  expect([...text.matchAll(/^\| `([a-z0-9-]+)` \|/gm)].map(([, kind]) => kind)).toEqual(EVIDENCE_KINDS)
})
