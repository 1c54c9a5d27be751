import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Company, openCompany } from '../dev/company.ts'
import { type Stack, startStack } from '../dev/stack.ts'
import { tellStory } from '../dev/story/story.ts'

let stack: Stack
let company: Company
let folder: string
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
    await tellStory(stack, company, (line) => lines.push(line))
    const text = lines.join('\n')
    for (const chapter of ['1. ', '2. ', '3. ', '4. ', '5. ', '6. ', '7. ', '8. '])
      expect(text).toContain(`\n${chapter}`)
    for (const outcome of [
      'outside_grant',
      'policy_forbids',
      'contraindicated',
      'grant_ended',
      'agent_suspended',
      'delegator_held',
      'agent_revoked',
      'verifies, offline',
    ])
      expect(text).toContain(outcome)
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
