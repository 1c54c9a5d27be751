/** The life of the policies: drafted, validated, signed off by a second person, active; or beside the active ones. */
import { invalid, notFound } from '@credence/contracts/errors'
import { Prose, Sha256 } from '@credence/contracts/events/values'
import type { PoliciesState } from '@credence/contracts/gen/credence/policy/v1/policy'
import { LIMITS, partsOf, versionOf } from '@credence/policies/version'
import { actorOf, type Caller } from '@credence/shared/callers/caller'
import type { Clock } from '@credence/shared/clock'
import type { Writer } from '@credence/shared/event-store/aggregates'
import { enumName } from '@credence/shared/rpc/fields'
import { method } from '@credence/shared/rpc/server'
import { z } from 'zod'
import { activatePolicies, reportPolicies, stopReport, useOf } from '../../domain/live.ts'
import {
  addText,
  completePolicies,
  draftPolicies,
  knownPolicies,
  type PolicySet,
  retirePolicies,
  signOffPolicies,
  validatePolicies,
} from '../../domain/policyset.ts'
import { LIVE, type Places, type PolicySets } from '../../projections/policysets.ts'
import type { PolicyEngine, PolicyLoader, Source } from '../../reactions/policies.ts'
import { changesBetween } from './policy-changes.ts'
import { keptFindings, shownFindings } from './policy-findings.ts'

export type PoliciesContext = {
  policySets: PolicySets
  policies: PolicyLoader
  engine: PolicyEngine
  readText(version: string, places: Places): Promise<Source>
  writer: Writer
  clock: Clock
}

const WRITERS = ['security-operator', 'platform'] as const
const READERS = ['security-operator', 'platform', 'auditor'] as const
/** A draft carries two texts; the rest of a message is small. */
const DRAFT_BYTES = LIMITS.policyBytes + LIMITS.schemaBytes + 65_536

const textOf = (most: number) =>
  z.string().refine((text) => Buffer.byteLength(text) <= most, `must be at most ${most} bytes`)
const Draft = z.object({
  cedar: textOf(LIMITS.policyBytes).refine((text) => text.trim() !== '', 'must not be empty'),
  schema: textOf(LIMITS.schemaBytes),
  comment: z.literal('').or(Prose),
})
const Version = z.object({ version: Sha256 })
const Page = z.object({
  pageSize: z
    .int()
    .min(0, 'must be from 1 to 100, or 0 for 20')
    .max(100, 'must be from 1 to 100, or 0 for 20')
    .transform((size) => size || 20),
  pageToken: z.literal('', 'must be as the page before gave it').or(Sha256),
})

