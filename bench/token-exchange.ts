/** Whole token exchanges a second, beside plain tokens of the same server; and what a hundred thousand agents cost. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { openCompany } from '@credence/infra/dev/company'
import { type House, putToWork } from '@credence/infra/dev/house'
import { type Stack, startStack } from '@credence/infra/dev/stack'
import { assemble, furnish } from '@credence/infra/dev/story/cast'
import { appendsOnly, verifiesOnly } from './limits.ts'
import { type Load, summary } from './load.ts'
import { populate } from './population.ts'
import { printReport, rounded } from './report.ts'
import type { Client, Done, Kind, Order } from './token-load.ts'

type Size = { few: number; many: number; clients: number; requests: number; rounds: number }
const WHOLE: Size = { few: 1_000, many: 100_000, clients: 64, requests: 3_000, rounds: 5 }
const QUICK: Size = { few: 100, many: 2_000, clients: 8, requests: 300, rounds: 2 }
const IN_FLIGHT = 32
/** Replaying all events of many agents takes long where others work as well. */
const PATIENCE_MS = 600_000
/** About what one exchange records. */
const RECORD_BYTES = 1_200

type Place = {
  stack: Stack
  clients: Client[]
  replaySeconds: number
  events: number
  close(): Promise<void>
}

/** The services that an exchange needs, with so many agents, and a few of them ready to ask. */
async function openPlace(agents: number, count: number): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), 'credence-bench-'))
  const stack = await startStack({ folder, services: [], patienceMs: PATIENCE_MS })
  const close = async () => {
    await stack.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    const { events } = await populate(stack, agents)
    const began = performance.now()
    await stack.start('identity')
    const replaySeconds = (performance.now() - began) / 1000
    await stack.start('policy')
    await stack.start('attestation')
    const clients = await putAllToWork(stack, count)
    // As it is after a restart, and no longer warm from reading so much.
    await stack.service('identity').stop()
    await stack.start('identity')
    return { stack, clients, replaySeconds, events, close }
  } catch (error) {
    await close()
    throw error
  }
}

async function putAllToWork(stack: Stack, count: number): Promise<Client[]> {
  const company = await openCompany(stack)
  const cast = await assemble(stack, company)
  await furnish(cast)
  const house: House = { stack, company, cast, close: async () => undefined }
  const clients: Client[] = []
  for (let number = 0; number < count; number++) {
    const { agent, key, task } = await putToWork(house)
    const { delegationToken: subjectToken } = task.delegation
    const { privateKey, publicJwk } = key
    const about = { resource: company.calendar, grantId: task.grantId }
    clients.push({ spiffeId: agent.spiffeId, privateKey, publicJwk, subjectToken, ...about })
    await agent.close()
  }
  cast.close()
  // What an exchange does not need must not take part of the machine.
  await stack.service('attestation').stop()
  for (const name of ['identity-provider', 'calendar', 'customers'] as const) await stack.service(name).stop()
  return clients
}

/** Gives an order to the load generator. @throws Error with the server's answer when one is not 200 */
function asks(generator: Worker, order: Order): Promise<{ samples: number[]; milliseconds: number }> {
  return new Promise((resolve, reject) => {
    generator.once('message', (done: Done) => ('failure' in done ? reject(new Error(done.failure)) : resolve(done)))
    generator.postMessage(order)
  })
}

const orderOf = ({ stack, clients }: Place, kind: Kind, requests: number): Order => ({
  kind,
  issuer: stack.issuer,
  caFile: stack.authority.caFile,
  clients,
  requests,
  inFlight: IN_FLIGHT,
})

/** Rounds by turns in both places, so that what else happens on the machine hits both alike. */
async function measure(generator: Worker, places: Place[], kind: Kind, size: Size): Promise<Load[]> {
  const all = places.map(() => ({ samples: [] as number[], milliseconds: 0 }))
  for (let round = 0; round <= size.rounds; round++)
    for (const [index, place] of places.entries()) {
      const { samples, milliseconds } = await asks(generator, orderOf(place, kind, size.requests))
      const sum = all[index]
      // The first round warms up.
      if (!sum || round === 0) continue
      sum.samples.push(...samples)
      sum.milliseconds += milliseconds
    }
  return all.map(({ samples, milliseconds }) => summary(samples, milliseconds))
}

