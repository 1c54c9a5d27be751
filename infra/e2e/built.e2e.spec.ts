/** The services as they are deployed: built, and run by plain Node without any flag of ours. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { openCompany } from '../dev/company.ts'
import { type Stack, startStack } from '../dev/stack.ts'
import { tellStory } from '../dev/story/story.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
let stack: Stack
let folder: string

beforeAll(async () => {
  const bootstrap = join(ROOT, 'infra/dev/bootstrap.mjs')
  execFileSync(process.execPath, [bootstrap, 'build'], {
    cwd: ROOT,
    stdio: 'pipe',
    env: { ...process.env, NODE_OPTIONS: '' },
  })
  folder = mkdtempSync(join(tmpdir(), 'credence-built-'))
  stack = await startStack({ folder, from: 'dist' })
}, 120_000)
afterAll(async () => {
  await stack?.stop()
  rmSync(folder, { recursive: true, force: true })
})

describe('the built services', () => {
  it('tell the same story', { timeout: 60_000 }, async () => {
    await tellStory(stack, await openCompany(stack), () => undefined)
  })
})
