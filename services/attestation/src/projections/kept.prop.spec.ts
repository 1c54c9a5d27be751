/** What attestation holds in memory: the same from a snapshot as from all events, and no more of it after years. */
import type { Fact } from '@credence/contracts/events/catalog'
import type { RecordedCommit } from '@credence/shared/event-store/commit'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { recordedCommit } from '../../../../infra/testing/commits.ts'
import * as facts from '../../../../infra/testing/facts.ts'
import { openFolder, replayed, restored } from '../../../../infra/testing/snapshots.ts'
import { profileOf } from '../testing/evidence.ts'
import { createAppraisals } from './appraisals.ts'

const { folder, remove } = openFolder()
afterAll(remove)

const id = (prefix: string, number: number) => `${prefix}_01m88df2mzer6rxnfrjb8ksvd${number}`
const AGENTS = [0, 1, 2].map((number) => id('agt', number))
const REFERENCES = [0, 1].map((number) => id('ref', number))
const ANCHORS = [0, 1].map((number) => id('anc', number))
const CHALLENGES = [0, 1, 2, 3, 4, 5].map((number) => id('chl', number))
const DIGESTS = ['a', 'b'].map((digit) => digit.repeat(64))
const BLUEPRINTS = ['one', 'two']
const of = fc.constantFrom

type Named = { aggregate: string; fact: Fact }
const named = <T extends Fact['type']>(
  aggregate: string,
  type: T,
  data: Extract<Fact, { type: T }>['data'],
): Named => ({
  aggregate,
  fact: { type, data } as unknown as Fact,
})
const soon = (minutes: number) => new Date(facts.NOW.getTime() + minutes * 60_000).toISOString()

const recorded = fc
  .record({
    at: of(0, 1, 2, 3, 4, 5),
    blueprint: of(...BLUEPRINTS),
    accepted: fc.boolean(),
    references: fc.subarray(REFERENCES),
    anchors: fc.subarray(ANCHORS),
    digests: fc.subarray(DIGESTS),
  })
  .map(({ at, ...part }) => {
    const challenge = CHALLENGES[at] ?? ''
    // A challenge is of one agent.
    const agent = AGENTS[at % AGENTS.length] ?? ''
    const data = facts.result({ ...part, agent, challenge, result: id('att', at) })
    return named(`challenge/${challenge}`, 'credence.attestation.result.recorded.v1', data)
  })
const revoked = fc.tuple(of(0, 1, 2, 3, 4, 5), of(...AGENTS)).map(([at, agent]) =>
  named(`challenge/${CHALLENGES[at]}`, 'credence.attestation.result.revoked.v1', {
    result: id('att', at),
    agent,
    cause: 'reference_withdrawn',
    because: 'x',
    consequence: 'quarantine',
    reason: 'test',
  }),
)
const issued = fc.tuple(of(...CHALLENGES), of(...AGENTS), of(1, 2, 60)).map(([challenge, agent, minutes]) =>
  named(`challenge/${challenge}`, 'credence.attestation.challenge.issued.v1', {
    challenge,
    agent,
    key_thumbprint: 'x',
    nonce_digest: facts.DIGEST,
    expires_at: soon(minutes),
  }),
)
const reason = 'test'
const others = fc.oneof(
  of(...BLUEPRINTS).map((blueprint) =>
    named(
      `profile/${blueprint}`,
      'credence.attestation.profile.defined.v1',
      profileOf({ kind: 'software' }, { blueprint }),
    ),
  ),
  of(...BLUEPRINTS).map((blueprint) =>
    named(`profile/${blueprint}`, 'credence.attestation.profile.activated.v1', { blueprint, version: 1 }),
  ),
  fc.tuple(of(...REFERENCES), of(...BLUEPRINTS)).map(([reference, blueprint]) =>
    named(`reference/${reference}`, 'credence.attestation.reference.approved.v1', {
      reference,
      blueprint,
      label: 'x',
      value: { type: 'image', digest: DIGESTS[0] ?? '' },
    }),
  ),
  of(...REFERENCES).map((reference) =>
    named(`reference/${reference}`, 'credence.attestation.reference.withdrawn.v1', { reference, reason }),
  ),
  of(...ANCHORS).map((anchor) =>
    named(`anchor/${anchor}`, 'credence.attestation.anchor.approved.v1', {
      anchor,
      label: 'x',
      kinds: ['tpm2-quote'],
      blueprints: [],
      material: { type: 'tpm-endorsement-key', ek_digest: DIGESTS[0] ?? '' },
    }),
  ),
  of(...ANCHORS).map((anchor) =>
    named(`anchor/${anchor}`, 'credence.attestation.anchor.withdrawn.v1', { anchor, reason }),
  ),
  of(...DIGESTS).map((digest) =>
    named(`measurement/${digest}`, 'credence.attestation.measurement.blocked.v1', { digest, reason }),
  ),
  of(...DIGESTS).map((digest) =>
    named(`measurement/${digest}`, 'credence.attestation.measurement.unblocked.v1', { digest, reason }),
  ),
)
const history = fc
  .array(fc.oneof(recorded, revoked, issued, others), { maxLength: 40 })
  // A reference is approved once, and a challenge issued once: nothing else ever says whose they are.
  .map((all) => {
    const seen = new Set<string>()
    return all.filter(({ aggregate, fact: { type } }) => {
      if (!/reference\.approved|challenge\.issued/.test(type)) return true
      return !seen.has(aggregate) && seen.add(aggregate)
    })
  })
  .map((all) =>
    all.map(({ aggregate, fact }, at): RecordedCommit => recordedCommit('ATTESTATION', at + 1, aggregate, [fact])),
  )

