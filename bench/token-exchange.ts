/** Whole token exchanges a second, beside plain tokens of the same server; and what a hundred thousand agents cost. */
import { Worker } from 'node:worker_threads'
import { messageOf } from '@credence/shared/log'
import { appendsOnly, verifiesOnly } from './limits.ts'
import { type Load, summary } from './load.ts'
import { processorMs, residentMiB } from './processor.ts'
import { printReport, rounded } from './report.ts'
import type { Kind } from './token-load.ts'
import { asks, openPlace, orderOf, type Place } from './token-place.ts'

type Size = { few: number; many: number; clients: number; requests: number; rounds: number }
const WHOLE: Size = { few: 1_000, many: 100_000, clients: 256, requests: 3_000, rounds: 5 }
const QUICK: Size = { few: 100, many: 2_000, clients: 8, requests: 300, rounds: 2 }
const IN_FLIGHT = 32
/** About what one exchange records. */
const RECORD_BYTES = 1_200

type Case = { place: Place; kind: Kind }
/** With the processor time of the identity service for each request, in milliseconds. */
type Found = Load & { processor: number; unavailable: number }

/** Rounds of all cases by turns, so that what else happens on the machine hits all alike. */
async function measure(generator: Worker, cases: Case[], size: Size): Promise<Found[]> {
  const sums = cases.map((one) => ({ ...one, samples: [] as number[], milliseconds: 0, processor: 0, unavailable: 0 }))
  for (let round = 0; round <= size.rounds; round++)
    for (const sum of sums) {
      const { pid } = sum.place.stack.service('identity')
      const before = processorMs(pid)
      const { samples, milliseconds, unavailable } = await asks(generator, orderOf(sum.place, sum.kind, size.requests))
      // The first round warms up.
      if (round === 0) continue
      sum.samples.push(...samples)
      sum.milliseconds += milliseconds
      sum.processor += processorMs(pid) - before
      sum.unavailable += unavailable
    }
  return sums.map(({ samples, milliseconds, processor, unavailable }) => ({
    ...summary(samples, milliseconds),
    processor: processor / samples.length,
    unavailable,
  }))
}

const offers = (generator: Worker, place: Place, kind: Kind): Promise<string | undefined> =>
  asks(generator, orderOf(place, kind, 1)).then(
    ({ unavailable }) => (unavailable > 0 ? 'it is not available' : undefined),
    (error) => (error as Error).message,
  )

async function restart({ stack }: Place): Promise<{ seconds: number; rss: number }> {
  await stack.service('identity').stop()
  const began = performance.now()
  await stack.start('identity')
  const seconds = (performance.now() - began) / 1000
  return { seconds, rss: residentMiB(stack.service('identity').pid) }
}

export async function benchTokenExchange(quick: boolean): Promise<void> {
  const size = quick ? QUICK : WHOLE
  const generator = new Worker(new URL('./token-load.ts', import.meta.url))
  const places: Place[] = []
  try {
    for (const agents of [size.few, size.many]) places.push(await openPlace(agents, size.clients))
    const [few, many] = places as [Place, Place]
    const notes: string[] = []
    const missingOneCall = await offers(generator, few, 'one-call')
    const missingPlain = await offers(generator, few, 'plain')
    if (missingOneCall) notes.push('the grant was opened beforehand: this server does not open it in the same call')
    if (missingPlain) notes.push('this server gives no plain client_credentials token, so there is no ratio to it')
    const kind: Kind = missingOneCall ? 'exchange' : 'one-call'
    const cases: Case[] = [
      { place: few, kind },
      { place: many, kind },
    ]
    if (!missingOneCall) cases.push({ place: few, kind: 'exchange' })
    if (!missingPlain) cases.push({ place: few, kind: 'plain' })
    const measured = await measure(generator, cases, size)
    const found = (place: Place, wanted: Kind) =>
      measured[cases.findIndex((one) => one.place === place && one.kind === wanted)]
    const loads = {
      few: found(few, kind),
      many: found(many, kind),
      held: missingOneCall ? undefined : found(few, 'exchange'),
      plain: found(few, 'plain'),
    }
    const busy = residentMiB(many.stack.service('identity').pid)
    const started = await restart(many)
    const seconds = quick ? 1 : 5
    const appends = await appendsOnly(few.stack, { bytes: RECORD_BYTES, inFlight: IN_FLIGHT, seconds })
    const verifies = await verifiesOnly({ inFlight: IN_FLIGHT, seconds })
    print({ size, notes, loads, place: many, busy, started, appends, verifies })
  } catch (error) {
    const words = places.map(({ stack }) => stack.service('identity').tail(3)).join('\n')
    throw new Error(`${messageOf(error)}\nLast words of the identity services:\n${words}`)
  } finally {
    for (const place of places) await place.close()
    await generator.terminate()
  }
}

