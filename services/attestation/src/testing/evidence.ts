/** Arbitrary evidence of every kind, over so few values that pieces agree as often as they do not. */
import type { ClaimsOf } from '@credence/contracts/attestation/claims'
import type { EvidenceKind } from '@credence/contracts/attestation/kinds'
import type { Requirement, Rule } from '@credence/contracts/attestation/requirements'
import type { Reference } from '@credence/contracts/attestation/trust'
import type { Composition } from '@credence/contracts/events/values'
import type { Agent } from '@credence/contracts/principals/agent'
import fc from 'fast-check'
import * as facts from '../../../../infra/testing/facts.ts'
import type { AboutAppraisal, Examined } from '../domain/appraisal.ts'
import { appraisers } from '../domain/kinds/kinds.ts'
import type { Profile } from '../domain/profile.ts'

export const NOW = facts.NOW
export const BLUEPRINT = 'meeting-scheduler'
export const KINDS = Object.keys(appraisers) as EvidenceKind[]

const digests = ['a', 'b'].map((digit) => digit.repeat(64))
/** Mostly the first, so that a whole agrees now and then. */
const digest = fc.oneof(
  { weight: 9, arbitrary: fc.constant(digests[0] ?? '') },
  { weight: 1, arbitrary: fc.constant(digests[1] ?? '') },
)
const anchors = ['anc_1', 'anc_2']
const anchor = fc.constantFrom(...anchors)
const later = new Date(NOW.getTime() + 1_800_000).toISOString()

export const composition: fc.Arbitrary<Composition> = fc.record({
  program: digest,
  prompt: digest,
  tool_manifest: digest,
  model: digest,
})
const tool = fc.record({ server: fc.constantFrom('s', 't'), name: fc.constantFrom('n', 'm'), digest })

const claims: { [K in EvidenceKind]: fc.Arbitrary<ClaimsOf<K>> } = {
  software: fc.record({ composition }),
  'agent-manifest': fc.record({
    manifest_digest: digest,
    composition,
    tools: fc.array(tool, { maxLength: 2 }),
    signer: anchor,
  }),
  'model-signing': fc.record(
    {
      grade: fc.constantFrom('files', 'provider', 'claimed'),
      provider: fc.constantFrom('acme', 'other'),
      name: fc.constantFrom('small', 'large'),
      version: fc.constantFrom('1', '2'),
      statement_digest: digest,
      root_digest: digest,
      files: fc.nat(3),
      signer: anchor,
    },
    { requiredKeys: ['grade', 'name'] },
  ),
  'container-image': fc.record({
    image_digest: digest,
    predicate_type: fc.constant('https://slsa.dev/provenance/v1'),
    builder: fc.constantFrom('https://builder.example/1', 'https://other.example'),
    source: fc.constantFrom('git+https://git.example/a', 'git+https://git.example/b'),
    signer: anchor,
  }),
  'kubernetes-sat': fc.record({
    cluster: anchor,
    issuer: fc.constant('https://cluster.example'),
    namespace: fc.constantFrom('default', 'agents'),
    service_account: fc.constantFrom('scheduler', 'other'),
    pod: fc.constant('pod-1'),
    pod_uid: fc.constant('uid-1'),
    reviewed: fc.boolean(),
    nonce_bound: fc.boolean(),
    image_digests: fc.uniqueArray(digest, { maxLength: 2 }),
    expires_at: fc.constant(later),
  }) as fc.Arbitrary<ClaimsOf<'kubernetes-sat'>>,
  'spiffe-svid': fc.record({
    spiffe_id: fc.constantFrom('spiffe://td.example/a', 'spiffe://td.example/b/c'),
    trust_domain: fc.constant('td.example'),
    form: fc.constantFrom('x509', 'jwt'),
    key_bound: fc.boolean(),
    expires_at: fc.constant(later),
  }),
  'tpm2-quote': fc.record({
    ek_digest: digest,
    ak_name: fc.constant('000b'.padEnd(68, '1')),
    bank: fc.constantFrom('sha256', 'sha384'),
    selection: fc.constantFrom([0, 7], [7]),
    pcrs: fc.constantFrom({ 0: digests[0] ?? '', 7: digests[1] ?? '' }, { 7: digests[0] ?? '' }),
    firmware_version: fc.constantFrom('1', '2'),
    reset_count: fc.nat(2),
    restart_count: fc.nat(2),
    clock: fc.constantFrom('5', '10'),
    certified: fc.boolean(),
  }) as fc.Arbitrary<ClaimsOf<'tpm2-quote'>>,
}

