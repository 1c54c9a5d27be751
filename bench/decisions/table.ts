/** The table of `bench decisions`, and its figures. */
import type { EngineMeasured } from '../engine.ts'
import { printReport, rounded } from '../report.ts'
import { type GrpcMeasured, IN_FLIGHT_EACH, STREAMS, UNARY_IN_FLIGHT } from './grpc.ts'
import type { Timing, Whole } from './measure.ts'
import type { Replays } from './replay.ts'
import { CONNECTIONS, type Measured, THREADS } from './wrk.ts'

export type Found = Whole & { name: string; policies: number }
/** `load`: of the machine before the bench began, so of others. */
export type Conditions = {
  own: Own | undefined
  engine: EngineMeasured
  requests: number
  agents: number
  load: number
  timing: Timing
  notes: string[]
}
/** What of us only is measured. */
export type Own = { unary: GrpcMeasured; stream: GrpcMeasured; replays: Replays }

export const OWN = 'Credence, TLS, recorded'
/** What ratios are to: a peer as it is fastest over the same transport. */
const COMPARED = 'TLS, no log'
const POLICIES = 1_000

export function printTable(found: readonly Found[], conditions: Conditions): void {
  const { own, engine, requests, agents, load, timing, notes } = conditions
  const ours = (policies: number) => found.find((one) => one.name === OWN && one.policies === policies)
  const peer = (name: string) =>
    found.find((one) => one.policies === POLICIES && one.name.startsWith(name) && one.name.endsWith(COMPARED))
  const [credence, cerbos, opa] = [ours(POLICIES), peer('Cerbos'), peer('OPA')]
  printReport({
    name: 'decisions',
    method: [
      `wrk, ${THREADS} threads, ${CONNECTIONS} connections, ${timing.rounds} × ${timing.seconds} s for each server by turns, after ${timing.compareSeconds} s of comparing answers one by one and ${timing.warmUpSeconds} s of warming up`,
      `servers and wrk share this machine’s cores; its load before was ${rounded(load)}`,
      `${requests} distinct requests of ${agents} agents; the same rules in Cedar, Cerbos policies and Rego. One rule can concern every request, nine those of one application`,
      'the first decision about a grant also keeps the snapshot from which it can be recomputed: shown apart, the others after about each grant was used',
      `peers are told the attributes of the agent with each request; ratios are to the peer with ${POLICIES} policies, ${COMPARED}`,
      `gRPC: ${POLICIES} policies, mTLS, one connection of one process in Node: ${UNARY_IN_FLIGHT} calls in flight, or ${STREAMS} streams with ${IN_FLIGHT_EACH} questions in flight each`,
      'replay: of what was recorded in the run, each from its record, the snapshot that it names and the policies, as one is replayed; snapshots read before',
      ...notes,
    ],
    rows: [
      ...found.flatMap((one): [string, string][] => [
        ...(one.first
          ? [
              [`${one.policies} policies: ${one.name}, grants used for the first time`, show(one.first)] as [
                string,
                string,
              ],
            ]
          : []),
        [`${one.policies} policies: ${one.name}`, show(one)],
      ]),
      ...(own ? rowsOf(own) : []),
      ...engine.rows,
    ],
    figures: {
      http_per_s: Math.round(credence?.perSecond ?? Number.NaN),
      ratio_vs_cerbos: ratio(credence?.perSecond, cerbos?.perSecond),
      p99_ratio_vs_cerbos: ratio(credence?.p99, cerbos?.p99),
      ratio_vs_opa: ratio(credence?.perSecond, opa?.perSecond),
      unary_per_s: Math.round(own?.unary.perSecond ?? Number.NaN),
      stream_per_s: Math.round(own?.stream.perSecond ?? Number.NaN),
      policies_10000_vs_10: ratio(ours(10_000)?.perSecond, ours(10)?.perSecond),
      engine_p50_us: engine.figures.engine_p50_us ?? Number.NaN,
      oracle_disagreements: engine.figures.oracle_disagreements ?? Number.NaN,
      replayed: own?.replays.replayed ?? Number.NaN,
      replay_disagreements: own?.replays.disagreements.length ?? Number.NaN,
      replay_per_s: Math.round(own?.replays.perSecond ?? Number.NaN),
    },
  })
  for (const one of own?.replays.disagreements.slice(0, 3) ?? []) process.stderr.write(`${one}\n`)
}

const rowsOf = ({ unary, stream, replays }: Own): [string, string][] => [
  [`${POLICIES} policies: Credence, gRPC Check`, show({ ...unary, failed: 0 })],
  [`${POLICIES} policies: Credence, gRPC CheckStream`, show({ ...stream, failed: 0 })],
  [
    `${POLICIES} policies: Credence, replay`,
    `${Math.round(replays.perSecond)} /s   ${replays.replayed} decisions, ${replays.allowed} of them allowed, ${replays.disagreements.length} disagreements`,
  ],
]

const ratio = (one: number | undefined, other: number | undefined): number =>
  rounded((one ?? Number.NaN) / (other ?? Number.NaN), 2)

function show({ perSecond, p50, p99, processorUs, failed, wrong, compared }: Measured): string {
  const speed = `${Math.round(perSecond)} /s   p50 ${rounded(p50, 2)} ms   p99 ${rounded(p99, 2)} ms`
  const mistakes = failed + wrong > 0 ? `   ${failed} FAILED, ${wrong} WRONG` : ''
  return `${speed}   processor ${Math.round(processorUs)} µs each   ${compared} compared${mistakes}`
}
