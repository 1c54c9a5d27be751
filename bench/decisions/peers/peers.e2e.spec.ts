/** The peers themselves answer as Cedar does, so that what is compared is the same work. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openAuthority } from '@credence/infra/dev/pki'
import { Agent, request } from 'undici'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { companyOf } from '../company.ts'
import { type AskedWith, requestsOf } from '../requests.ts'
import { answerer } from '../rules/rule.ts'
import type { Target } from '../target.ts'
import { compare, press, writeRequests, wrkMissing } from '../wrk.ts'
import { startCerbos } from './cerbos.ts'
import { startOpa } from './opa.ts'
import { cerbosTool, opaTool } from './tools.ts'

const PEERS = [
  { tool: cerbosTool(), start: startCerbos },
  { tool: opaTool(), start: startOpa },
]
const company = companyOf({ policies: 1_000, agents: 400, grants: 4_000 })
const answer = answerer(company.rules)
const folder = mkdtempSync(join(tmpdir(), 'credence-peers-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Requests as they come, and odd ones. */
const sample: AskedWith[] = requestsOf(company).flatMap((asked, index) => {
  if (index % 8 > 0) return []
  const odd: Partial<AskedWith>[] = [
    { attestationStatus: 'none' },
    { blueprint: 'unknown' },
    { resourceType: 'Unknown' },
    { location: 'https://elsewhere.example' },
    { sensitivity: 'restricted', trusted: false },
  ]
  return [asked, { ...asked, ...odd[(index / 8) % odd.length] }]
})

for (const { tool, start } of PEERS)
  describe.skipIf(tool.missing)(
    `${tool.name} ${tool.version}${tool.missing ? ` (skipped: ${tool.missing})` : ''}`,
    () => {
      let target: Target
      let dispatcher: Agent

      beforeAll(async () => {
        const tls = await (await openAuthority(join(folder, 'pki'), 'bench.example')).issue(
          'peer',
          'spiffe://bench.example/peer',
        )
        target = await start(company.rules, {
          name: tool.name,
          program: tool.path,
          folder: join(folder, tool.name),
          tls,
          record: true,
        })
        dispatcher = new Agent({ connect: { ca: readFileSync(tls.caFile) } })
      })
      afterAll(async () => {
        await dispatcher.close()
        await target.stop()
      })

      it('answers like the rules', async () => {
        for (const asked of sample) {
          const { statusCode, body } = await request(target.url, {
            method: 'POST',
            dispatcher,
            headers: { 'content-type': 'application/json' },
            body: target.body(asked),
          })
          const text = await body.text()
          expect([statusCode, asked, text.includes(target.allowed)]).toEqual([200, asked, answer(asked)])
        }
      })

      it.skipIf(wrkMissing())(
        `wrk finds wrong answers${wrkMissing() ? ` (skipped: ${wrkMissing()})` : ''}`,
        async () => {
          const right = join(folder, 'right')
          const wrong = join(folder, 'wrong')
          writeRequests(right, target, sample, answer)
          expect(await compare(target, right, 1)).toMatchObject({ wrong: 0, failed: 0 })
          expect(await press(target, right, 1)).toMatchObject({ wrong: 0, failed: 0 })
          writeRequests(wrong, target, sample, () => true)
          expect((await compare(target, wrong, 1)).wrong).toBeGreaterThan(10)
          expect((await press(target, wrong, 1)).wrong).toBeGreaterThan(10)
          writeRequests(wrong, { ...target, url: `${target.url}/nothing/there` }, sample, answer)
          const lost = await compare(target, wrong, 1)
          expect(lost.failed + lost.wrong).toBeGreaterThan(10)
        },
      )
    },
  )