const show = ({ perSecond, p50, p99 }: Load) =>
  `${Math.round(perSecond)} /s   p50 ${rounded(p50, 2)} ms   p99 ${rounded(p99, 2)} ms`
const row = (what: string, found: Found | undefined): [string, string][] =>
  found ? [[what, `${show(found)}   processor ${rounded(found.processor, 2)} ms each${missed(found)}`]] : []
const missed = ({ unavailable }: Found) => (unavailable > 0 ? `   ${unavailable} answered 503` : '')

function print(found: {
  size: Size
  notes: string[]
  loads: { few: Found | undefined; many: Found | undefined; held: Found | undefined; plain: Found | undefined }
  place: Place
  busy: number
  started: { seconds: number; rss: number }
  appends: Load
  verifies: Load
}): void {
  const { size, loads, place, started, appends, verifies } = found
  const { few, many, plain } = loads
  if (!few || !many) throw new Error('nothing was measured')
  printReport({
    name: 'token-exchange',
    method: [
      `${size.rounds} rounds of ${size.requests} requests of each kind, by turns, after one round to warm up; ${IN_FLIGHT} in flight on kept-alive HTTPS connections; ${size.clients} agents ask`,
      'an exchange: private_key_jwt (ES256), DPoP (ES256), delegation token, grant, record; plain: the same client authentication and DPoP, record. Requests are signed beforehand by the load generator, a thread of another process',
      'NATS, identity, policy and the load generator share this machine’s cores; audit and attestation do not run meanwhile',
      `limits: ${RECORD_BYTES}-byte appends to JetStream, acknowledged; ES256 verifications on the thread pool; nothing else`,
      ...found.notes,
    ],
    rows: [
      ...row(`exchange, ${size.few} agents`, few),
      ...row(`exchange, ${size.many} agents`, many),
      ...row('exchange under a grant that is open, few agents', loads.held),
      ...row('plain client_credentials, few agents', plain),
      ['limit: acknowledged appends alone', show(appends)],
      ['limit: ES256 verifications alone', show(verifies)],
      [`start with ${size.many} agents, from a snapshot`, `${rounded(started.seconds, 2)} s`],
      [`start with ${size.many} agents, replaying ${place.events} events`, `${rounded(place.replaySeconds, 2)} s`],
      ['memory after that start (VmRSS)', `${Math.round(started.rss)} MiB`],
      ['memory under load (VmRSS)', `${Math.round(found.busy)} MiB`],
    ],
    figures: {
      exchange_per_s: Math.round(few.perSecond),
      ratio_to_plain: plain ? rounded(few.perSecond / plain.perSecond, 2) : Number.NaN,
      p99_ratio_100k: rounded(many.p99 / few.p99, 2),
      start_s: rounded(started.seconds, 2),
      rss_mb: Math.round(started.rss),
      p50_ms: rounded(few.p50, 2),
      p99_ms: rounded(few.p99, 2),
      plain_per_s: plain ? Math.round(plain.perSecond) : Number.NaN,
      processor_ms: rounded(few.processor, 2),
      replay_s: rounded(place.replaySeconds, 2),
      append_per_s: Math.round(appends.perSecond),
      verify_per_s: Math.round(verifies.perSecond),
    },
  })
}
