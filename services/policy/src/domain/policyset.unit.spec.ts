import type { Fact } from '@credence/contracts/events/catalog'
import { describe, expect, it } from 'vitest'
import { DIGEST, NOW } from '../../../../infra/testing/facts.ts'
import {
  addText,
  draftPolicies,
  isComplete,
  type PolicySetState,
  policySetEvolution,
  retirePolicies,
  signOffPolicies,
  validatePolicies,
} from './policyset.ts'

const version = DIGEST
const parts = { policies: ['one', 'two'], schema: ['three'] }
const draft = { version, author: 'hum_a', comment: 'because', ...parts, now: NOW }
const validated = { version, policy_count: 2, schema_digest: DIGEST, engine: 'cedar 1', findings: [] }
const signing = { version, by: 'hum_b', comment: 'fine' }

const fold = (facts: readonly Fact[]) => facts.reduce(policySetEvolution.evolve, policySetEvolution.initialState)
const given = (...facts: Fact[]) => ({
  when: (command: (state: PolicySetState) => Fact[]) => ({
    thenDecided: (...wanted: unknown[]) => expect(command(fold(facts))).toEqual(wanted),
    thenRefused: (reason: string) => expect(() => command(fold(facts))).toThrow(expect.objectContaining({ reason })),
  }),
})

const drafted = draftPolicies(undefined, draft)
const text = (of: 'policies' | 'schema', part: number, words: string): Fact => ({
  type: 'credence.policy.policyset.text_added.v1',
  data: { version, of, part, text: words },
})
const [first, second, third] = [text('policies', 0, 'one'), text('policies', 1, 'two'), text('schema', 0, 'three')]
const complete = [...drafted, first, second, third]
const checked: Fact = { type: 'credence.policy.policyset.validated.v1', data: validated }
const signed: Fact = { type: 'credence.policy.policyset.signed_off.v1', data: signing }
const retired: Fact = { type: 'credence.policy.policyset.retired.v1', data: { version } }

describe('a draft', () => {
  it('says who wrote it, why, and how many parts its text has', () =>
    given()
      .when((state) => draftPolicies(state, draft))
      .thenDecided({
        type: 'credence.policy.policyset.drafted.v1',
        data: {
          version,
          policy_parts: 2,
          schema_parts: 1,
          comment: 'because',
          author: 'hum_a',
          drafted_at: NOW.toISOString(),
        },
      }))
  it('is the same however often it is sent, and by whom', () =>
    given(...drafted)
      .when((state) => draftPolicies(state, { ...draft, author: 'hum_b', comment: 'mine' }))
      .thenDecided())
  it('gets its text part by part, in order, and goes on where it was cut off', () => {
    const add = (state: PolicySetState) => addText(state, parts)
    given(...drafted)
      .when(add)
      .thenDecided(first)
    given(...drafted, first)
      .when(add)
      .thenDecided(second)
    given(...drafted, first, second)
      .when(add)
      .thenDecided(third)
    given(...complete)
      .when(add)
      .thenDecided()
    expect([isComplete(fold([...drafted, first, third]) as never), isComplete(fold(complete) as never)]).toEqual([
      false,
      true,
    ])
  })
  it('stays as it is when it was retired', () =>
    given(...complete, retired)
      .when((state) => draftPolicies(state, draft))
      .thenRefused('policies_retired'))
})

describe('validation', () => {
  const validate = (state: PolicySetState) => validatePolicies(state, validated)
  it('is recorded once for the same schema and engine', () => {
    given(...complete)
      .when(validate)
      .thenDecided(checked)
    given(...complete, checked)
      .when(validate)
      .thenDecided()
    const newer = { ...validated, engine: 'cedar 2' }
    given(...complete, checked)
      .when((state) => validatePolicies(state, newer))
      .thenDecided({ ...checked, data: newer })
  })
  it('is of a version that is there, whole and not retired', () => {
    given().when(validate).thenRefused('policies_not_found')
    given(...drafted, first)
      .when(validate)
      .thenRefused('policies_incomplete')
    given(...complete, retired)
      .when(validate)
      .thenRefused('policies_retired')
  })
})

describe('signing off', () => {
  const sign = (state: PolicySetState) => signOffPolicies(state, signing)
  it('takes a second person, once', () => {
    given(...complete, checked)
      .when(sign)
      .thenDecided(signed)
    given(...complete, checked, signed)
      .when((state) => signOffPolicies(state, { ...signing, by: 'hum_c' }))
      .thenDecided()
    given(...complete, checked)
      .when((state) => signOffPolicies(state, { ...signing, by: 'hum_a' }))
      .thenRefused('second_person_needed')
  })
  it('comes after validation', () => {
    given(...complete)
      .when(sign)
      .thenRefused('not_validated')
    given(...complete, checked, retired)
      .when(sign)
      .thenRefused('policies_retired')
  })
})

describe('retirement', () => {
  it('ends any version that is not in use, once and for good', () => {
    const retire = (inUse?: 'active' | 'reporting') => (state: PolicySetState) => retirePolicies(state, version, inUse)
    given(...drafted)
      .when(retire())
      .thenDecided(retired)
    given(...complete, checked, signed)
      .when(retire())
      .thenDecided(retired)
    given(...complete, retired)
      .when(retire())
      .thenDecided()
    given(...complete, checked, signed)
      .when(retire('active'))
      .thenRefused('policies_active')
    given(...complete, checked)
      .when(retire('reporting'))
      .thenRefused('policies_reporting')
    given().when(retire()).thenRefused('policies_not_found')
  })
})
