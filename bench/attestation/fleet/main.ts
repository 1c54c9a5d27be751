/** What part of a core a fleet costs that attests again every five minutes: at its own pace, on the real services. */
import { generateKeyPairSync, sign, verify } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { House } from '@credence/infra/dev/house'
import { SERVICE_NAMES } from '@credence/infra/dev/stack'
import { processorMs } from '../../processor.ts'
import { type Figures, percentile, rounded } from '../../report.ts'
import type { Section } from '../section.ts'
import { type Attest, openFleet } from './agents.ts'

const FLEET = 10_000
const EVERY_SECONDS = 300
const RATE = FLEET / EVERY_SECONDS
/** A service lets an agent attest 30 times a minute: few agents must not have to do more. */
type Size = { agents: number; seconds: number; idleSeconds: number }
const WHOLE: Size = { agents: 500, seconds: 90, idleSeconds: 15 }
const QUICK: Size = { agents: 50, seconds: 15, idleSeconds: 3 }
const MOST_IN_FLIGHT = 64
/** Of one attestation: the proof in each of two calls, the statement, the agent’s manifest, the model’s signature. */
const SIGNATURES = 5

type Used = Record<string, number>

export async function measureFleet(house: House, quick: boolean): Promise<Section> {
  const size = quick ? QUICK : WHOLE
  const fleet = await openFleet(house, size.agents)
  try {
    // What follows from the registrations has to come to its end first.
    await delay(size.idleSeconds * 1000)
    const idle = await over(house, async () => {
      await delay(size.idleSeconds * 1000)
      return size.idleSeconds
    })
    const samples: number[] = []
    const at = await over(house, async () => {
      await atPace(fleet.agents, size.seconds, samples)
      return samples.length
    })
    return section(size, { idle, at, samples, bareMs: bareMs() })
  } finally {
    await fleet.close()
  }
}

/** Processor time of each process while something is done, in milliseconds for each unit of what it returns. */
async function over(
  { stack }: House,
  work: () => Promise<number>,
): Promise<{ used: Used; per: number; seconds: number }> {
  const pids = [
    ...SERVICE_NAMES.map((name) => [name, stack.service(name).pid] as const),
    ['nats', stack.nats.process().pid] as const,
  ]
  const before = pids.map(([, pid]) => processorMs(pid))
  const began = performance.now()
  const per = await work()
  const seconds = (performance.now() - began) / 1000
  const used = Object.fromEntries(pids.map(([name, pid], index) => [name, processorMs(pid) - (before[index] ?? 0)]))
  return { used, per, seconds }
}

/** One after the other in turn, each begun at its time, whether or not the ones before have ended. */
async function atPace(agents: Attest[], seconds: number, samples: number[]): Promise<void> {
  const began = performance.now()
  const underWay = new Set<Promise<void>>()
  let failure: unknown
  for (let number = 0; number < seconds * RATE && !failure; number++) {
    const wait = began + (number * 1000) / RATE - performance.now()
    if (wait > 0) await delay(wait)
    if (underWay.size >= MOST_IN_FLIGHT) await Promise.race(underWay)
    const attest = agents[number % agents.length] as Attest
    const started = performance.now()
    const one = attest()
      .then(() => void samples.push(performance.now() - started))
      .catch((error) => {
        failure = error
      })
      .finally(() => underWay.delete(one))
    underWay.add(one)
  }
  await Promise.all(underWay)
  if (failure) throw failure
}

/** One ECDSA check on P-256, key ready. */
function bareMs(): number {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const data = Buffer.alloc(512, 7)
  const signature = sign('sha256', data, privateKey)
  const checks = 3_000
  const began = process.cpuUsage()
  for (let index = 0; index < checks; index++) verify('sha256', data, publicKey, signature)
  const { user, system } = process.cpuUsage(began)
  return (user + system) / 1000 / checks
}

function section(
  size: Size,
  found: {
    idle: { used: Used; seconds: number }
    at: { used: Used; per: number; seconds: number }
    samples: number[]
    bareMs: number
  },
): Section {
  const { idle, at, samples } = found
  const sum = (used: Used) => Object.values(used).reduce((total, one) => total + one, 0)
  const each = sum(at.used) / at.per
  const share = (ms: number) => (ms * RATE) / 1000
  const bare = found.bareMs * SIGNATURES
  const rows: Section['rows'] = Object.entries(at.used).map(([name, ms]) => [
    `fleet: ${name}`,
    `${rounded(ms / at.per, 2)} ms of a core for each attestation, ${rounded(share(ms / at.per) * 100)} % of a core for the fleet`,
  ])
  rows.push(
    ['fleet: all services and NATS', `${rounded(each, 2)} ms, ${rounded(share(each) * 100)} % of a core`],
    ['fleet: of that when nobody attests', `${rounded((sum(idle.used) / idle.seconds / 1000) * 100)} % of a core`],
    [
      `fleet: ${SIGNATURES} bare signature checks`,
      `${rounded(bare, 2)} ms, ${rounded(share(bare) * 100)} % of a core; the whole costs ${rounded(each / bare)} ×`,
    ],
    ['fleet: reached', `${rounded(at.per / at.seconds)} of ${rounded(RATE)} attestations a second`],
    [
      'one attestation, challenge to result',
      `p50 ${rounded(percentile(samples, 0.5))} ms, p99 ${rounded(percentile(samples, 0.99))} ms`,
    ],
  )
  const figures: Figures = { fleet_core_share: rounded(share(each), 3) }
  for (const [name, ms] of Object.entries(at.used)) figures[`fleet_${name}_core_share`] = rounded(share(ms / at.per), 3)
  return {
    method: [
      `fleet: ${FLEET} agents that attest every ${EVERY_SECONDS} s are ${rounded(RATE)} attestations a second: ${size.agents} agents at that pace for ${size.seconds} s over gRPC and TLS, connections kept`,
      'fleet: each by agent-manifest, model-signing and its statement; processor time of identity, policy, attestation, audit and nats-server (proc(5)) for each attestation × the rate, what they do anyway included',
    ],
    rows,
    figures: {
      ...figures,
      fleet_bare_core_share: rounded(share(bare), 3),
      fleet_idle_core_share: rounded(sum(idle.used) / idle.seconds / 1000, 3),
      attestation_p50_ms: rounded(percentile(samples, 0.5)),
      attestation_p99_ms: rounded(percentile(samples, 0.99)),
    },
  }
}
