/** Rotation with overlap, and a key that others know. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type House, openHouse, type Worker } from '../../testing/house.ts'
import { type Lives, livesOf, refusalOf } from '../../testing/lives.ts'
import { type Bent, type Key, newKey } from '../../testing/token-client.ts'

let house: House
let lives: Lives
beforeAll(async () => {
  house = await openHouse()
  lives = await livesOf(house)
})
afterAll(async () => {
  lives?.close()
  await house?.close()
})

const whoAmI = async (worker: Worker, key: Key) =>
  house
    .asAgent(key, worker.spiffeId)
    .getAgent({ agentId: worker.agentId, notBefore: [] })
    .then(
      ({ agent }) => agent?.id,
      ({ reason }) => reason,
    )

/** A rotation, with parts of its proof bent. */
async function rotate(worker: Worker, key: Key, part: { overlap?: bigint; by?: Key; previous?: string } & Bent = {}) {
  const { overlap = 0n, by = worker.key, previous = by.thumbprint, ...bent } = part
  return house.asAgent(by, worker.spiffeId).rotateKey({
    publicJwk: JSON.stringify(key.publicJwk),
    proof: await lives.keyProof(worker.spiffeId, key, previous, bent),
    overlapSeconds: overlap,
  })
}
const badProof = { status: 'invalid_argument', reason: 'invalid_field', field: 'proof' }

