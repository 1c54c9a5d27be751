/** What the bench asks everybody is the same: Cedar itself agrees with `answer`, by which the peers are checked as well. */
import {
  checkParsePolicySet,
  policySetTextToParts,
  policyToJson,
  preparsePolicySet,
  statefulIsAuthorized,
} from '@cedar-policy/cedar-wasm/nodejs'
import { describe, expect, it } from 'vitest'
import { companyOf, idOf } from '../company.ts'
import { authzenBody, cerbosBody, opaBody, requestsOf } from '../requests.ts'
import { cedarText } from './cedar.ts'
import { cerbosPolicies } from './cerbos.ts'
import { regoModule } from './rego.ts'
import { type Asked, answerer } from './rule.ts'

const SIZES = [10, 1_000, 10_000]
const company = (policies: number) => companyOf({ policies, agents: 400, grants: 4_000 })

function cedar(text: string): (asked: Asked) => boolean {
  const parts = policySetTextToParts(text)
  if (parts.type === 'failure') throw new Error(parts.errors[0]?.message)
  const staticPolicies: Record<string, string> = {}
  for (const policy of parts.policies) {
    const json = policyToJson(policy)
    if (json.type === 'success') staticPolicies[json.json.annotations?.id ?? ''] = policy
  }
  const id = `bench ${text.length}`
  expect(preparsePolicySet(id, { staticPolicies })).toEqual({ type: 'success' })
  return (asked) => {
    const principal = { type: 'Agent', id: asked.agent }
    const resource = { type: 'Resource', id: `${asked.resourceType}::${asked.resourceId}` }
    const answer = statefulIsAuthorized({
      preparsedPolicySetId: id,
      principal,
      action: { type: 'Action', id: asked.action },
      resource,
      context: { location: { trusted: asked.trusted }, attestation: { status: asked.attestationStatus } },
      entities: [
        { uid: principal, attrs: { blueprint: asked.blueprint }, parents: [] },
        {
          uid: resource,
          attrs: { type: asked.resourceType, sensitivity: asked.sensitivity, location: asked.location },
          parents: [],
        },
      ],
    })
    if (answer.type === 'failure') throw new Error(answer.errors[0]?.message)
    expect(answer.response.diagnostics.errors).toEqual([])
    return answer.response.decision === 'allow'
  }
}

describe.each(SIZES)('a company of %i policies', (policies) => {
  const made = company(policies)
  const requests = requestsOf(made)
  const answer = answerer(made.rules)

  it('has so many policies, with ids that Credence takes, in each language', () => {
    const ids = made.rules.map(({ id }) => id)
    expect(new Set(ids).size).toBe(policies)
    for (const id of ids) expect(id).toMatch(/^[a-z0-9][a-z0-9-]{0,99}$/)
    const text = cedarText(made.rules)
    expect(checkParsePolicySet({ staticPolicies: text })).toEqual({ type: 'success' })
    expect(text.match(/@id\(/g)).toHaveLength(policies)
    expect(regoModule(made.rules).match(/^(permit|forbid) if/gm)).toHaveLength(policies)
    expect(cerbosPolicies(made.rules).size).toBe((policies - 1) / 9)
  })

  it('is asked distinct requests, of which most are allowed and some are not', () => {
    for (const body of [authzenBody, cerbosBody, opaBody]) expect(new Set(requests.map(body)).size).toBe(4_000)
    for (const { action } of requests) expect(action).toMatch(/^[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*)+$/)
    const allowed = requests.filter(answer).length / requests.length
    expect(allowed).toBeGreaterThan(0.8)
    expect(allowed).toBeLessThan(0.95)
  })

  it('gets the same answers from Cedar', () => {
    const ask = cedar(cedarText(made.rules))
    // cedar-wasm looks at every policy.
    const sample = requests.filter((_, index) => index % (policies > 1_000 ? 160 : 8) === 0)
    const odd: Asked[] = sample.slice(0, 20).flatMap((asked, index) => [
      { ...asked, attestationStatus: index % 2 ? 'none' : 'contraindicated' },
      { ...asked, blueprint: 'pilot-assistant' },
      { ...asked, resourceType: 'Unknown' },
      { ...asked, location: 'https://elsewhere.example' },
    ])
    for (const asked of [...sample, ...odd]) expect([asked, ask(asked)]).toEqual([asked, answer(asked)])
  })
})

it('is the same at every run', () => {
  expect(companyOf({ policies: 10, agents: 3, grants: 5 })).toEqual(companyOf({ policies: 10, agents: 3, grants: 5 }))
  expect(idOf('agt', 7)).toMatch(/^agt_01m[0-9a-z]{23}$/)
  expect(idOf('agt', 7)).not.toBe(idOf('agt', 8))
})

it('refuses a number of policies that is none of the company', () => {
  expect(() => companyOf({ policies: 12, agents: 1, grants: 1 })).toThrow(RangeError)
})
