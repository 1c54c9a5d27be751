/** Time from registering an agent to its first allowed call: register → attest → delegate → task → token → call. */
import { openHouse, putToWork } from '@credence/infra/dev/house'
import { percentile, printReport, rounded } from './report.ts'

const MEETING = {
  title: 'Bench',
  start: '2026-12-01T10:00:00Z',
  end: '2026-12-01T10:30:00Z',
  attendees: ['a@bench.example'],
}

export async function benchStory(quick: boolean): Promise<void> {
  const runs = quick ? 20 : 200
  const house = await openHouse()
  const whole: number[] = []
  const call: number[] = []
  try {
    for (let run = 0; run < runs + 2; run++) {
      const began = performance.now()
      const { agent, task } = await putToWork(house)
      const token = await agent.tokenFor(task, house.company.calendar)
      const first = await agent.call(token, 'POST', `${house.company.calendar}/events`, MEETING)
      const done = performance.now()
      if (first.status !== 201) throw new Error(`the first call was answered ${first.status}`)
      const again = performance.now()
      await agent.call(token, 'POST', `${house.company.calendar}/events`, MEETING)
      // The first two warm up.
      if (run >= 2) {
        whole.push(done - began)
        call.push(performance.now() - again)
      }
      await agent.close()
    }
  } finally {
    await house.close()
  }
  printReport({
    name: 'story',
    method: [
      `${runs} agents one after another, each with a new key and new connections; all processes on this machine, NATS with one server`,
      'every step over TLS, recorded in JetStream before it is answered; compared with one more call on the same token',
    ],
    rows: [
      ['register → … → first allowed call, p50', `${rounded(percentile(whole, 0.5))} ms`],
      ['register → … → first allowed call, p99', `${rounded(percentile(whole, 0.99))} ms`],
      ['one more allowed call, p50', `${rounded(percentile(call, 0.5))} ms`],
      ['ratio', `${rounded(percentile(whole, 0.5) / percentile(call, 0.5))} ×`],
    ],
    figures: {
      first_allow_ms_p50: rounded(percentile(whole, 0.5)),
      first_allow_ms_p99: rounded(percentile(whole, 0.99)),
      next_call_ms_p50: rounded(percentile(call, 0.5)),
    },
  })
}
