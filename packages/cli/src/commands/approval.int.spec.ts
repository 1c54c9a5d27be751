/** The command line itself, as people use it, and an agent that waits with the SDK, on a real policy service. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createApprovals } from '@credence/sdk/agent/approvals'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { credence as runCredence } from '../../../../infra/testing/credence.ts'
import { type AtWork, holdBack } from '../../../../services/policy/src/testing/held-back.ts'
import { openPeopleHouse, type PeopleHouse } from '../../../../services/policy/src/testing/people.ts'

const NOTHING = '127.0.0.1:1'

let house: PeopleHouse
let held: Awaited<ReturnType<typeof holdBack>>
let worker: AtWork

beforeAll(async () => {
  house = await openPeopleHouse()
  held = await holdBack(house)
  const { stack } = house
  const services = { identity: NOTHING, attestation: NOTHING, audit: NOTHING }
  const profile = {
    trust_domain: stack.trustDomain,
    ca_file: stack.authority.caFile,
    services: { ...services, policy: `localhost:${stack.ports.policyPublic}` },
    identity_provider: { issuer: stack.idpIssuer, client_id: 'credence-cli', audience: stack.apiAudience },
  }
  writeFileSync(join(stack.folder, 'profile.json'), JSON.stringify(profile))
  mkdirSync(join(stack.folder, 'sessions'), { recursive: true })
  const expires_at = new Date(Date.now() + 3_600_000).toISOString()
  for (const [session, group] of [
    ['approver', 'credence-approvers'],
    ['security', 'credence-security'],
    ['stranger', 'credence-auditor'],
  ] as const) {
    const { token } = await house.person(session, group)
    writeFileSync(
      join(stack.folder, 'sessions', `${session}.json`),
      JSON.stringify({ access_token: token, expires_at }),
    )
  }
  const cora = await house.person('cora')
  worker = await held.atWork(cora.human)
}, 120_000)
afterAll(() => house?.close(), 60_000)

const credence = (...args: string[]) => runCredence(join(house.stack.folder, 'profile.json'), ...args)
const agent = () => createApprovals({ policy: worker.client })

describe('credence approval', () => {
  it('lists, shows and approves, and the agent that waits goes on', async () => {
    const asked = await agent().requestApproval(await held.decided(worker), 'As you asked')
    expect(asked).toMatchObject({ state: 'pending' })
    const waiting = agent().awaitApproval(asked.approvalId)
    const { out: list } = await credence('approval', 'list')
    expect(list).toMatch(new RegExp(`${asked.approvalId}  pending   calendar.book CalendarEvent::2026/11  420.00 EUR`))
    const { out: shown } = await credence('approval', 'show', asked.approvalId)
    for (const part of [
      worker.agent,
      worker.delegation.human,
      'pending, 0 of 1 (approver)',
      'CalendarEvent::2026/11 (confidential)',
      '420.00 EUR',
      '{"room":"Zephyr","seats":7}',
      'because of rooms-are-approved',
      'The agent says (not checked):\n  task    Book a room\n  reason  As you asked',
    ])
      expect(shown).toContain(part)
    const { out, code } = await credence('approval', 'approve', asked.approvalId, '--comment', 'Fine')
    expect([code, out]).toEqual([0, expect.stringMatching(/Approved at POLICY:\d+; it is approved\.\n$/)])
    expect(await waiting).toMatchObject({ approvalId: asked.approvalId, state: 'approved' })
    expect(JSON.parse((await credence('approval', 'show', asked.approvalId, '--json')).out)).toMatchObject({
      state: 'APPROVAL_STATE_APPROVED',
    })
  })

  it('refuses, and the agent is told to stop', async () => {
    const { approvalId } = await agent().requestApproval(await held.decided(worker, { resource: 'CalendarEvent::7' }))
    const waiting = agent().awaitApproval(approvalId)
    waiting.catch(() => undefined)
    expect((await credence('approval', 'refuse', approvalId)).out).toContain('Refused at')
    await expect(waiting).rejects.toMatchObject({ status: 'permission_denied', reason: 'refused' })
    const again = await credence('approval', 'approve', approvalId)
    expect([again.code, again.error]).toEqual([1, 'It was refused. (approval_refused)\n'])
  })

  it('writes out what could move the cursor or turn a line around', async () => {
    const told = { arguments: '{"room":"\u202emoor\u009b2J"}' }
    const part = { resource: 'CalendarEvent::8', told }
    const { approvalId } = await agent().requestApproval(await held.decided(worker, part))
    const { out } = await credence('approval', 'show', approvalId)
    expect(out).toContain('{"room":"\\u{202e}moor\\u{9b}2J"}')
  })

  it('says no to who may not, with an exit code of its own', async () => {
    const { approvalId } = await agent().requestApproval(await held.decided(worker, { resource: 'CalendarEvent::9' }))
    for (const command of ['show', 'approve', 'refuse']) {
      const { error, code } = await credence('--session', 'stranger', 'approval', command, approvalId)
      expect([code, error]).toEqual([3, expect.stringContaining('not_your_approval')])
    }
    expect((await credence('--session', 'stranger', 'approval', 'list', '--all')).out).toBe('')
  })
})

describe('credence risk', () => {
  it('raises, shows and clears', async () => {
    const about = ['--code', 'unusual_hours', '--level', 'high', '--because', 'Three in the morning']
    expect((await credence('risk', 'raise', worker.agent, ...about)).out).toMatch(
      /The risk of agt_\w+ is high at POLICY:/,
    )
    const { out } = await credence('risk', 'show', worker.agent)
    expect(out).toMatch(/^high\n {2}unusual_hours {2}high since 20.*, one less each 86400 s {2}hum_\w+ {2}Three in the/)
    expect((await credence('risk', 'clear', worker.agent, '--code', 'unusual_hours')).out).toContain(
      'Cleared at POLICY:',
    )
    expect((await credence('risk', 'show', worker.agent)).out).toBe('none\n')
    const wrong = await credence('risk', 'raise', worker.agent, ...about.with(3, 'huge'))
    expect([wrong.code, wrong.error]).toEqual([2, '--level must be one of low, medium, high, critical.\n'])
  })
})