describe('rotation of a key', () => {
  it('both keys work while they overlap; when the overlap is over the old one is refused', {
    timeout: 30_000,
  }, async () => {
    const worker = await house.worker()
    const key = await newKey('EdDSA')
    const { agent } = await rotate(worker, key, { overlap: 3n })
    expect(agent).toMatchObject({ keyThumbprint: key.thumbprint, earlierKeyThumbprint: worker.key.thumbprint })
    expect([await whoAmI(worker, worker.key), await whoAmI(worker, key)]).toEqual([worker.agentId, worker.agentId])
    let old = worker.agentId as string | undefined
    while (old === worker.agentId) old = await whoAmI(worker, worker.key)
    expect([old, await whoAmI(worker, key)]).toEqual(['invalid_agent_proof', worker.agentId])
    const shown = (await house.security.getAgent({ agentId: worker.agentId, notBefore: [] })).agent
    expect(shown).toMatchObject({ keyThumbprint: key.thumbprint, earlierKeyThumbprint: '' })
  })

  it('what the former key attested does not count for the newest one, which never attested', {
    timeout: 30_000,
  }, async () => {
    const worker = await house.worker()
    const key = await newKey()
    await rotate(worker, key, { overlap: 600n })
    const svid = { audience: 'https://other.example', lifetimeSeconds: 0n }
    const client = house.asAgent(key, worker.spiffeId)
    expect((await client.issueJwtSvid(svid)).token).toMatch(/^ey/)
    const last = await newKey()
    await rotate(worker, last, { overlap: 600n, by: key })
    const byLast = house.asAgent(last, worker.spiffeId)
    expect(await refusalOf(byLast.issueJwtSvid(svid))).toMatchObject({ reason: 'attestation_of_former_key' })
    await house.attest(worker.agentId)
    await expect
      .poll(() => byLast.issueJwtSvid(svid).then(({ token }) => token.slice(0, 2), String), { timeout: 5_000 })
      .toBe('ey')
  })

  it('without overlap the old key is refused from the next call on', async () => {
    const worker = await house.worker()
    const key = await newKey()
    await rotate(worker, key)
    expect([await whoAmI(worker, worker.key), await whoAmI(worker, key)]).toEqual([
      'invalid_agent_proof',
      worker.agentId,
    ])
    const [fact] = (await lives.recorded('credence.identity.agent.key_rotated.v1')).filter(
      ({ data }) => data.agent === worker.agentId,
    )
    expect(fact?.data).toMatchObject({ key_thumbprint: key.thumbprint, previous: worker.key.thumbprint })
    expect(fact?.commit.actor).toEqual({ kind: 'agent', id: worker.spiffeId })
  })

  it('needs a proof by the new key: missing, by another key, of another agent, for another audience, of another type, old, early, without its id', async () => {
    const worker = await house.worker()
    const other = await house.worker()
    const key = await newKey()
    const seconds = Math.floor(Date.now() / 1000)
    const bent: Record<string, Parameters<typeof rotate>[2]> = {
      'by the old key': { signer: worker.key.privateKey },
      'by a stranger': { signer: (await newKey()).privateKey },
      'of another agent': { claims: { iss: other.spiffeId, sub: other.spiffeId } },
      'of another subject': { claims: { sub: other.spiffeId } },
      'for another audience': { claims: { aud: `spiffe://${house.stack.trustDomain}/service/policy` } },
      'for two audiences': {
        claims: { aud: [`spiffe://${house.stack.trustDomain}/service/identity`, 'https://elsewhere.example'] },
      },
      'of another type': { header: { typ: 'agent-proof+jwt' } },
      'without a type': { header: { typ: undefined } },
      'after another key': { previous: other.key.thumbprint },
      'after no key': { claims: { previous: undefined } },
      'an hour old': { claims: { iat: seconds - 3_600 } },
      'a minute and a half old': { claims: { iat: seconds - 90 } },
      'from the future': { claims: { iat: seconds + 90 } },
      'without a time': { claims: { iat: undefined } },
      'without an id': { claims: { jti: undefined } },
      'with an empty id': { claims: { jti: '' } },
    }
    for (const [what, part] of Object.entries(bent))
      expect(await refusalOf(rotate(worker, key, part)), what).toEqual(badProof)
    for (const proof of ['x', 'a.b.c', 'x'.repeat(5_000)]) {
      const request = { publicJwk: JSON.stringify(key.publicJwk), proof, overlapSeconds: 0n }
      expect(await refusalOf(worker.client.rotateKey(request)), proof.slice(0, 9)).toEqual(badProof)
    }
    const none = { publicJwk: JSON.stringify(key.publicJwk), proof: '', overlapSeconds: 0n }
    expect(await refusalOf(worker.client.rotateKey(none))).toEqual(badProof)
    expect(await refusalOf(rotate(worker, key, { overlap: 86_401n }))).toMatchObject({ field: 'overlap_seconds' })
    // None of them changed anything, or used the key up.
    expect(await whoAmI(worker, worker.key)).toBe(worker.agentId)
    expect((await rotate(worker, key)).agent?.keyThumbprint).toBe(key.thumbprint)
  })

  it('takes a proof once, of any number that are sent at the same time', async () => {
    const worker = await house.worker()
    const key = await newKey()
    const proof = await lives.keyProof(worker.spiffeId, key, worker.key.thumbprint)
    const request = { publicJwk: JSON.stringify(key.publicJwk), proof, overlapSeconds: 600n }
    const calls = Array.from({ length: 20 }, () =>
      worker.client.rotateKey(request).then(
        () => 'rotated',
        () => 'no',
      ),
    )
    expect((await Promise.all(calls)).filter((outcome) => outcome === 'rotated')).toHaveLength(1)
    expect(await refusalOf(worker.client.rotateKey(request))).toMatchObject({ status: expect.any(String) })
    const facts = await lives.recorded('credence.identity.agent.key_rotated.v1')
    expect(facts.filter(({ data }) => data.agent === worker.agentId)).toHaveLength(1)
  })

  it('is by the newest key: one that was replaced cannot name another while it still counts', async () => {
    const worker = await house.worker()
    await rotate(worker, await newKey(), { overlap: 600n })
    expect(await refusalOf(rotate(worker, await newKey(), { overlap: 600n }))).toEqual({
      status: 'permission_denied',
      reason: 'not_the_newest_key',
    })
  })

  it('takes no key that anybody has or had', async () => {
    const worker = await house.worker()
    const other = await house.worker()
    expect(await refusalOf(rotate(worker, other.key))).toMatchObject({ reason: 'key_taken' })
    expect(await refusalOf(rotate(worker, worker.key))).toMatchObject({ field: 'public_jwk' })
    const second = await newKey()
    await rotate(worker, second)
    expect(await refusalOf(rotate(worker, worker.key, { by: second }))).toMatchObject({ field: 'public_jwk' })
    expect(await refusalOf(house.register(worker.key))).toMatchObject({ reason: 'key_taken' })
  })

  it('is not for an agent that has ended, or is in quarantine', async () => {
    const worker = await house.worker()
    await house.security.quarantineAgent({ agentId: worker.agentId, reason: 'test' })
    expect(await refusalOf(rotate(worker, await newKey()))).toMatchObject({ reason: 'agent_quarantined' })
    await house.security.revokeAgent({ agentId: worker.agentId, reason: 'test' })
    expect(await refusalOf(rotate(worker, await newKey()))).toMatchObject({ reason: 'agent_revoked' })
  })
})

