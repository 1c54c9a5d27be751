import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Company, openCompany } from '../dev/company.ts'
import { type Stack, startStack } from '../dev/stack.ts'
import { type Told, tellStory } from '../dev/story/story.ts'
import { credence } from '../testing/credence.ts'

let stack: Stack
let company: Company
let folder: string
let told: Told
const lines: string[] = []

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'credence-story-'))
  stack = await startStack({ folder })
  company = await openCompany(stack)
})
afterAll(async () => {
  await stack?.stop()
  rmSync(folder, { recursive: true, force: true })
})

describe('the story', () => {
  it('comes out as told', { timeout: 60_000 }, async () => {
    told = await tellStory(stack, company, (line) => lines.push(line))
    const text = lines.join('\n')
    for (const chapter of ['1. ', '2. ', '3. ', '4. ', '5. ', '6. ', '7. ', '8. ', '9. '])
      expect(text).toContain(`\n${chapter}`)
    for (const outcome of [
      'outside_grant',
      'policy_forbids',
      'approval_required',
      'every one agrees',
      'in report-only decided',
      'model-signing/file_changed',
      'agent-manifest/prompt_changed',
      'grant_ended',
      'agent_suspended',
      'delegator_held',
      'agent_revoked',
      'verifies, offline',
    ])
      expect(text).toContain(outcome)
  })

  it('leaves decisions that the command line makes again, and grants that it lists', { timeout: 60_000 }, async () => {
    const profile = join(folder, 'profile.json')
    const again = await credence(profile, 'decision', 'replay', told.decisionId)
    expect(again.out).toContain('comes out the same again')
    expect(again.code).toBe(0)
    const other = await credence(
      profile,
      'decision',
      'replay',
      told.decisionId.replace(/.$/, (last) => (last === '0' ? '1' : '0')),
    )
    expect(other.code).not.toBe(0)
    const grants = await credence(profile, 'grant', 'list', '--all', '--agent', told.agentId)
    expect(grants.out).toMatch(/grt_\w+ {2}agt_\w+ {2}task_completed/)
    expect(grants.out).toContain('calendar.book calendar.cancel calendar.read on CalendarEvent::*')
  })

  it('can be told again in the same house', { timeout: 60_000 }, async () => {
    await tellStory(stack, company, () => undefined)
  })

  it('leaves no password, token or name in any log of a service', () => {
    const passwords = Object.values(
      JSON.parse(readFileSync(join(folder, 'passwords.json'), 'utf8')) as Record<string, string>,
    )
    const secrets = [...passwords, 'Cora', 'Milan', 'eyJ', 'cedar.example', 'BEGIN']
    for (const name of readdirSync(join(folder, 'logs'))) {
      const log = readFileSync(join(folder, 'logs', name), 'utf8')
      for (const secret of secrets) expect(log.includes(secret), `${name} holds ${secret.slice(0, 3)}…`).toBe(false)
    }
  })
})
