/** Profiles: defined, tried on running agents, activated. */
import { leavesOf, type ProfileParts } from '@credence/contracts/attestation/requirements'
import { invalid, notFound } from '@credence/contracts/errors'
import { Slug } from '@credence/contracts/events/values'
import { actorOf } from '@credence/shared/callers/caller'
import { method } from '@credence/shared/rpc/server'
import { z } from 'zod'
import { vouchesFor } from '../../domain/anchor.ts'
import { activateProfile, defineProfile, versionOf } from '../../domain/profile.ts'
import type { Context } from '../context.ts'
import { previewProfile } from '../preview.ts'
import { ProfileField, profileMessage } from './messages/profile.ts'
import { refuseUnlessAnswersFor } from './standing.ts'

/** As many as fit into an answer, however large they are. */
const MOST_TOLD = 100

const Version = z.object({ blueprint: Slug, version: z.int().min(1, 'must be at least 1') })

export const profileMethods = (context: Context) => {
  const { appraisals, writer, clock } = context
  const { profiles, approvals } = appraisals
  const known = (blueprint: string, version: number) => {
    const profile = versionOf(profiles.get(blueprint).state, version)
    if (!profile) throw notFound('profile', `${blueprint} version ${version}`)
    return profile
  }
  return {
    defineProfile: method({
      allow: ['security-operator', 'sponsor'],
      input: z.object({ profile: ProfileField }),
      handle: async ({ profile }, caller) => {
        await refuseUnlessAnswersFor(profile.blueprint, caller, context)
        refuseUnknownSigners(profile)
        const { facts, position } = await writer.execute(profiles, {
          id: profile.blueprint,
          actor: actorOf(caller),
          now: clock(),
          decide: (state) => defineProfile(state, profile),
        })
        return { version: facts.flatMap(({ data }) => ('version' in data ? [data.version] : []))[0] ?? 0, position }
      },
    }),
    previewProfile: method({
      allow: ['security-operator', 'sponsor', 'auditor'],
      input: Version,
      handle: async ({ blueprint, version }) => previewProfile(known(blueprint, version), context),
    }),
    activateProfile: method({
      allow: ['security-operator', 'sponsor'],
      input: Version,
      handle: async ({ blueprint, version }, caller) => {
        await refuseUnlessAnswersFor(blueprint, caller, context)
        const { position } = await writer.execute(profiles, {
          id: blueprint,
          actor: actorOf(caller),
          now: clock(),
          decide: (state) => activateProfile(state, blueprint, version),
        })
        return { position }
      },
    }),
    listProfiles: method({
      allow: ['security-operator', 'sponsor', 'auditor'],
      input: z.object({ blueprint: Slug }),
      handle: async ({ blueprint }) => {
        const { versions, active } = profiles.get(blueprint).state
        return {
          profiles: versions
            .slice(-MOST_TOLD)
            .toReversed()
            .map((profile) =>
              profileMessage(profile, {
                active: profile.version === active,
                definedBy: approvals.defined(blueprint, profile.version)?.by ?? '',
                activatedBy: approvals.activated(blueprint, profile.version)?.by ?? '',
              }),
            ),
        }
      },
    }),
  }

  /** A signer that nobody approved could never be met. */
  function refuseUnknownSigners({ blueprint, rule, sensitivities }: ProfileParts): void {
    const rules = [rule, ...sensitivities.flatMap((one) => one.rule ?? [])]
    for (const leaf of rules.flatMap(leavesOf))
      for (const signer of 'signers' in leaf ? (leaf.signers ?? []) : []) {
        const anchor = appraisals.anchors.get(signer).state
        if (!anchor || anchor.withdrawn || !vouchesFor(anchor, leaf.kind, blueprint))
          throw invalid(
            'profile.rule',
            `names signer ${signer}, which is no trust anchor for ${leaf.kind} of this blueprint`,
          )
      }
  }
}
