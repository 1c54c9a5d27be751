import type { ClaimsOf } from '@credence/contracts/attestation/claims'
import { Requirement, type RequirementOf } from '@credence/contracts/attestation/requirements'
import { describe, expect, it } from 'vitest'
import { statusOf } from '../ar4si.ts'
import type { About, Result } from './kind.ts'
import { spiffeSvid } from './spiffe-svid.ts'

const claims = (part: Partial<ClaimsOf<'spiffe-svid'>> = {}): ClaimsOf<'spiffe-svid'> => ({
  spiffe_id: 'spiffe://foreign.example/ns/prod/sa/scheduler',
  trust_domain: 'foreign.example',
  form: 'x509',
  key_bound: true,
  expires_at: '2026-11-25T05:00:00.000Z',
  ...part,
})
const about = (previous?: { claims: unknown }): About =>
  ({ previous: previous && ({ evidence: [{ kind: 'spiffe-svid', ...previous }] } as unknown as Result) }) as About
const asks = (ids: string[], key_bound?: boolean): RequirementOf<'spiffe-svid'> => ({
  kind: 'spiffe-svid',
  ids,
  key_bound,
})
const refusesIds = (...ids: string[]) => expect(Requirement.safeParse(asks(ids)).success, ids.join()).toBe(false)

describe('appraisal of the kind spiffe-svid', () => {
  it('given an SVID, it recognises the instance and claims nothing else', () => {
    const found = spiffeSvid.appraise(claims(), about())
    expect(found).toEqual({ vector: { 'instance-identity': 2 }, faults: [], notes: [], references: [], digests: [] })
    expect(statusOf(found.vector)).toBe('affirming')
  })

  it('given a bearer token, or another workload than before, it says so', () => {
    expect(spiffeSvid.appraise(claims({ form: 'jwt', key_bound: false }), about()).notes).toEqual(['bearer_token'])
    const moved = { claims: claims({ spiffe_id: 'spiffe://foreign.example/ns/dev/sa/scheduler' }) }
    expect(spiffeSvid.appraise(claims(), about(moved)).notes).toEqual(['workload_changed'])
    expect(spiffeSvid.appraise(claims(), about({ claims: claims() })).notes).toEqual([])
  })

  it('given a requirement, only its workloads meet it: exact, or below a path on the border of a segment', () => {
    const unmet = (...ids: string[]) => spiffeSvid.unmet(claims(), asks(ids))
    for (const id of [
      'spiffe://foreign.example/ns/prod/sa/scheduler',
      'spiffe://foreign.example/ns/prod/sa/*',
      'spiffe://foreign.example/ns/*',
      'spiffe://foreign.example/*',
    ])
      expect(unmet('spiffe://foreign.example/else', id), id).toEqual([])
    for (const id of [
      'spiffe://foreign.example/ns/prod/sa/schedule',
      'spiffe://foreign.example/ns/prod/sa/scheduler/*',
      'spiffe://foreign.example/ns/pro/*',
      'spiffe://foreign.example.evil/*',
      'spiffe://foreign.exampl/*',
      'spiffe://other.example/ns/prod/sa/scheduler',
      'spiffe://foreign.example/NS/*',
    ])
      expect(unmet(id), id).toEqual(['workload_not_allowed'])
    const sibling = claims({ spiffe_id: 'spiffe://foreign.example/ns/prod/sa2' })
    expect(spiffeSvid.unmet(sibling, asks(['spiffe://foreign.example/ns/prod/sa/*']))).toEqual(['workload_not_allowed'])
  })

  it('given that binding is asked for, a bearer token does not meet it', () => {
    const ids = ['spiffe://foreign.example/*']
    const bearer = claims({ form: 'jwt', key_bound: false })
    expect(spiffeSvid.unmet(bearer, asks(ids, true))).toEqual(['not_key_bound'])
    expect(spiffeSvid.unmet(claims({ form: 'jwt' }), asks(ids, true))).toEqual([])
    for (const key_bound of [false, undefined]) expect(spiffeSvid.unmet(bearer, asks(ids, key_bound))).toEqual([])
    // Somebody else's workload does not become ours by way of a weaker demand.
    expect(spiffeSvid.unmet(bearer, asks(['spiffe://other.example/*'], true))).toEqual([
      'workload_not_allowed',
      'not_key_bound',
    ])
  })

  it('a requirement takes SPIFFE IDs, and stars as a whole last segment only', () => {
    for (const id of ['spiffe://a/b', 'spiffe://a/*', 'spiffe://a/b/c/*', 'spiffe://a.b-c_d/E.f'])
      expect(Requirement.safeParse(asks([id])).success, id).toBe(true)
    refusesIds()
    for (const id of [
      'spiffe://a',
      'spiffe://a/',
      'spiffe://a*',
      'spiffe://a/b*',
      'spiffe://a/*/b',
      'spiffe://a//b',
      'spiffe://*/b',
      '*',
      'https://a/b',
      'spiffe://A/b',
      'spiffe://a/b?c',
    ])
      refusesIds(id)
  })

  it('every code that it gives has its sentence', () => {
    for (const code of ['bearer_token', 'workload_changed', 'workload_not_allowed', 'not_key_bound'])
      expect(spiffeSvid.reasons).toHaveProperty(code)
  })
})
