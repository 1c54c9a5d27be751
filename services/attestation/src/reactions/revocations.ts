/**
 * Results that count no more: what they rest on was withdrawn or blocked, or the profile in force asks for more. Looks at
 * what is, not at one event, so that it does not matter how often, where, or after which interruption it is done. (The
 * decision point does not wait for it: it knows by itself what was withdrawn.)
 */
import { setImmediate as otherTurns } from 'node:timers/promises'
import type { Fact } from '@credence/contracts/events/catalog'
import type { Clock } from '@credence/shared/clock'
import type { Writer } from '@credence/shared/event-store/aggregates'
import type { Principals } from '@credence/shared/principals'
import type { Appraisers } from '../domain/kinds/kinds.ts'
import type { Profile } from '../domain/profile.ts'
import { type Cause, counts, type Held, revokeResult, underProfile, withdrawnUnder } from '../domain/standing.ts'
import type { Appraisals } from '../projections/appraisals.ts'

/** Appends that are under way at the same time. */
const IN_FLIGHT = 256
/** How many are looked at before others get their turn. */
const TURN = 100

/** Whether a fact may end results: then it is looked at once. */
export function isWithdrawal({ type, data }: Fact, appraisals: Appraisals): boolean {
  switch (type) {
    case 'credence.attestation.reference.withdrawn.v1':
    case 'credence.attestation.anchor.withdrawn.v1':
    case 'credence.attestation.measurement.blocked.v1':
    case 'credence.attestation.profile.activated.v1':
    case 'credence.attestation.tpm.removed.v1':
      return true
    case 'credence.attestation.result.recorded.v1':
      // Another replica had not heard of it yet.
      return (
        data.accepted &&
        (withdrawnUnder(data, appraisals) !== undefined ||
          data.profile_version !== appraisals.profile(data.blueprint)?.version)
      )
    default:
      return false
  }
}

type Due = { held: Held; cause: Cause; causation: string | undefined }

/** @param parts.source SPIFFE ID of this service, in whose name the rule speaks */
export function createRevocations(parts: {
  appraisals: Appraisals
  principals: Principals
  appraisers: Appraisers
  writer: Writer
  clock: Clock
  source: string
  /** From 0 to below 1. */
  random: () => number
}) {
  const { appraisals, principals, appraisers, writer, clock } = parts
  const { results, approvals } = appraisals
  const actor = { kind: 'workload' as const, id: parts.source }
  /** Until when a result meets which version of the profile; 0: never. */
  const judged = new WeakMap<Held['result'], { version: number; until: number }>()

  const standing = (agent: string, now: Date): Held | undefined => {
    const held = results.of(agent)?.accepted
    return held && counts(held, now) ? held : undefined
  }

  function withdrawn(now: Date): Due[] {
    const found = new Map<string, Due>()
    for (const id of appraisals.notToRestOn())
      for (const agent of results.restingOn(id)) {
        const held = standing(agent, now)
        const cause = held && withdrawnUnder(held.result, appraisals)
        if (!held || !cause) continue
        const said = approvals.withdrawn(cause.because) ?? approvals.blocked(cause.because)
        found.set(agent, { held, cause: { ...cause, reason: said?.reason ?? 'Withdrawn.' }, causation: said?.commit })
      }
    return [...found.values()]
  }

  /** Agents whose result shows a TPM that was taken from them. */
  function withoutTpm(now: Date): Due[] {
    return [...appraisals.tpms.removed].flatMap(([agent, because]) => {
      const held = standing(agent, now)
      const quote = held?.result.evidence.find(({ kind }) => kind === 'tpm2-quote')
      if (!held || quote?.kind !== 'tpm2-quote' || quote.claims?.ek_digest !== because) return []
      const reason = 'The TPM that it shows was taken from the agent.'
      return { held, cause: { cause: 'tpm_removed', because, consequence: 'suspend', reason }, causation: undefined }
    })
  }

  function meets(held: Held, profile: Profile, now: Date): boolean {
    const known = judged.get(held.result)
    if (known?.version === profile.version) return known.until > now.getTime()
    const agent = principals.agent(held.result.agent)
    if (!agent) return true
    const references = appraisals.referencesOf(profile.blueprint)
    const lists = appraisals.listsOf(profile.blueprint)
    const { unmet, until } = underProfile(held, profile, {
      agent,
      references,
      lists,
      isBlocked: appraisals.isBlocked,
      appraisers,
    })
    const end = unmet.length === 0 ? until : 0
    judged.set(held.result, { version: profile.version, until: end })
    return end > now.getTime()
  }

  async function belowProfile(now: Date): Promise<Due[]> {
    const found: Due[] = []
    let looked = 0
    for (const [blueprint] of appraisals.profiles.all()) {
      const profile = appraisals.profile(blueprint)
      if (!profile) continue
      for (const agent of [...results.ofBlueprint(blueprint)]) {
        if (++looked % TURN === 0) await otherTurns()
        const held = standing(agent, now)
        if (!held || held.result.profile_version === profile.version) continue
        if (meets(held, profile, now)) continue
        const { version } = profile
        const cause = {
          cause: 'profile_changed' as const,
          because: `${blueprint} version ${version}`,
          consequence: 'suspend' as const,
          reason: `What it showed does not meet version ${version} of the profile.`,
        }
        found.push({ held, cause, causation: approvals.activated(blueprint, version)?.commit })
      }
    }
    return found
  }

  async function revoke(due: Due[]): Promise<void> {
    // Each replica begins somewhere else, so that it mostly finds done what others did instead of racing them.
    const first = Math.floor(parts.random() * due.length)
    let next = 0
    const hand = async () => {
      while (next < due.length) {
        const { held, cause, causation } = due[(first + next++) % due.length] as Due
        const now = clock()
        await writer.execute(results.revocable, {
          id: held.result.challenge,
          actor,
          ...(causation ? { causation } : {}),
          now,
          decide: (state) => revokeResult(state, cause, now),
        })
      }
    }
    await Promise.all(Array.from({ length: Math.min(IN_FLIGHT, due.length) }, hand))
  }

  return async (): Promise<void> => {
    await revoke(withdrawn(clock()))
    await revoke(withoutTpm(clock()))
    await revoke(await belowProfile(clock()))
  }
}
