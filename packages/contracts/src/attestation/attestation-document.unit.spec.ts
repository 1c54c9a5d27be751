/** docs/attestation.md is read by people who copy from it: what it shows must be what is accepted. */
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { EVIDENCE_KINDS } from './kinds.ts'
import { leavesOf, ProfileParts } from './requirements.ts'

const text = readFileSync(new URL('../../../../docs/attestation.md', import.meta.url), 'utf8')
const [profile] = [...text.matchAll(/```json\n([\s\S]*?)```/g)].map(([, json]) => json ?? '')

it('its profile is one', () => {
  expect(leavesOf(ProfileParts.parse(JSON.parse(profile ?? '')).rule).map(({ kind }) => kind)).toEqual([
    'agent-manifest',
    'model-signing',
    'tpm2-quote',
    'kubernetes-sat',
  ])
})

it('its table has every kind, once', () => {
  expect([...text.matchAll(/^\| `([a-z0-9-]+)` \|/gm)].map(([, kind]) => kind)).toEqual(EVIDENCE_KINDS)
})
