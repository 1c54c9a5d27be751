/** From a delegation to an act at a resource in two requests: the exchange that opens the task (RFC 8693), and the act. */
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AtWork, type House, openHouse, putToWork } from '../dev/house.ts'

let house: House
let work: AtWork
let calendar: string

beforeAll(async () => {
  house = await openHouse()
  work = await putToWork(house)
  calendar = house.company.calendar
})
afterAll(async () => {
  await work?.agent.close()
  await house?.close()
})

/** A call that is let through comes to the resource, which has no such event. */
const EVENT = '/events/evn_1'
const isLetThrough = (response: Response) => response.status === 404 && response.headers.has('credence-decision')
const codeOf = async (response: Response) => ((await response.json()) as { code?: string }).code

describe('one request for a token', () => {
  it('begins a task, acts under its grant, and ends with it', async () => {
    const { agent, task } = work
    const begun = await agent.begin({ subject: task.delegation, resource: calendar, purpose: 'Read the calendar' })
    expect(begun.granted.length).toBeGreaterThan(0)
    expect(begun.dropped).toEqual([])
    expect(decodeJwt(begun.token.value)).toMatchObject({
      task_id: begun.taskId,
      grant_id: begun.grantId,
      aud: calendar,
    })
    expect(begun.taskId).not.toBe(task.taskId)
    expect(isLetThrough(await agent.call(begun.token, 'GET', calendar + EVENT))).toBe(true)
    await agent.completeTask(begun, 'succeeded')
    const after = await agent.call(begun.token, 'GET', calendar + EVENT)
    expect([after.status, await codeOf(after)]).toEqual([401, 'grant_ended'])
  })

  it('revoke-reaches-issued-tokens: RFC 7009 §2.1, a token that was given back is refused at the resource from the next call on', async () => {
    const { agent, task } = work
    const [one, other] = [await agent.tokenFor(task, calendar), await agent.tokenFor(task, calendar)]
    expect(isLetThrough(await agent.call(one, 'GET', calendar + EVENT))).toBe(true)
    await agent.giveBack(one.value)
    const after = await agent.call(one, 'GET', calendar + EVENT)
    expect([after.status, await codeOf(after)]).toEqual([401, 'token_revoked'])
    expect(isLetThrough(await agent.call(other, 'GET', calendar + EVENT))).toBe(true)
  })
})
