import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hasSchemathesis, runSchemathesis } from '../../../../../infra/testing/schemathesis/run.ts'
import { type AuthzenHouse, openAuthzenHouse } from '../../testing/authzen-house.ts'

const SECONDS = 45

describe.skipIf(!hasSchemathesis())('schemathesis, where it is installed', () => {
  let house: AuthzenHouse
  beforeAll(async () => {
    house = await openAuthzenHouse()
  })
  afterAll(() => house?.close())

  it('finds no answer that the published document does not describe, and none of a server that failed', async () => {
    const { stack } = house
    const files = await stack.workload('enforcement-point/calendar')
    const { code, text } = await runSchemathesis(`${stack.decisionPoint}/openapi.json`, files, stack.folder, [
      '--max-examples=60',
      `--max-time=${SECONDS}`,
      '--generation-database=none',
      '--request-timeout=5',
      '--no-shrink',
      '--continue-on-failure',
    ])
    expect(code, text).toBe(0)
    expect(text).toMatch(/\d+ generated, \d+ passed/)
  }, 120_000)
})
