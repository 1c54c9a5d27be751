import type { ClaimsOf } from '@credence/contracts/attestation/claims'
import type { Reference } from '@credence/contracts/attestation/trust'
import { newId } from '@credence/shared/ids'
import { describe, expect, it } from 'vitest'
import { agent as registered } from '../../../../../infra/testing/facts.ts'
import { containerImage } from './container-image.ts'
import type { About } from './kind.ts'

const digest = (digit: string) => digit.repeat(64)
const IMAGE = digest('c')
const claims: ClaimsOf<'container-image'> = {
  image_digest: IMAGE,
  predicate_type: 'https://slsa.dev/provenance/v1',
  builder: 'https://builds.example/container-builder/v1',
  source: 'https://code.example/acme/scheduler@refs/tags/v1.4.2',
  signer: newId('anc'),
}
const reference = (value: Reference['value']): Reference => ({
  reference: newId('ref'),
  blueprint: 'meeting-scheduler',
  label: '1.4.2',
  value,
})
const listed = reference({ type: 'image', digest: IMAGE })
const pod = (part: Partial<ClaimsOf<'kubernetes-sat'>>): ClaimsOf<'kubernetes-sat'> => ({
  cluster: newId('anc'),
  issuer: 'https://cluster.example',
  namespace: 'agents',
  service_account: 'scheduler',
  pod: 'scheduler-0',
  nonce_bound: false,
  pod_uid: '1',
  reviewed: true,
  image_digests: [digest('d'), IMAGE],
  expires_at: '2026-11-24T13:00:00.000Z',
  ...part,
})
const about = (part: Partial<About> = {}): About => ({
  agent: { ...registered(), state: 'active' },
  references: [],
  lists: new Set((part.references ?? []).map(({ value }) => value.type)),
  statement: { program: IMAGE, prompt: digest('2'), tool_manifest: digest('3'), model: digest('4') },
  claims: {},
  previous: undefined,
  asked: new Set(['container-image'] as const),
  now: new Date('2026-11-24T12:00:00.000Z'),
  ...part,
})
const faults = (part: Partial<About>) => containerImage.appraise(claims, about(part)).faults

describe('an image', () => {
  it('with good provenance: its executables were approved when it was started', () =>
    expect(containerImage.appraise(claims, about())).toEqual({
      vector: { executables: 3 },
      faults: [],
      notes: ['image_named_by_agent'],
      references: [],
      digests: [IMAGE],
    }))

  it('of a blueprint that lists its images must be on the list', () => {
    expect(containerImage.appraise(claims, about({ references: [listed] })).references).toEqual([listed.reference])
    expect(
      containerImage.appraise(claims, about({ references: [reference({ type: 'image', digest: digest('e') })] })),
    ).toMatchObject({ vector: { executables: 96 }, faults: ['image_not_referenced'] })
  })

  it('is on none when all of the list was withdrawn: an empty list approves nothing', () =>
    expect(faults({ lists: new Set(['image'] as const) })).toEqual(['image_not_referenced']))

  it('is the program that the agent states', () => {
    const statement = { ...about().statement, program: digest('9') }
    expect(faults({ statement })).toEqual(['composition_differs'])
  })

  it('is one of those that the cluster sees in the pod, where the cluster was asked', () => {
    expect(containerImage.appraise(claims, about({ claims: { 'kubernetes-sat': pod({}) } }))).toMatchObject({
      faults: [],
      notes: [],
    })
    const others = pod({ image_digests: [digest('d')] })
    expect(faults({ claims: { 'kubernetes-sat': others } })).toEqual(['image_not_in_pod'])
    expect(faults({ claims: { 'kubernetes-sat': { ...others, reviewed: false, image_digests: [] } } })).toEqual([])
  })
})

describe('a profile', () => {
  const unmet = (part: { builders?: string[]; sources?: string[]; signers?: string[] }) =>
    containerImage.unmet(claims, {
      kind: 'container-image',
      builders: [claims.builder],
      sources: [claims.source],
      ...part,
    })
  it('allows builders and sources exactly, or by their beginning', () => {
    expect(unmet({})).toEqual([])
    expect(unmet({ sources: ['https://code.example/acme/*'], builders: ['https://builds.example/*'] })).toEqual([])
    expect(unmet({ sources: ['https://code.example/acme/scheduler'] })).toEqual(['source_not_allowed'])
    expect(unmet({ sources: ['https://code.example/*/scheduler'] })).toEqual(['source_not_allowed'])
    expect(unmet({ builders: ['https://builds.example/container-builder/v'] })).toEqual(['builder_not_allowed'])
    expect(unmet({ signers: [newId('anc')] })).toEqual(['signer_not_allowed'])
    expect(unmet({ signers: [claims.signer] })).toEqual([])
  })
})