describe('a key that others know', () => {
  it('counts no more once withdrawn, and its agent goes into quarantine, in one event', async () => {
    const worker = await house.worker()
    const withdrawal = { agentId: worker.agentId, keyThumbprint: worker.key.thumbprint, reason: 'Found in a log' }
    const { agent } = await house.platform.withdrawKey(withdrawal)
    expect(agent?.state).toBe('AGENT_STATE_QUARANTINED')
    expect(await whoAmI(worker, worker.key)).toBe('invalid_agent_proof')
    const commits = (await house.read('IDENTITY')).filter(({ subject }) => subject === `agent/${worker.agentId}`)
    expect(commits.at(-1)?.facts).toEqual([
      {
        type: 'credence.identity.agent.key_withdrawn.v1',
        data: { agent: worker.agentId, key_thumbprint: worker.key.thumbprint, reason: 'Found in a log' },
      },
      {
        type: 'credence.identity.agent.quarantined.v1',
        data: { agent: worker.agentId, cause: 'key_compromised', reason: 'Found in a log' },
      },
    ])
    // Without a key it cannot prove itself: nobody can make it active again.
    const restored = house.security.restoreAgent({ agentId: worker.agentId, reason: 'test' })
    expect(await refusalOf(restored)).toMatchObject({ reason: 'no_key' })
  })

  it('can be the one before: the newer one stays, and the agent can be restored; it never comes back', async () => {
    const worker = await house.worker()
    const key = await newKey()
    await rotate(worker, key, { overlap: 600n })
    const client = house.asAgent(key, worker.spiffeId)
    const withdrawal = { agentId: worker.agentId, keyThumbprint: worker.key.thumbprint, reason: 'Found in a log' }
    await client.withdrawKey(withdrawal)
    expect([await whoAmI(worker, worker.key), await whoAmI(worker, key)]).toEqual([
      'invalid_agent_proof',
      worker.agentId,
    ])
    expect(await refusalOf(house.sponsor.restoreAgent({ agentId: worker.agentId, reason: 'test' }))).toMatchObject({
      reason: 'agent_quarantined',
    })
    const { agent } = await house.security.restoreAgent({ agentId: worker.agentId, reason: 'test' })
    expect(agent?.state).toBe('AGENT_STATE_ACTIVE')
    expect(await refusalOf(rotate(worker, worker.key, { by: key }))).toMatchObject({ field: 'public_jwk' })
  })

  it('is named as it is: another’s, and no thumbprint at all, are refused', async () => {
    const worker = await house.worker()
    const other = await house.worker()
    const about = { agentId: worker.agentId, reason: 'test' }
    for (const keyThumbprint of [other.key.thumbprint, 'x', ''])
      expect(await refusalOf(house.security.withdrawKey({ ...about, keyThumbprint }))).toMatchObject({
        field: 'key_thumbprint',
      })
    const foreign = { agentId: other.agentId, keyThumbprint: other.key.thumbprint, reason: 'test' }
    expect(await refusalOf(worker.client.withdrawKey(foreign))).toMatchObject({ reason: 'not_yourself' })
  })
})
