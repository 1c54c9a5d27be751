import type { ClaimsOf } from '@credence/contracts/attestation/claims'
import type { Reference } from '@credence/contracts/attestation/trust'
import { newId } from '@credence/shared/ids'
import { describe, expect, it } from 'vitest'
import * as facts from '../../../../../infra/testing/facts.ts'
import { DIGEST, NOW } from '../../../../../infra/testing/facts.ts'
import { statusOf } from '../ar4si.ts'
import type { About } from './kind.ts'
import { kubernetesSat } from './kubernetes-sat.ts'

const [AGENT, HELPER, STRANGER] = ['1', '2', '3'].map((digit) => digit.repeat(64)) as [string, string, string]
const claims = (part: Partial<ClaimsOf<'kubernetes-sat'>> = {}): ClaimsOf<'kubernetes-sat'> => ({
  cluster: newId('anc'),
  issuer: 'https://kubernetes.default.svc.cluster.local',
  namespace: 'agents',
  service_account: 'meeting-scheduler',
  pod: 'meeting-scheduler',
  pod_uid: 'a-pod',
  reviewed: true,
  nonce_bound: false,
  image_digests: [AGENT, HELPER],
  expires_at: facts.hours(1),
  ...part,
})
const image = (digest: string): Reference => ({
  reference: newId('ref'),
  blueprint: 'meeting-scheduler',
  label: 'an image',
  value: { type: 'image', digest },
})
const attested = (image_digest: string): About['claims'] => ({
  'container-image': { image_digest, predicate_type: 'p', builder: 'b', source: 's', signer: newId('anc') },
})
const about = (part: Partial<About> = {}): About => ({
  agent: { ...facts.agent(), state: 'active' },
  references: [],
  lists: new Set(),
  statement: { program: DIGEST, prompt: DIGEST, tool_manifest: DIGEST, model: DIGEST },
  claims: {},
  previous: undefined,
  asked: new Set(),
  now: NOW,
  ...part,
})
const accepted = (pod_uid: string) =>
  facts.result({
    evidence: [
      {
        kind: 'kubernetes-sat',
        digest: DIGEST,
        status: 'affirming',
        trustworthiness_vector: {},
        reasons: [],
        anchors: [],
        claims: claims({ pod_uid }),
      },
    ],
  })

describe('the appraisal of a service-account token', () => {
  it('says which workload it is, and nothing of what runs there', () =>
    expect(kubernetesSat.appraise(claims(), about())).toEqual({
      vector: { 'instance-identity': 2 },
      faults: [],
      notes: [],
      references: [],
      digests: [AGENT, HELPER],
    }))

  it('says when the cluster was not asked', () => {
    const offline = claims({ reviewed: false, image_digests: [] })
    // Even where an image is attested: nothing says that it runs in this pod.
    const finding = kubernetesSat.appraise(offline, about({ claims: attested(AGENT) }))
    expect(finding).toMatchObject({ vector: { 'instance-identity': 2 }, faults: [], notes: ['not_reviewed'] })
    expect(finding.vector).not.toHaveProperty('executables')
  })

  it('says when the token was made for the challenge', () =>
    expect(kubernetesSat.appraise(claims({ nonce_bound: true }), about()).notes).toEqual(['nonce_bound']))

  it('says that the key has moved when the agent ran in another pod before', () => {
    expect(kubernetesSat.appraise(claims(), about({ previous: accepted('another') })).notes).toEqual(['pod_changed'])
    expect(kubernetesSat.appraise(claims(), about({ previous: accepted('a-pod') })).notes).toEqual([])
  })

  describe('beside an attested image', () => {
    it('finds fault with one that the pod does not run', () =>
      expect(kubernetesSat.appraise(claims(), about({ claims: attested(STRANGER) }))).toMatchObject({
        vector: { 'instance-identity': 2 },
        faults: ['image_not_in_pod'],
      }))

    it('finds it at boot when every image of the pod is known', () => {
      const helper = image(HELPER)
      const finding = kubernetesSat.appraise(claims(), about({ claims: attested(AGENT), references: [helper] }))
      expect(finding).toMatchObject({ vector: { executables: 3 }, faults: [], references: [helper.reference] })
      expect(statusOf(finding.vector)).toBe('affirming')
    })

    it('warns of another one in the pod, also where a value of another type has its digest', () => {
      const composition: Reference = {
        ...image(HELPER),
        value: { type: 'composition', program: HELPER, prompt: HELPER, tool_manifest: HELPER, model: HELPER },
      }
      const finding = kubernetesSat.appraise(claims(), about({ claims: attested(AGENT), references: [composition] }))
      expect(finding).toMatchObject({ vector: { executables: 33 }, faults: [], notes: ['other_images_in_pod'] })
      expect(statusOf(finding.vector)).toBe('warning')
    })
  })

  it.each([
    ['the service account that it allows', { service_accounts: ['agents/meeting-scheduler'] }, {}, []],
    ['no other', { service_accounts: ['agents/admin'] }, {}, ['service_account_not_allowed']],
    [
      'not that of another namespace',
      { service_accounts: ['x/meeting-scheduler'] },
      {},
      ['service_account_not_allowed'],
    ],
    [
      'the lower tier where it does not say',
      { service_accounts: ['agents/meeting-scheduler'] },
      { reviewed: false },
      [],
    ],
    [
      'a review where it asks for one',
      { service_accounts: ['agents/meeting-scheduler'], reviewed: true },
      { reviewed: false },
      ['review_required'],
    ],
  ])('a profile takes %s', (_, requirement, part, unmet) =>
    expect(kubernetesSat.unmet(claims(part), { kind: 'kubernetes-sat', ...requirement })).toEqual(unmet),
  )

  it('has a sentence for each note and fault', () => {
    const all = ['image_not_in_pod', 'other_images_in_pod', 'not_reviewed', 'nonce_bound', 'pod_changed']
    for (const code of all) expect(kubernetesSat.reasons[code]).toMatch(/^\S.*\.$/)
  })
})
