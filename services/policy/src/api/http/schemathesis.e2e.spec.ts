import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hasSchemathesis, runSchemathesis } from '../../../../../infra/testing/schemathesis/run.ts'
import { type AuthzenHouse, openAuthzenHouse } from '../../testing/authzen-house.ts'

type Exchange = { request: { postData?: { text?: string } }; response: { status: number; content: { text?: string } } }

describe.skipIf(!hasSchemathesis())('schemathesis, where it is installed', () => {
  let house: AuthzenHouse
  beforeAll(async () => {
    house = await openAuthzenHouse()
  })
  afterAll(() => house?.close())

  it('finds no answer that the published document does not describe, and none of a server that failed', async () => {
    const { stack } = house
    const files = await stack.workload('enforcement-point/calendar')
    const report = join(stack.folder, 'schemathesis.har')
    const { code, text } = await runSchemathesis(`${stack.decisionPoint}/openapi.json`, files, stack.folder, [
      '--max-examples=12',
      '--generation-database=none',
      '--request-timeout=10',
      '--no-shrink',
      '--continue-on-failure',
      '--report=har',
      `--report-har-path=${report}`,
    ])
    expect(code, text).toBe(0)
    const { log } = JSON.parse(readFileSync(report, 'utf8')) as { log: { entries: Exchange[] } }
    const statuses = new Set(log.entries.map(({ response }) => response.status))
    for (const status of [200, 400, 404, 405]) expect(statuses).toContain(status)
    for (const { request, response } of log.entries.filter((one) => one.response.status >= 500)) {
      expect(response.status).toBe(503)
      expect(request.postData?.text).toContain('not_before')
    }
    expect(log.entries.length).toBeGreaterThan(500)
  }, 180_000)
})