const seen = ({ models, ...appraisals }: ReturnType<typeof createAppraisals>) => ({
  kept: models.map((model) => [...model.dump()]),
  resting: [...REFERENCES, ...ANCHORS, ...DIGESTS].map((one) => [...appraisals.results.restingOn(one)].sort()),
  running: BLUEPRINTS.map((one) => [...appraisals.results.ofBlueprint(one)].sort()),
  open: AGENTS.map((one) => appraisals.challenges.openOf(one, facts.NOW)),
  revocable: CHALLENGES.map(appraisals.results.revocable.get),
  references: BLUEPRINTS.map((one) => [appraisals.referencesOf(one), appraisals.referenceIds(one)]),
  anchors: appraisals.anchorsFor('tpm2-quote', 'one'),
  profiles: BLUEPRINTS.map(appraisals.profile),
  notToRestOn: appraisals.notToRestOn(),
})

describe('what attestation holds in memory', () => {
  it('is the same from a snapshot and the events after it as from all events', async () => {
    await fc.assert(
      fc.asyncProperty(history, fc.nat(), async (commits, point) => {
        const at = point % (commits.length + 1)
        const { before, after } = await restored(folder, createAppraisals, commits, at)
        expect(seen(before)).toEqual(seen(replayed(createAppraisals, commits.slice(0, at))))
        expect(seen(after)).toEqual(seen(replayed(createAppraisals, commits)))
      }),
      { numRuns: 100 },
    )
  })

  it('is indexed as the newest accepted results say', () =>
    fc.assert(
      fc.property(history, (commits) => {
        const { results } = replayed(createAppraisals, commits)
        for (const key of [...REFERENCES, ...ANCHORS, ...DIGESTS])
          expect([...results.restingOn(key)].sort()).toEqual(
            AGENTS.filter((agent) => {
              const held = results.of(agent)?.accepted
              const { references = [], anchors = [], digests = [] } = held?.result ?? {}
              return held && !held.revoked && [...references, ...anchors, ...digests].includes(key)
            }),
          )
      }),
      { numRuns: 1_000 },
    ))

  it('does not grow with the challenges of days: 10,000 agents that attest every 5 minutes leave those of the last minutes', () => {
    const appraisals = createAppraisals()
    const start = facts.NOW.getTime()
    let sequence = 0
    let most = 0
    // A thousand agents for a day; what is held is what ten minutes bring, whatever the number of agents.
    for (let round = 0; round < 288; round++)
      for (let agent = 0; agent < 100; agent++) {
        const time = start + round * 300_000 + agent * 3_000
        const challenge = `chl_${round}-${agent}`
        appraisals.challenges.apply({
          subject: `challenge/${challenge}`,
          sequence: ++sequence,
          facts: [
            {
              type: 'credence.attestation.challenge.issued.v1',
              data: {
                challenge,
                agent: `agt_${agent}`,
                key_thumbprint: 'x',
                nonce_digest: facts.DIGEST,
                expires_at: new Date(time + 60_000).toISOString(),
              },
            },
          ],
        } as unknown as RecordedCommit)
        most = Math.max(most, appraisals.challenges.count())
      }
    // Six minutes of one every three seconds.
    expect(most).toBeLessThanOrEqual(122)
  })

  it('forgets agents that have not attested for a week', () => {
    const appraisals = createAppraisals()
    const at = (sequence: number, agent: string, time: string) =>
      appraisals.results.apply({
        subject: 'challenge/x',
        sequence,
        time,
        facts: [facts.recorded(facts.result({ agent, expires_at: time, references: REFERENCES }))],
      } as unknown as RecordedCommit)
    at(1, 'agt_old', soon(0))
    at(1_023, 'agt_new', soon(8 * 24 * 60))
    expect(appraisals.results.of('agt_old')).toBeDefined()
    at(1_024, 'agt_new', soon(8 * 24 * 60))
    expect(appraisals.results.of('agt_old')).toBeUndefined()
    expect([...appraisals.results.restingOn(REFERENCES[0] ?? '')]).toEqual(['agt_new'])
  })
})
