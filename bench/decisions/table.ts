/** The table of `bench decisions`, and its figures. */
import { printReport, rounded } from '../report.ts'
import type { Timing } from './measure.ts'
import { CONNECTIONS, type Measured, THREADS } from './wrk.ts'

export type Found = Measured & { name: string; policies: number }
/** `load`: of the machine before the bench began, so of others. */
export type Conditions = { requests: number; agents: number; load: number; timing: Timing; notes: string[] }

export const OWN = 'Credence, TLS, recorded'
/** What ratios are to: a peer as it is fastest over the same transport. */
const COMPARED = 'TLS, no log'
const POLICIES = 1_000

export function printTable(found: readonly Found[], { requests, agents, load, timing, notes }: Conditions): void {
  const own = (policies: number) => found.find((one) => one.name === OWN && one.policies === policies)
  const peer = (name: string) =>
    found.find((one) => one.policies === POLICIES && one.name.startsWith(name) && one.name.endsWith(COMPARED))
  const [credence, cerbos, opa] = [own(POLICIES), peer('Cerbos'), peer('OPA')]
  const missing =
    credence || found.length === 0 ? [] : ['Credence has no AuthZEN endpoint here yet: only the peers were measured']
  printReport({
    name: 'decisions',
    method: [
      `wrk, ${THREADS} threads, ${CONNECTIONS} connections, ${timing.rounds} × ${timing.seconds} s for each server by turns, after ${timing.compareSeconds} s of comparing answers one by one and ${timing.warmUpSeconds} s of warming up`,
      `servers and wrk share this machine’s cores; its load before was ${rounded(load)}`,
      `${requests} distinct requests of ${agents} agents; the same rules in Cedar, Cerbos policies and Rego. One rule can concern every request, nine those of one application`,
      `peers are told the attributes of the agent with each request; ratios are to the peer with ${POLICIES} policies, ${COMPARED}`,
      ...missing,
      ...notes,
    ],
    rows: found.map((one): [string, string] => [`${one.policies} policies: ${one.name}`, show(one)]),
    figures: {
      http_per_s: Math.round(credence?.perSecond ?? Number.NaN),
      ratio_vs_cerbos: ratio(credence?.perSecond, cerbos?.perSecond),
      p99_ratio_vs_cerbos: ratio(credence?.p99, cerbos?.p99),
      ratio_vs_opa: ratio(credence?.perSecond, opa?.perSecond),
      // CheckStream, and the engine alone, are measured elsewhere.
      stream_per_s: Number.NaN,
      policies_10000_vs_10: ratio(own(10_000)?.perSecond, own(10)?.perSecond),
      engine_p50_us: Number.NaN,
      oracle_disagreements: Number.NaN,
    },
  })
}

const ratio = (one: number | undefined, other: number | undefined): number =>
  rounded((one ?? Number.NaN) / (other ?? Number.NaN), 2)

function show({ perSecond, p50, p99, processorUs, failed, wrong, compared }: Measured): string {
  const speed = `${Math.round(perSecond)} /s   p50 ${rounded(p50, 2)} ms   p99 ${rounded(p99, 2)} ms`
  const mistakes = failed + wrong > 0 ? `   ${failed} FAILED, ${wrong} WRONG` : ''
  return `${speed}   processor ${Math.round(processorUs)} µs each   ${compared} compared${mistakes}`
}