export const policiesMethods = (context: PoliciesContext) => {
  const { policySets, policies, engine, writer, clock } = context
  const { sets, live } = policySets
  const about = (caller: Caller) => ({ actor: actorOf(caller), now: clock() })
  const sourceOf = (version: string): Promise<Source> => {
    knownPolicies(policySets.get(version), version)
    const places = policySets.placesOf(version)
    if (!places) completePolicies(policySets.get(version), version)
    return context.readText(version, places ?? { policies: [], schema: [] })
  }

  async function draft({ cedar, schema, comment }: z.infer<typeof Draft>, caller: Caller) {
    const source = { policies: cedar, schema }
    const version = versionOf(source)
    const parts = { policies: partsOf(cedar), schema: partsOf(schema) }
    const command = { id: version, ...about(caller) }
    const author = command.actor.id
    let { position } = await writer.execute(sets, {
      ...command,
      decide: (state) => draftPolicies(state, { version, author, comment, ...parts, now: command.now }),
    })
    for (;;) {
      const added = await writer.execute(sets, { ...command, decide: (state) => addText(state, parts) })
      if (added.facts.length === 0) return { version, position }
      position = added.position
    }
  }

  async function validate(version: string, caller: Caller) {
    const set = completePolicies(policySets.get(version), version)
    const checked = await engine.check(version, await sourceOf(version))
    const findings = shownFindings(checked.findings)
    if (!checked.loaded) return { valid: false, findings, policyIds: [], position: '' }
    const { policyIds, schemaDigest, checker, loaded } = checked
    const validated = {
      version: set.version,
      policy_count: policyIds.length,
      schema_digest: schemaDigest,
      engine: checker,
      findings: keptFindings(checked.findings),
    }
    const command = { id: version, ...about(caller) }
    const { position } = await writer.execute(sets, {
      ...command,
      decide: (state) => validatePolicies(state, validated),
    })
    policies.offer(loaded)
    return { valid: true, findings, policyIds, position }
  }

  async function report(version: string, on: boolean, caller: Caller) {
    knownPolicies(policySets.get(version), version)
    const { position } = await writer.execute(live, {
      id: LIVE,
      ...about(caller),
      decide: (state) => (on ? reportPolicies(state, policySets.get(version), version) : stopReport(state, version)),
    })
    await policies.refresh()
    return { position }
  }

  async function activate(version: string, caller: Caller) {
    // What cannot be decided here, or cannot be loaded, is said before anything is changed.
    activatePolicies(live.get(LIVE).state, policySets.get(version), version)
    await policies.byVersion(version)
    const { facts, position } = await writer.execute(live, {
      id: LIVE,
      ...about(caller),
      decide: (state) => activatePolicies(state, policySets.get(version), version),
    })
    await policies.refresh()
    const [activated] = facts
    const previous = activated?.type === 'credence.policy.live.activated.v1' ? activated.data.previous : undefined
    return { previous: previous ?? '', position }
  }

  async function retire(version: string, caller: Caller) {
    const inUse = () => useOf(live.get(LIVE).state, version)
    const { position } = await writer.execute(sets, {
      id: version,
      ...about(caller),
      decide: (state) => retirePolicies(state, version, inUse()),
    })
    return { position }
  }

  const shown = (set: PolicySet) => ({
    version: set.version,
    state: enumName<PoliciesState>('POLICIES_STATE_', policySets.standingOf(set)),
    signedOff: set.signedOff !== undefined,
    author: set.author,
    signedOffBy: set.signedOff?.by ?? '',
    comment: set.comment,
    draftedAt: new Date(set.draftedAt),
    policyCount: set.validated?.policy_count ?? 0,
    findings: shownFindings(set.validated?.findings ?? []),
  })

  function list({ pageSize, pageToken }: z.infer<typeof Page>) {
    const all = policySets.list()
    const start = pageToken === '' ? 0 : all.findIndex(({ version }) => version === pageToken) + 1
    if (pageToken !== '' && start === 0) throw invalid('page_token', 'must be as the page before gave it')
    const page = all.slice(start, start + pageSize)
    const more = start + pageSize < all.length
    return { versions: page.map(shown), nextPageToken: more ? (page.at(-1)?.version ?? '') : '' }
  }

  async function get(asked: string) {
    const version = asked || policySets.counting().active
    if (version === undefined) throw notFound('policies', 'active')
    const set = knownPolicies(policySets.get(version), version)
    const { policies: cedar, schema } = await sourceOf(version)
    // A draft that does not pass the checks has no schema as a whole.
    const loaded = set.validated && (await policies.byVersion(version))
    return { policies: shown(set), cedar, schema, wholeSchema: loaded?.schemaText ?? '' }
  }

  async function diff(from: string, to: string) {
    const [before, after] = [await sourceOf(from), await sourceOf(to)]
    const changes = changesBetween(await engine.texts(before), await engine.texts(after))
    return { changes, schemaChanged: before.schema !== after.schema }
  }

  return {
    draftPolicies: method({ allow: WRITERS, input: Draft, maxBytes: DRAFT_BYTES, handle: draft }),
    validatePolicies: method({
      allow: WRITERS,
      input: Version,
      handle: ({ version }, caller) => validate(version, caller),
    }),
    reportPolicies: method({
      allow: ['security-operator'],
      input: z.object({ version: Sha256, report: z.boolean() }),
      handle: (input, caller) => report(input.version, input.report, caller),
    }),
    signOffPolicies: method({
      allow: ['security-operator'],
      input: z.object({ version: Sha256, comment: z.literal('').or(Prose) }),
      handle: async ({ version, comment }, caller) => {
        const command = { id: version, ...about(caller) }
        const decide = (state: PolicySet | undefined) =>
          signOffPolicies(state, { version, by: command.actor.id, comment })
        const { position } = await writer.execute(sets, { ...command, decide })
        return { position }
      },
    }),
    activatePolicies: method({
      allow: ['security-operator'],
      input: Version,
      handle: ({ version }, caller) => activate(version, caller),
    }),
    retirePolicies: method({
      allow: ['security-operator'],
      input: Version,
      handle: ({ version }, caller) => retire(version, caller),
    }),
    listPolicies: method({ allow: READERS, input: Page, handle: async (page) => list(page) }),
    getPolicies: method({
      allow: READERS,
      input: z.object({ version: z.literal('').or(Sha256) }),
      handle: ({ version }) => get(version),
    }),
    diffPolicies: method({
      allow: READERS,
      input: z.object({ from: Sha256, to: Sha256 }),
      handle: ({ from, to }) => diff(from, to),
    }),
  }
}
