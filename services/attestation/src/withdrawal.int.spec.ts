/** What is withdrawn, blocked or asked for anew ends the results that rest on it: on real NATS, with two replicas. */
import { newId } from '@credence/shared/ids'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { allOf, anchorFor, asks, compositionFor, profileFor, referenceFor } from '../../../infra/dev/attestation.ts'
import * as facts from '../../../infra/testing/facts.ts'
import { COMPOSITION, type House, inProto, openHouse, refusalOf, until } from './testing/house.ts'

let house: House
beforeAll(async () => {
  house = await openHouse()
  await house.replica()
})
afterAll(async () => house?.close())

const reason = 'test'
const revokedOf = async (agents: string[]) =>
  (await house.read('ATTESTATION')).flatMap((commit) =>
    commit.facts.flatMap(({ type, data }) =>
      type === 'credence.attestation.result.revoked.v1' && agents.includes(data.agent) ? [{ ...data, commit }] : [],
    ),
  )
const revokedNow = (agentId: string) =>
  until(
    async () => (await house.security.getResult({ agentId, notBefore: [] })).revoked,
    (revoked) => revoked !== '',
    3_000,
  )
/** An agent of its own blueprint with an accepted result. */
async function atWork(name: string) {
  const { referenceId } = await house.blueprint(name)
  const worker = await house.agent({ blueprint: name })
  expect(await worker.attest()).toMatchObject({ accepted: true })
  return { worker, referenceId, agentId: worker.agentId }
}

describe('a reference value that is withdrawn', () => {
  it('ends results that rest on it within a second, once, to quarantine; and new evidence does not pass by it', async () => {
    const { worker, referenceId, agentId } = await atWork('withdrawn')
    const bystander = await atWork('bystander')
    const { agents, position } = await house.security.withdrawReferenceValue({ referenceId, reason: 'Poisoned.' })
    const began = performance.now()
    expect(agents).toBe(1)
    expect(await revokedNow(agentId)).toBe('reference_withdrawn')
    expect(performance.now() - began).toBeLessThan(1_000)
    await new Promise((resolve) => setTimeout(resolve, 500))
    const [revoked, ...more] = await revokedOf([agentId, bystander.agentId])
    expect(more).toEqual([])
    expect(revoked).toMatchObject({
      agent: agentId,
      cause: 'reference_withdrawn',
      because: referenceId,
      consequence: 'quarantine',
      reason: 'Poisoned.',
    })
    // The event by which it was withdrawn is named as what led to it.
    const withdrawal = (await house.read('ATTESTATION')).find(({ sequence }) => `ATTESTATION:${sequence}` === position)
    expect(revoked?.commit.causation).toBe(withdrawal?.id)
    expect(await worker.attest()).toMatchObject({
      accepted: false,
      reasons: expect.arrayContaining(['software/composition_not_approved']),
    })
    // Again changes nothing.
    expect(await house.security.withdrawReferenceValue({ referenceId, reason })).toMatchObject({ agents: 0 })
    const { references } = await house.security.listReferenceValues({
      blueprint: 'withdrawn',
      withdrawn: true,
      pageSize: 0,
      pageToken: '',
    })
    expect(references).toMatchObject([{ id: referenceId, withdrawn: true, label: 'First' }])
    expect(references[0]?.withdrawnBy).toMatch(/^hum_/)
    expect(references[0]?.approvedBy).toBe(references[0]?.withdrawnBy)
  })

  it('ends a result that another replica accepted before it had heard of it', async () => {
    const { agentId, referenceId } = await atWork('late')
    await house.security.withdrawReferenceValue({ referenceId, reason })
    await revokedNow(agentId)
    const result = facts.result({
      agent: agentId,
      blueprint: 'late',
      profile_version: 1,
      references: [referenceId],
      expires_at: facts.hours(1, new Date()),
    })
    await house.write('ATTESTATION', `challenge/${result.challenge}`, facts.recorded(result))
    expect(
      await until(
        () => revokedOf([agentId]),
        (all) => all.length === 2,
      ),
    ).toHaveLength(2)
  })
})