const offers = (generator: Worker, place: Place, kind: Kind): Promise<string | undefined> =>
  asks(generator, orderOf(place, kind, 1)).then(
    () => undefined,
    (error) => (error as Error).message,
  )

/** Resident memory in MiB (proc(5), VmRSS). */
const residentMiB = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? Number.NaN) / 1024

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
    const exchanges = (await measure(generator, places, kind, size)) as [Load, Load]
    const held = missingOneCall ? undefined : (await measure(generator, places, 'exchange', size))[0]
    const plain = missingPlain ? undefined : (await measure(generator, places, 'plain', size))[0]
    const busy = residentMiB(many.stack.service('identity').pid)
    const started = await restart(many)
    const seconds = quick ? 1 : 5
    const appends = await appendsOnly(few.stack, { bytes: RECORD_BYTES, inFlight: IN_FLIGHT, seconds })
    const verifies = await verifiesOnly({ inFlight: IN_FLIGHT, seconds })
    print({ size, notes, exchanges, held, plain, many, busy, started, appends, verifies })
  } finally {
    for (const place of places) await place.close()
    await generator.terminate()
  }
}

const show = ({ perSecond, p50, p99 }: Load) =>
  `${Math.round(perSecond)} /s   p50 ${rounded(p50, 2)} ms   p99 ${rounded(p99, 2)} ms`

function print(found: {
  size: Size
  notes: string[]
  exchanges: [Load, Load]
  held: Load | undefined
  plain: Load | undefined
  many: Place
  busy: number
  started: { seconds: number; rss: number }
  appends: Load
  verifies: Load
}): void {
  const { size, exchanges, held, plain, many, started, appends, verifies } = found
  const [few, crowd] = exchanges
  const ratio = plain ? few.perSecond / plain.perSecond : Number.NaN
  printReport({
    name: 'token-exchange',
    method: [
      `${size.rounds} rounds of ${size.requests} requests each, by turns with few and with many agents, after one round to warm up; ${IN_FLIGHT} in flight on kept-alive HTTPS connections; ${size.clients} agents ask`,
      'an exchange: private_key_jwt (ES256), DPoP (ES256), delegation token, grant, record, all in one call; requests are signed beforehand by the load generator, a thread of another process',
      'NATS, identity, policy and the load generator share this machine’s cores; audit and attestation do not run meanwhile',
      `limits: ${RECORD_BYTES}-byte appends to JetStream, acknowledged; ES256 verifications on the thread pool; nothing else`,
      ...found.notes,
    ],
    rows: [
      [`exchange, ${size.few} agents`, show(few)],
      [`exchange, ${size.many} agents`, show(crowd)],
      ...(held ? [['the same under a grant that is open, few agents', show(held)] as [string, string]] : []),
      ...(plain ? [['plain client_credentials, few agents', show(plain)] as [string, string]] : []),
      ['limit: acknowledged appends alone', show(appends)],
      ['limit: ES256 verifications alone', show(verifies)],
      [`start with ${size.many} agents, from a snapshot`, `${rounded(started.seconds, 2)} s`],
      [`start with ${size.many} agents, replaying ${many.events} events`, `${rounded(many.replaySeconds, 2)} s`],
      ['memory after that start (VmRSS)', `${Math.round(started.rss)} MiB`],
      ['memory under load (VmRSS)', `${Math.round(found.busy)} MiB`],
    ],
    figures: {
      exchange_per_s: Math.round(few.perSecond),
      ratio_to_plain: rounded(ratio, 2),
      p99_ratio_100k: rounded(crowd.p99 / few.p99, 2),
      start_s: rounded(started.seconds, 2),
      rss_mb: Math.round(started.rss),
      p50_ms: rounded(few.p50, 2),
      p99_ms: rounded(few.p99, 2),
      plain_per_s: plain ? Math.round(plain.perSecond) : Number.NaN,
      replay_s: rounded(many.replaySeconds, 2),
      append_per_s: Math.round(appends.perSecond),
      verify_per_s: Math.round(verifies.perSecond),
    },
  })
}
