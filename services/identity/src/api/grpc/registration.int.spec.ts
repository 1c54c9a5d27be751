/** Ten thousand agents in one call, and one key that two replicas are asked to bind at once. */
import { generateKeyPairSync } from 'node:crypto'
import type { RegisterAgentsRequest } from '@credence/contracts/gen/credence/identity/v1/identity'
import { calculateJwkThumbprint } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type House, openHouse } from '../../testing/house.ts'
import { type Lives, livesOf, refusalOf, registration } from '../../testing/lives.ts'
import { newKey } from '../../testing/token-client.ts'

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

const any = await newKey()
/** A new public key, made quickly: nobody needs the private part here. */
const publicJwk = () => JSON.stringify(generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }))
const many = (count: number, label: string): RegisterAgentsRequest[] =>
  Array.from({ length: count }, (_, at) => ({
    key: `${label}-${at}`,
    registration: registration(any, { publicJwk: publicJwk(), labels: { batch: label } }),
  }))

async function listAll(label: string, pageSize: number): Promise<string[]> {
  const ids: string[] = []
  let pageToken = ''
  do {
    const filter = { terms: [{ field: 'labels.batch', value: label }], withoutSponsor: false, withoutOwner: false }
    const page = await house.security.listAgents({ filter, pageSize, pageToken, notBefore: [] })
    ids.push(...page.agents.map(({ id }) => id))
    pageToken = page.nextPageToken
  } while (pageToken)
  return ids
}

describe('registration in one streaming call', () => {
  it('answers each of 10,000 under its key, and lists them by pages without gap or duplicate while others register', {
    timeout: 120_000,
  }, async () => {
    const requests = many(10_000, 'great')
    const { answers, error } = await lives.registerAll(requests)
    expect(error).toBeUndefined()
    expect(new Set(answers.map(({ key }) => key))).toEqual(new Set(requests.map(({ key }) => key)))
    const ids = answers.flatMap(({ outcome }) =>
      outcome?.$case === 'registered' ? [outcome.value.agent?.id ?? ''] : [],
    )
    expect(new Set(ids).size).toBe(10_000)

    const meanwhile = lives.registerAll(many(500, 'later'))
    const listed = await listAll('great', 500)
    expect(listed).toHaveLength(10_000)
    expect(new Set(listed)).toEqual(new Set(ids))
    expect((await meanwhile).error).toBeUndefined()
    expect(await listAll('later', 499)).toHaveLength(500)
    // All of them, in one order that does not depend on how many are on a page.
    expect(await listAll('great', 333)).toEqual(listed)
  })

  it('tells what was registered while the pages were read in its place at the end, once', async () => {
    const first = await lives.registerAll(many(30, 'growing'))
    expect(first.answers).toHaveLength(30)
    const filter = { terms: [{ field: 'labels.batch', value: 'growing' }], withoutSponsor: false, withoutOwner: false }
    const seen: string[] = []
    let pageToken = ''
    for (let round = 0; ; round++) {
      const page = await house.security.listAgents({ filter, pageSize: 10, pageToken, notBefore: [] })
      seen.push(...page.agents.map(({ id }) => id))
      if (round < 3) await lives.registerAll(many(5, 'growing'))
      pageToken = page.nextPageToken
      if (!pageToken) break
    }
    expect(new Set(seen).size).toBe(seen.length)
    expect(seen).toEqual(await listAll('growing', 500))
    expect(seen).toHaveLength(45)
  })

  it('goes on after a refusal: a key that is taken, a blueprint that is unknown, a model that is not allowed', async () => {
    const taken = publicJwk()
    await house.platform.registerAgent(registration(any, { publicJwk: taken }))
    const good = many(1, 'good')
    const bad = (key: string, part: Partial<RegisterAgentsRequest['registration'] & object>) => ({
      key,
      registration: registration(any, { publicJwk: publicJwk(), ...part }),
    })
    const { answers, error } = await lives.registerAll([
      bad('taken', { publicJwk: taken }),
      bad('unknown', { blueprint: 'nothing-such' }),
      bad('model', { model: { provider: 'acme', name: 'huge', version: '1', digest: 'a'.repeat(64) } }),
      bad('long', { lifetimeSeconds: 86_401n }),
      ...good,
    ])
    expect(error).toBeUndefined()
    const outcomes = Object.fromEntries(
      answers.map(({ key, outcome }) => [key, outcome?.$case === 'refused' ? outcome.value.reason : outcome?.$case]),
    )
    expect(outcomes).toEqual({
      taken: 'key_taken',
      unknown: 'blueprint_not_found',
      model: 'invalid_field',
      long: 'invalid_field',
      'good-0': 'registered',
    })
  })

  it('ends at a message that is malformed, with the field named, after telling what was done before it', async () => {
    const [before, after] = many(2, 'cut')
    const broken = { key: 'broken', registration: registration(any, { publicJwk: publicJwk(), purpose: '' }) }
    const { answers, error } = await lives.registerAll([before as never, broken, after as never])
    expect(answers.map(({ key, outcome }) => [key, outcome?.$case])).toEqual([['cut-0', 'registered']])
    expect(error).toMatchObject({ status: 'invalid_argument', violations: [{ field: 'registration.purpose' }] })
    expect(await listAll('cut', 10)).toHaveLength(1)

    const none = await lives.registerAll([{ key: 'none', registration: undefined }])
    expect(none.error).toMatchObject({ status: 'invalid_argument', violations: [{ field: 'registration' }] })
    const unnamed = await lives.registerAll([{ ...(many(1, 'unnamed')[0] as RegisterAgentsRequest), key: '' }])
    expect(unnamed.error).toMatchObject({ status: 'invalid_argument', violations: [{ field: 'key' }] })
  })
})