describe('a digest that is blocked', () => {
  it('ends results of all blueprints that run on it, passes nowhere, and can be unblocked', async () => {
    const [one, other] = [await atWork('blocked-one'), await atWork('blocked-other')]
    const digest = COMPOSITION.program
    const answer = await house.security.blockMeasurement({ digest, reason: 'A backdoor.' })
    expect(answer.agents).toBeGreaterThanOrEqual(2)
    for (const { agentId } of [one, other]) expect(await revokedNow(agentId)).toBe('measurement_blocked')
    expect((await revokedOf([one.agentId]))[0]).toMatchObject({ because: digest, consequence: 'quarantine' })
    expect((await one.worker.attest()).reasons).toContain('software/blocked')
    expect(await house.security.listBlockedMeasurements({})).toMatchObject({
      measurements: [{ digest, reason: 'A backdoor.', blockedBy: expect.stringMatching(/^hum_/) }],
    })
    await house.security.unblockMeasurement({ digest, reason })
    expect(await one.worker.attest()).toMatchObject({ accepted: true })
    expect(await refusalOf(house.security.unblockMeasurement({ digest, reason }))).toEqual({
      status: 'failed_precondition',
      reason: 'not_blocked',
    })
  })
})

describe('a trust anchor that is withdrawn', () => {
  it('ends results that rest on it, to a suspension', async () => {
    const { agentId } = await atWork('anchored')
    const anchor = anchorFor(['agent-manifest'], { $case: 'publicKey', value: { pem: PEM, provider: '' } })
    const { anchorId } = await house.security.approveTrustAnchor({ anchor })
    const result = facts.result({
      agent: agentId,
      blueprint: 'anchored',
      profile_version: 1,
      anchors: [anchorId],
      expires_at: facts.hours(1, new Date()),
    })
    await house.write('ATTESTATION', `challenge/${result.challenge}`, facts.recorded(result))
    await until(
      async () => (await house.security.getResult({ agentId, notBefore: [] })).anchors,
      (anchors) => anchors.includes(anchorId),
    )
    expect(await house.security.withdrawTrustAnchor({ anchorId, reason })).toMatchObject({ agents: 1 })
    expect(await revokedNow(agentId)).toBe('anchor_withdrawn')
    expect((await revokedOf([agentId]))[0]).toMatchObject({ because: anchorId, consequence: 'suspend' })
  })
})

describe('a profile', () => {
  it('counts once it is activated: who would fail is told before, and suspended after', async () => {
    const name = 'stricter'
    const { worker, agentId } = await atWork(name)
    const { agentId: ended } = await house.agent({ blueprint: name })
    await house.happenedTo(ended)
    const profile = profileFor(name, { rule: allOf(asks('software'), asks('agent-manifest')) })
    const { version } = await house.security.defineProfile({ profile })
    expect(version).toBe(2)
    expect(await house.security.previewProfile({ blueprint: name, version })).toMatchObject({
      agents: 1,
      failing: [{ agentId, reasons: ['agent-manifest/missing'] }],
    })
    expect(await house.security.previewProfile({ blueprint: name, version: 1 })).toMatchObject({
      agents: 1,
      failing: [],
    })
    // A draft changes nothing.
    expect(await worker.attest()).toMatchObject({ accepted: true })
    await house.security.activateProfile({ blueprint: name, version })
    expect(await revokedNow(agentId)).toBe('profile_changed')
    expect((await revokedOf([agentId]))[0]).toMatchObject({ consequence: 'suspend', because: `${name} version 2` })
    expect(await worker.attest()).toMatchObject({ accepted: false })

    const listed = await house.security.listProfiles({ blueprint: name })
    expect(listed.profiles.map(({ version: one, active }) => [one, active])).toEqual([
      [2, true],
      [1, false],
    ])
    expect(listed.profiles[0]).toMatchObject({
      ...profile,
      version: 2,
      active: true,
      definedBy: expect.stringMatching(/^hum_/),
      activatedBy: expect.stringMatching(/^hum_/),
    })
    // Back to the one before.
    await house.security.activateProfile({ blueprint: name, version: 1 })
    expect(await worker.attest()).toMatchObject({ accepted: true })
  })

  it('that lets results live for less ends older ones', async () => {
    const name = 'shorter'
    const { agentId } = await atWork(name)
    const { version } = await house.security.defineProfile({ profile: profileFor(name, { maximumAgeSeconds: 1n }) })
    await new Promise((resolve) => setTimeout(resolve, 1_100))
    expect(await house.security.previewProfile({ blueprint: name, version })).toMatchObject({
      agents: 1,
      failing: [{ agentId, reasons: ['result_too_old'] }],
    })
    await house.security.activateProfile({ blueprint: name, version })
    expect(await revokedNow(agentId)).toBe('profile_changed')
  })
})

