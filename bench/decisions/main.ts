/** Decisions a second, whole and with their record, beside Cerbos and OPA with the same rules and the same requests; each replayed. */
import { mkdtempSync, rmSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { openAuthority } from '@credence/infra/dev/pki'
import type { TlsFiles } from '@credence/shared/rpc/tls'
import { measureEngine } from '../engine.ts'
import { type Company, companyOf } from './company.ts'
import { type Credence, startCredence } from './credence.ts'
import { measureGrpc } from './grpc.ts'
import { type Case, measure, QUICK, type Timing, WHOLE } from './measure.ts'
import { startCerbos } from './peers/cerbos.ts'
import { startOpa } from './peers/opa.ts'
import type { PeerOptions } from './peers/peer.ts'
import { getCerbos, getOpa } from './peers/tools.ts'
import { replayAll } from './replay.ts'
import { type AskedWith, authzenBody, requestsOf } from './requests.ts'
import { cedarText } from './rules/cedar.ts'
import { answerer, type Rule } from './rules/rule.ts'
import { type Found, OWN, type Own, printTable } from './table.ts'
import type { Target } from './target.ts'
import { writeRequests, wrkMissing } from './wrk.ts'

const SIZES = [10, 1_000, 10_000] as const
const AGENTS = 10_000
const GRANTS = 100_000
const PEERS = [
  { name: 'Cerbos', get: getCerbos, start: startCerbos },
  { name: 'OPA', get: getOpa, start: startOpa },
]
const VARIANTS = [
  { tls: true, record: false },
  { tls: true, record: true },
  { tls: false, record: false },
  { tls: false, record: true },
]

type Start = (rules: readonly Rule[], options: PeerOptions) => Promise<Target>
type Peer = { name: string; program: string; start: Start }

export async function benchDecisions(quick: boolean): Promise<void> {
  const withoutWrk = wrkMissing()
  const notes = withoutWrk ? [`${withoutWrk}. Nothing was measured over HTTP`] : []
  const [load = 0] = loadavg()
  const timing = quick ? QUICK : WHOLE
  const peers = (withoutWrk ? [] : PEERS).flatMap(({ name, get, start }): Peer[] => {
    const { path, version, missing } = get()
    if (missing) notes.push(missing)
    return missing ? [] : [{ name: `${name} ${version}`, program: path, start }]
  })
  const folder = mkdtempSync(join(tmpdir(), 'credence-decisions-'))
  try {
    const tls = await (await openAuthority(join(folder, 'pki'), 'bench.example')).issue(
      'decisions',
      'spiffe://bench.example/decisions',
    )
    const found: Found[] = []
    let own: Own | undefined
    for (const policies of SIZES) {
      const measured = await measureSize(peers, { folder: join(folder, `${policies}`), tls, policies, quick, timing })
      found.push(...measured.found)
      own ??= measured.own
    }
    // A million random evaluations are held against cedar-wasm by `bench engine`; here a few.
    const engine = await measureEngine(true)
    printTable(found, { own, engine, requests: GRANTS, agents: AGENTS, load, timing, notes })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

type Place = { folder: string; tls: TlsFiles; policies: number; quick: boolean; timing: Timing }

/** With so many policies gRPC is measured as well, and every decision replayed. */
const WHOLE_SIZE = 1_000
/** Of a quick run. */
const FEW_REPLAYS = 2_000

/** All servers are there at the same time, and rest while another is measured. */
async function measureSize(peers: readonly Peer[], place: Place): Promise<{ found: Found[]; own?: Own }> {
  const { folder, policies, quick, timing } = place
  const company = companyOf({ policies, agents: AGENTS, grants: GRANTS })
  const requests = requestsOf(company)
  const answer = answerer(company.rules)
  const cases: Case[] = []
  const add = (target: Target) => {
    const file = join(folder, `${cases.length}.requests`)
    // First, so that it is stopped whatever happens.
    cases.push({ target, file })
    writeRequests(file, target, requests, answer)
  }
  try {
    const credence = await startOwn(company, join(folder, 'credence'))
    add(credence)
    for (const peer of peers)
      for (const variant of quick ? VARIANTS.slice(0, 2) : VARIANTS)
        add(await startPeer(peer, company.rules, variant, place))
    const measured = wrkMissing() ? [] : await measure(cases, timing)
    const found = measured.map((one, index) => ({ ...one, name: cases[index]?.target.name ?? '', policies }))
    if (policies !== WHOLE_SIZE) return { found }
    return { found, own: await measureOwn(credence, cedarText(company.rules), requests, answer, place) }
  } finally {
    for (const { target } of cases) await target.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function measureOwn(
  credence: Credence,
  cedar: string,
  requests: readonly AskedWith[],
  answer: (asked: AskedWith) => boolean,
  { quick, timing }: Place,
): Promise<Own> {
  const grpc = await measureGrpc(credence, requests, answer, timing.seconds * timing.rounds)
  // What decided must not take part of the machine.
  for (const name of ['policy', 'identity'] as const) await credence.stack.service(name).stop()
  return { ...grpc, replays: await replayAll(credence.stack, cedar, quick ? FEW_REPLAYS : undefined) }
}

function startPeer(peer: Peer, rules: readonly Rule[], { tls, record }: (typeof VARIANTS)[number], place: Place) {
  const name = nameOf(peer.name, tls, record)
  return peer.start(rules, {
    name,
    program: peer.program,
    folder: join(place.folder, name.replaceAll(/[^a-z0-9]+/gi, '-')),
    ...(tls ? { tls: place.tls } : {}),
    record,
  })
}

const nameOf = (peer: string, tls: boolean, record: boolean): string =>
  `${peer}, ${tls ? 'TLS' : 'plain'}, ${record ? 'its log on' : 'no log'}`

async function startOwn({ rules, agents, grants, trustedRange }: Company, folder: string): Promise<Credence & Target> {
  const started = await startCredence({ folder, cedar: cedarText(rules), agents, grants, trustedRange })
  return { ...started, name: OWN, body: authzenBody, allowed: '"decision":true', settledAfter: 1.2 * GRANTS }
}