describe('the key of an agent', () => {
  it('is bound once: of two replicas that are asked at the same time, one registers, and the record has one agent', async () => {
    const { platform, running } = await lives.replica()
    const keys = await Promise.all(Array.from({ length: 20 }, () => newKey()))
    for (const key of keys) {
      const calls = [house.platform, platform, house.platform, platform].map((one) =>
        one.registerAgent(registration(key)).then(
          () => 'registered',
          ({ status, reason }) => `${status} ${reason}`,
        ),
      )
      expect((await Promise.all(calls)).sort()).toEqual([
        'already_exists key_taken',
        'already_exists key_taken',
        'already_exists key_taken',
        'registered',
      ])
    }
    const thumbprints = new Set(keys.map(({ thumbprint }) => thumbprint))
    const registered = await lives.recorded('credence.identity.agent.registered.v1')
    expect(registered.filter(({ data }) => thumbprints.has(String(data.key_thumbprint)))).toHaveLength(20)
    await running.stop()
  })

  it('is not used up by a registration that is refused', async () => {
    const key = await newKey()
    const refused = await refusalOf(house.platform.registerAgent(registration(key, { lifetimeSeconds: 86_401n })))
    expect(refused).toMatchObject({ reason: 'invalid_field', field: 'lifetime_seconds' })
    expect((await house.platform.registerAgent(registration(key))).agent?.keyThumbprint).toBe(key.thumbprint)
  })

  it('has one spelling, is a point of its curve, and has no private part', async () => {
    const key = await newKey()
    const { x = '', y = '', ...rest } = key.publicJwk as { x?: string; y?: string }
    // The last digit carries two bits that are not part of the value.
    const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const other = digits[digits.indexOf(x.slice(-1)) ^ 1]
    const strange = [
      { ...rest, x: `${x.slice(0, -1)}${other}`, y },
      { ...rest, x: `${x}=`, y },
      { ...rest, x, y: x },
      { ...rest, x: x.slice(0, 20), y },
      { ...rest, x, y, d: x },
      { ...rest, x, y, use: 'sig' },
      { kty: 'RSA', n: x, e: 'AQAB' },
      { kty: 'oct', k: x },
    ]
    for (const jwk of strange) {
      const request = registration(key, { publicJwk: JSON.stringify(jwk) })
      expect(await refusalOf(house.platform.registerAgent(request)), JSON.stringify(jwk)).toMatchObject({
        status: 'invalid_argument',
        field: 'public_jwk',
      })
    }
    expect(await calculateJwkThumbprint(key.publicJwk)).toBe(key.thumbprint)
  })
})