describe('who may say what counts', () => {
  it('a sponsor for blueprints that they answer for, security for all, others for none', async () => {
    const { referenceId } = await house.blueprint('guarded', 'milan')
    const milan = await house.person('milan', 'credence-sponsors')
    const nora = await house.person('nora', 'credence-sponsors')
    const profile = profileFor('guarded')
    const reference = compositionFor('guarded', inProto(COMPOSITION), 'Second')
    const notTheSponsor = { status: 'permission_denied', reason: 'not_the_sponsor' }
    expect(await refusalOf(nora.defineProfile({ profile }))).toEqual(notTheSponsor)
    expect(await refusalOf(nora.activateProfile({ blueprint: 'guarded', version: 1 }))).toEqual(notTheSponsor)
    expect(await refusalOf(nora.approveReferenceValue({ reference }))).toEqual(notTheSponsor)
    expect(await refusalOf(nora.withdrawReferenceValue({ referenceId, reason }))).toEqual(notTheSponsor)
    expect(await milan.defineProfile({ profile })).toMatchObject({ version: 2 })
    const own = await milan.approveReferenceValue({ reference })
    await milan.withdrawReferenceValue({ referenceId: own.referenceId, reason })
    expect(await refusalOf(nora.defineProfile({ profile: profileFor('nobodys') }))).toMatchObject({
      status: 'not_found',
    })

    const denied = { status: 'permission_denied', reason: 'role_missing' }
    const anchor = anchorFor(['agent-manifest'], { $case: 'publicKey', value: { pem: PEM, provider: '' } })
    for (const client of [milan, await house.person('ada', 'credence-auditors'), await house.person('nobody')]) {
      expect(await refusalOf(client.approveTrustAnchor({ anchor }))).toEqual(denied)
      expect(await refusalOf(client.withdrawTrustAnchor({ anchorId: newId('anc'), reason }))).toEqual(denied)
      expect(await refusalOf(client.blockMeasurement({ digest: '1'.repeat(64), reason }))).toEqual(denied)
      expect(await refusalOf(client.unblockMeasurement({ digest: '1'.repeat(64), reason }))).toEqual(denied)
    }
    const nobody = await house.person('nobody')
    const page = { withdrawn: false, pageSize: 0, pageToken: '' }
    expect(await refusalOf(nobody.listProfiles({ blueprint: 'guarded' }))).toEqual(denied)
    expect(await refusalOf(nobody.listReferenceValues({ blueprint: '', ...page }))).toEqual(denied)
    expect(await refusalOf(nobody.listTrustAnchors(page))).toEqual(denied)
    expect(await refusalOf(nobody.listBlockedMeasurements({}))).toEqual(denied)
    expect(await refusalOf(nobody.previewProfile({ blueprint: 'guarded', version: 1 }))).toEqual(denied)
  })

  it('what they say is checked, and named where it is wrong', async () => {
    const { security } = house
    const deep = asks('software')
    const deeper = [1, 2, 3, 4].reduce((rule) => allOf(rule), deep)
    const profiles: [part: object, field: string][] = [
      [{ blueprint: 'Not a slug' }, 'profile.blueprint'],
      [{ rule: undefined }, 'profile.rule'],
      [{ rule: { rule: undefined } }, 'profile.rule'],
      [{ rule: asks('magic') }, 'profile.rule.evidence.kind'],
      [{ rule: asks('software', { grade: 'files' }) }, 'profile.rule.evidence.grade'],
      [{ rule: asks('model-signing') }, 'profile.rule.evidence.grade'],
      [{ rule: asks('model-signing', { grade: 'files', pcrs: [1] }) }, 'profile.rule.evidence.pcrs'],
      [{ rule: asks('model-signing', { grade: 'files', signers: [newId('anc')] }) }, 'profile.rule'],
      [{ rule: asks('spiffe-svid', { spiffeIds: ['https://x'] }) }, 'profile.rule.evidence.spiffe_ids.0'],
      [{ rule: asks('tpm2-quote', { bank: 'sha1', pcrs: [7] }) }, 'profile.rule.evidence.bank'],
      [{ rule: asks('tpm2-quote', { bank: 'sha256', pcrs: [7, 7] }) }, 'profile.rule.evidence.pcrs'],
      [{ rule: asks('tpm2-quote', { bank: 'sha256', pcrs: [24] }) }, 'profile.rule.evidence.pcrs.0'],
      [{ rule: asks('kubernetes-sat', { serviceAccounts: ['x'] }) }, 'profile.rule.evidence.service_accounts.0'],
      [{ rule: allOf(asks('software'), allOf()) }, 'profile.rule.all_of.rules.1.all_of.rules'],
      [{ rule: deeper }, 'profile.rule.all_of.rules.0.all_of.rules.0.all_of.rules.0.all_of.rules.0'],
      [{ rule: allOf(...Array.from({ length: 33 }, () => deep)) }, 'profile.rule.all_of.rules'],
      [{ worstAcceptableStatus: 'ATTESTATION_STATUS_NONE' }, 'profile.worst_acceptable_status'],
      [{ maximumAgeSeconds: 0n }, 'profile.maximum_age_seconds'],
      [{ maximumAgeSeconds: 1n << 62n }, 'profile.maximum_age_seconds'],
      [{ version: 7 }, 'profile.version'],
      [{ active: true }, 'profile.active'],
      [{ definedBy: 'me' }, 'profile.defined_by'],
    ]
    for (const [part, field] of profiles)
      expect(await refusalOf(security.defineProfile({ profile: profileFor('checked', part) })), field).toMatchObject({
        status: 'invalid_argument',
        field,
      })
    const image = (digest: string) => ({ $case: 'image' as const, value: { digest } })
    const references: [one: object, field: string][] = [
      [referenceFor('checked', image('x'), 'x'), 'reference.image.digest'],
      [referenceFor('checked', image('1'.repeat(64)), ''), 'reference.label'],
      [{ ...referenceFor('checked', image('1'.repeat(64)), 'x'), value: undefined }, 'reference.value'],
      [{ ...referenceFor('checked', image('1'.repeat(64)), 'x'), id: newId('ref') }, 'reference.id'],
      [
        referenceFor('checked', { $case: 'pcrs', value: { bank: 'sha256', values: { 30: '1'.repeat(64) } } }, 'x'),
        'reference.pcrs.values.30',
      ],
      [referenceFor('checked', { $case: 'pcrs', value: { bank: 'sha256', values: {} } }, 'x'), 'reference.pcrs.values'],
      [
        referenceFor(
          'checked',
          { $case: 'model', value: { statementDigest: '1'.repeat(64), signer: newId('anc') } },
          'x',
        ),
        'reference.model.signer',
      ],
    ]
    for (const [reference, field] of references)
      expect(await refusalOf(security.approveReferenceValue({ reference: reference as never })), field).toMatchObject({
        status: 'invalid_argument',
        field,
      })
    const key = { $case: 'publicKey' as const, value: { pem: PEM, provider: '' } }
    const privatePem = PEM.replaceAll('PUBLIC', 'PRIVATE')
    const anchors: [one: object, field: string][] = [
      [anchorFor([], key), 'anchor.kinds'],
      [anchorFor(['software'], key), 'anchor.kinds.0'],
      [anchorFor(['tpm2-quote'], key), 'anchor.kinds.0'],
      [anchorFor(['model-signing', 'model-signing'], key), 'anchor.kinds'],
      [
        anchorFor(['model-signing'], { $case: 'publicKey', value: { pem: 'x', provider: '' } }),
        'anchor.public_key.pem',
      ],
      [
        anchorFor(['model-signing'], { $case: 'publicKey', value: { pem: privatePem, provider: '' } }),
        'anchor.public_key.pem',
      ],
      [
        anchorFor(['model-signing'], {
          $case: 'sigstore',
          value: { trustedRoot: '{}', identities: [{ san: 'x', issuer: '' }] },
        }),
        'anchor.sigstore.identities.0.issuer',
      ],
      [
        anchorFor(['spiffe-svid'], {
          $case: 'spiffeTrustDomain',
          value: { trustDomain: 'x', bundle: 'no', bundleEndpoint: '' },
        }),
        'anchor.spiffe_trust_domain.bundle',
      ],
      [{ ...anchorFor(['model-signing'], key), material: undefined }, 'anchor.material'],
      [anchorFor(['model-signing'], key, { blueprints: ['No slug'] }), 'anchor.blueprints.0'],
    ]
    for (const [anchor, field] of anchors)
      expect(await refusalOf(security.approveTrustAnchor({ anchor: anchor as never })), field).toMatchObject({
        status: 'invalid_argument',
        field,
      })
  })

  it('lists come in pages', async () => {
    const reference = (label: string) =>
      compositionFor('paged', inProto({ ...COMPOSITION, model: label.repeat(64) }), label)
    for (const label of ['a', 'b', 'c', 'd', 'e'])
      await house.security.approveReferenceValue({ reference: reference(label) })
    const labels: string[] = []
    let pageToken = ''
    do {
      const page = { blueprint: 'paged', withdrawn: false, pageSize: 2, pageToken }
      const { references, nextPageToken } = await house.security.listReferenceValues(page)
      expect(references.length).toBeLessThanOrEqual(2)
      labels.push(...references.map(({ label }) => label))
      pageToken = nextPageToken
    } while (pageToken)
    expect(labels).toEqual(['a', 'b', 'c', 'd', 'e'])
    const strange = { blueprint: 'paged', withdrawn: false, pageSize: 2, pageToken: 'x' }
    expect(await refusalOf(house.security.listReferenceValues(strange))).toMatchObject({ field: 'page_token' })
  })
})

const PEM = `-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----
`