export const examined = (kind: EvidenceKind): fc.Arbitrary<Examined> =>
  fc
    .oneof(
      { weight: 29, arbitrary: claims[kind] as fc.Arbitrary<ClaimsOf<EvidenceKind>> },
      { weight: 1, arbitrary: fc.constant(undefined) },
    )
    .map((one) =>
      one
        ? { kind, digest: digests[0] ?? '', claims: one, anchors: anchors.slice(0, 1), measuredAt: NOW }
        : { kind, digest: digests[0] ?? '', refused: 'signature_invalid' },
    )

/** The statement, and pieces of some other kinds. */
export const submission: fc.Arbitrary<Examined[]> = fc
  .subarray(KINDS.filter((kind) => kind !== 'software'))
  .chain((kinds) => fc.tuple(examined('software'), ...kinds.map(examined)))

const common = fc.record(
  {
    maximum_age_seconds: fc.integer({ min: 1, max: 900 }),
    worst_acceptable_status: fc.constantFrom('affirming' as const, 'warning' as const),
  },
  { requiredKeys: [] },
)
const asked: { [K in EvidenceKind]: Requirement & { kind: K } } = {
  software: { kind: 'software' },
  'agent-manifest': { kind: 'agent-manifest' },
  'model-signing': { kind: 'model-signing', grade: 'claimed' },
  'container-image': { kind: 'container-image', builders: ['https://*'], sources: ['git+https://*'] },
  'kubernetes-sat': { kind: 'kubernetes-sat', service_accounts: ['default/scheduler', 'agents/scheduler'] },
  'spiffe-svid': { kind: 'spiffe-svid', ids: ['spiffe://td.example/*'] },
  'tpm2-quote': { kind: 'tpm2-quote', bank: 'sha256', pcrs: [7] },
}
export const leafOf = (kinds: readonly EvidenceKind[]): fc.Arbitrary<Rule> =>
  fc.tuple(fc.constantFrom(...kinds), common).map(([kind, more]) => ({ ...asked[kind], ...more }) as Rule)

export const ruleOf = (kinds: readonly EvidenceKind[] = KINDS): fc.Arbitrary<Rule> =>
  fc.letrec<{ rule: Rule }>((tie) => ({
    rule: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      leafOf(kinds),
      fc.array(tie('rule'), { minLength: 1, maxLength: 3 }).map((all_of) => ({ all_of })),
      fc.array(tie('rule'), { minLength: 1, maxLength: 3 }).map((any_of) => ({ any_of })),
    ),
  })).rule

export const profileOf = (rule: Rule, part: Partial<Profile> = {}): Profile => ({
  blueprint: BLUEPRINT,
  version: 1,
  rule,
  worst_acceptable_status: 'warning',
  maximum_age_seconds: 3_600,
  sensitivities: [],
  ...part,
})

const value: fc.Arbitrary<Reference['value']> = fc.oneof(
  composition.map((one) => ({ type: 'composition' as const, ...one })),
  digest.map((one) => ({ type: 'model' as const, statement_digest: one })),
  digest.map((one) => ({ type: 'image' as const, digest: one })),
  fc.constantFrom({ 0: digests[0] ?? '', 7: digests[1] ?? '' }, { 7: digests[0] ?? '' }).map((values) => ({
    type: 'pcrs' as const,
    bank: 'sha256' as const,
    values: values as Record<string, string>,
  })),
)
const first = digests[0] ?? ''
const usual: Reference['value'][] = [
  { type: 'composition', program: first, prompt: first, tool_manifest: first, model: first },
  { type: 'model', statement_digest: first },
  { type: 'image', digest: first },
  { type: 'pcrs', bank: 'sha256', values: { 7: first } },
]
const references = fc
  .tuple(fc.constantFrom(usual, usual, []), fc.array(value, { maxLength: 6 }))
  .map(([base, more]) =>
    [...base, ...more].map(
      (one, at): Reference => ({ reference: `ref_${at}`, blueprint: BLUEPRINT, label: 'x', value: one }),
    ),
  )

export const about: fc.Arbitrary<Omit<AboutAppraisal, 'profile'>> = fc
  .record({ registered: composition, references, blocked: fc.constantFrom<string[]>([], [], [], ['b'.repeat(64)]) })
  .map(({ registered, references: approved, blocked }) => ({
    agent: {
      ...facts.agent({
        prompt_digest: registered.prompt,
        tool_manifest_digest: registered.tool_manifest,
        model: { provider: 'acme', name: 'small', version: '1', digest: registered.model },
      }),
      state: 'active',
    } as Agent,
    references: approved,
    lists: new Set(approved.map(({ value }) => value.type)),
    isBlocked: (one: string) => blocked.includes(one),
    previous: undefined,
    appraisers,
    now: NOW,
  }))
