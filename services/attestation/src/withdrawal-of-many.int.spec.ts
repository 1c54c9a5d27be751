/** A reference value is withdrawn on which very many agents run. AGENTS=10000 for the figure in docs/attestation.md. */
import type { Fact } from '@credence/contracts/events/catalog'
import { newCommit } from '@credence/shared/event-store/commit'
import { followCommits } from '@credence/shared/event-store/follow'
import { createRecorder } from '@credence/shared/event-store/recorder'
import { newId } from '@credence/shared/ids'
import { createLog } from '@credence/shared/log'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as facts from '../../../infra/testing/facts.ts'
import { type House, openHouse } from './testing/house.ts'

const AGENTS = Number(process.env.AGENTS ?? 2_000)
const NAME = 'many'

let house: House
beforeAll(async () => {
  house = await openHouse()
})
afterAll(async () => house?.close())

describe('a reference value that is withdrawn', () => {
  it(`ends the results of ${AGENTS} agents, each once, on two replicas`, { timeout: 120_000 }, async () => {
    const { referenceId } = await house.blueprint(NAME)
    const bus = await house.bus('attestation')
    const recorder = createRecorder({ bus, stream: 'ATTESTATION', withinMs: 20_000 })
    const source = house.audience
    const expires_at = facts.hours(1, new Date())
    const settle = (count: number) =>
      Array.from({ length: count }, async () => {
        const result = facts.result({ blueprint: NAME, profile_version: 1, references: [referenceId], expires_at })
        const about = { actor: { kind: 'workload' as const, id: source }, source, now: new Date() }
        const commit = newCommit<Fact>([facts.recorded(result)], { ...about, subject: `challenge/${result.challenge}` })
        await recorder.record(`credence.attestation.challenge.${result.challenge}`, commit)
      })
    for (let left = AGENTS; left > 0; left -= 1_000) await Promise.all(settle(Math.min(left, 1_000)))
    await recorder.stop()
    await house.replica()

    const ended: string[] = []
    let last = 0
    const log = createLog('test', 'silent')
    const follower = await followCommits({ bus: await house.bus('audit'), log, stream: 'ATTESTATION' }, (commit) => {
      for (const { type, data } of commit.facts)
        if (type === 'credence.attestation.result.revoked.v1') {
          ended.push(data.agent)
          last = performance.now()
        }
    })
    await follower.caughtUp
    const began = performance.now()
    const { agents } = await house.security.withdrawReferenceValue({ referenceId, reason: newId('test') })
    const answered = performance.now() - began
    const deadline = began + 60_000
    while (ended.length < AGENTS && performance.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 20))
    const all = last - began
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    await follower.stop()
    process.stderr.write(
      `withdrawal: answered in ${answered.toFixed(0)} ms; ${AGENTS} results ended within ${all.toFixed(0)} ms\n`,
    )
    expect(agents).toBe(0)
    expect(ended).toHaveLength(AGENTS)
    expect(new Set(ended).size).toBe(AGENTS)
  })
})
