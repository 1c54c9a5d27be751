/** What evidence is appraised by: profiles, reference values, trust anchors, blocked digests; challenges and results. */
import type { EvidenceKind } from '@credence/contracts/attestation/kinds'
import type { Anchor, Reference } from '@credence/contracts/attestation/trust'
import { aggregates } from '@credence/shared/event-store/aggregates'
import type { ReadModel } from '@credence/shared/event-store/read-model'
import { anchorEvolution, vouchesFor } from '../domain/anchor.ts'
import { measurementEvolution } from '../domain/measurement.ts'
import { activeVersion, type Profile, profileEvolution } from '../domain/profile.ts'
import { referenceEvolution } from '../domain/reference.ts'
import { createApprovals } from './approvals.ts'
import { createChallenges } from './challenges.ts'
import { createResults } from './results.ts'
import { createTpms } from './tpms.ts'

export type Appraisals = ReturnType<typeof createAppraisals>

export function createAppraisals() {
  const profiles = aggregates('attestation', 'profile', profileEvolution)
  const references = aggregates('attestation', 'reference', referenceEvolution)
  const anchors = aggregates('attestation', 'anchor', anchorEvolution)
  const measurements = aggregates('attestation', 'measurement', measurementEvolution)
  const approvals = createApprovals()
  const challenges = createChallenges()
  const results = createResults()
  const tpms = createTpms()
  const byBlueprint = new Map<string, string[]>()
  const hang = ({ blueprint, reference }: Reference) => {
    const all = byBlueprint.get(blueprint)
    if (all) all.push(reference)
    else byBlueprint.set(blueprint, [reference])
  }

  const models: readonly ReadModel[] = [
    { ...profiles, load: (entry) => void profiles.load(entry) },
    {
      ...references,
      apply: (commit) => {
        references.apply(commit)
        for (const { type, data } of commit.facts) if (type === 'credence.attestation.reference.approved.v1') hang(data)
      },
      load: (entry) => {
        const state = references.load(entry)
        if (state) hang(state)
      },
      clear: () => {
        references.clear()
        byBlueprint.clear()
      },
    },
    { ...anchors, load: (entry) => void anchors.load(entry) },
    { ...measurements, load: (entry) => void measurements.load(entry) },
    approvals,
    challenges,
    results,
    tpms,
  ]
  const livingAnchors = (): Anchor[] =>
    [...anchors.all()].flatMap(([, state]) => {
      const { withdrawn, ...anchor } = state ?? { withdrawn: true }
      return withdrawn ? [] : [anchor as Anchor]
    })
  const isBlocked = (digest: string): boolean => measurements.get(digest).state?.blocked === true
  return {
    models,
    profiles,
    references,
    anchors,
    measurements,
    approvals,
    challenges,
    results,
    tpms,
    /** The version that counts. */
    profile: (blueprint: string): Profile | undefined => activeVersion(profiles.get(blueprint).state),
    /** Reference values that live. */
    referencesOf: (blueprint: string): Reference[] =>
      (byBlueprint.get(blueprint) ?? []).flatMap((id) => {
        const { withdrawn, ...reference } = references.get(id).state ?? { withdrawn: true }
        return withdrawn ? [] : [reference as Reference]
      }),
    /** Types of values that were ever approved for it: a list from which all was withdrawn approves nothing, not everything. */
    listsOf: (blueprint: string): ReadonlySet<Reference['value']['type']> =>
      new Set((byBlueprint.get(blueprint) ?? []).flatMap((id) => references.get(id).state?.value.type ?? [])),
    /** All of a blueprint, in the order in which they were approved. */
    referenceIds: (blueprint: string): readonly string[] => byBlueprint.get(blueprint) ?? [],
    /** Anchors that live, and vouch for this kind of evidence of this blueprint’s agents. */
    anchorsFor: (kind: EvidenceKind, blueprint: string): Anchor[] =>
      livingAnchors().filter((anchor) => vouchesFor(anchor, kind, blueprint)),
    livingAnchors,
    isBlocked,
    isReferenceWithdrawn: (id: string): boolean => references.get(id).state?.withdrawn !== false,
    isAnchorWithdrawn: (id: string): boolean => anchors.get(id).state?.withdrawn !== false,
    /** Whatever must not be rested on any more: ids and digests. */
    notToRestOn: (): string[] => [
      ...[...references.all()].flatMap(([id, state]) => (state?.withdrawn ? [id] : [])),
      ...[...anchors.all()].flatMap(([id, state]) => (state?.withdrawn ? [id] : [])),
      ...[...measurements.all()].flatMap(([digest, state]) => (state?.blocked ? [digest] : [])),
    ],
  }
}
