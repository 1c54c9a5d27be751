/** People in the erasable directory: placed, forgotten, and met again as somebody new. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CEILING, type House, openHouse } from '../../testing/house.ts'
import { type Lives, livesOf, refusalOf, until } from '../../testing/lives.ts'

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

const because = { reason: 'test' }
const nameOf = async (humanId: string) => (await house.security.describeHuman({ humanId })).displayName
const granting = (agentId: string) => ({
  agentId,
  authorizationDetails: CEILING,
  purpose: 'Mine',
  lifetimeSeconds: 600n,
  maximumDepth: 0,
  notBefore: [],
  narrow: false,
})

describe('a person is placed', () => {
  it('under one pseudonym, with the name in the directory only', async () => {
    const place = { displayName: 'Ada Lovelace', groups: ['engineering', 'engineering', 'analysts'] }
    const human = await lives.place('ada', place)
    expect(await lives.place('ada', place)).toBe(human)
    expect(await nameOf(human)).toBe('Ada Lovelace')
    await lives.place('ada', { displayName: 'Ada King' })
    expect(await nameOf(human)).toBe('Ada King')
    const placed = (await lives.recorded('credence.identity.human.placed.v1')).filter(
      ({ data }) => data.human === human,
    )
    expect(placed.map(({ data }) => data.groups)).toEqual([['analysts', 'engineering'], []])
    expect(JSON.stringify(await house.read('IDENTITY'))).not.toMatch(/Ada|Lovelace/)
  })

  it('before they ever signed in: the name comes with them', async () => {
    await lives.place('worker', { managerSubject: 'manager' })
    const manager = await lives.place('manager')
    expect(await nameOf(manager)).toBe('')
    const person = await house.person({ subject: 'manager', name: 'Mona' })
    const own = { humanId: '', agentId: '', liveOnly: false, pageSize: 0, pageToken: '' }
    expect((await person.listDelegations(own)).delegations).toEqual([])
    expect(await nameOf(manager)).toBe('Mona')
  })

  it('below another person, never below themselves', async () => {
    expect(await refusalOf(lives.place('ben', { managerSubject: 'ben' }))).toMatchObject({ field: 'manager_subject' })
    expect(await refusalOf(lives.place('ben', { groups: ['a\u202eb'] }))).toMatchObject({ field: 'groups.0' })
  })
})

describe('a person is forgotten', () => {
  it('once they have left: no name, no way back to it; who signs in again is somebody new; what was recorded stays as it was', async () => {
    const subject = 'carla'
    const carla = await house.person({ subject, name: 'Carla Example' })
    const worker = await house.worker()
    const { delegation } = await carla.grantDelegation(granting(worker.agentId))
    const human = delegation?.human ?? ''
    expect(await nameOf(human)).toBe('Carla Example')
    expect(await refusalOf(house.platform.forgetHuman({ humanId: human }))).toMatchObject({
      status: 'failed_precondition',
      reason: 'human_active',
    })
    await house.platform.deactivateHuman({ humanId: human, ...because })
    const before = await house.read('IDENTITY')

    const { position } = await house.platform.forgetHuman({ humanId: human })
    expect(position).toBe(`IDENTITY:${before.length + 1}`)
    expect(await nameOf(human)).toBe('')
    // Again, it changes nothing.
    expect((await house.platform.forgetHuman({ humanId: human })).position).toBe(position)
    expect((await house.read('IDENTITY')).slice(0, before.length)).toEqual(before)
    expect(await refusalOf(house.platform.reactivateHuman({ humanId: human, ...because }))).toMatchObject({
      reason: 'human_forgotten',
    })

    const anew = await carla.grantDelegation(granting(worker.agentId))
    expect(anew.delegation?.human).toMatch(/^hum_/)
    expect(anew.delegation?.human).not.toBe(human)
    expect(await nameOf(anew.delegation?.human ?? '')).toBe('Carla Example')
    expect(await nameOf(human)).toBe('')
    const shown = await house.security.getDelegation({ delegationId: delegation?.id ?? '', notBefore: [] })
    expect(shown.delegation).toMatchObject({ human, end: 'human_deactivated' })
  })

  it('by every replica, also one that had met them', async () => {
    const { platform, running } = await lives.replica()
    const place = {
      issuer: house.stack.idpIssuer,
      subject: 'dirk',
      displayName: 'Dirk',
      managerSubject: '',
      groups: [],
    }
    const { humanId } = await platform.placeHuman(place)
    expect((await house.platform.placeHuman(place)).humanId).toBe(humanId)
    await house.platform.deactivateHuman({ humanId, ...because })
    await house.platform.forgetHuman({ humanId })
    const again = await until(
      () => platform.placeHuman(place),
      (answer) => answer.humanId !== humanId,
    )
    expect(again.humanId).not.toBe(humanId)
    expect((await house.platform.placeHuman(place)).humanId).toBe(again.humanId)
    await running.stop()
  })

  it('nobody is left in the store who could be read back', async () => {
    const human = await lives.place('erik', { displayName: 'Erik Secret' })
    await house.platform.deactivateHuman({ humanId: human, ...because })
    await house.platform.forgetHuman({ humanId: human })
    const bus = await house.bus('identity')
    const kept: string[] = []
    const { state } = await bus.jsm.streams.info('KV_identity_directory')
    for (let sequence = state.first_seq; sequence <= state.last_seq; sequence++) {
      const message = await bus.jsm.streams
        .getMessage('KV_identity_directory', { seq: sequence })
        .catch(() => undefined)
      if (message) kept.push(`${message.subject} ${message.string()}`)
    }
    expect(kept.length).toBeGreaterThan(0)
    expect(kept.filter((text) => /erik|Erik/.test(text))).toEqual([])
  })
})
