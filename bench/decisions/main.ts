/** Decisions a second, whole and with their record, beside Cerbos and OPA with the same rules and the same requests. */
import { mkdtempSync, rmSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { openAuthority } from '@credence/infra/dev/pki'
import type { TlsFiles } from '@credence/shared/rpc/tls'
import { printReport, rounded } from '../report.ts'
import { type Company, companyOf } from './company.ts'
import { startCredence } from './credence.ts'
import { type Case, measure, QUICK, type Timing, WHOLE } from './measure.ts'
import { startCerbos } from './peers/cerbos.ts'
import { startOpa } from './peers/opa.ts'
import type { PeerOptions } from './peers/peer.ts'
import { getCerbos, getOpa } from './peers/tools.ts'
import { authzenBody, requestsOf } from './requests.ts'
import { cedarText } from './rules/cedar.ts'
import { answerer, type Rule } from './rules/rule.ts'
import type { Target } from './target.ts'
import { CONNECTIONS, type Measured, THREADS, writeRequests, wrkMissing } from './wrk.ts'

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
type Found = Measured & { name: string; policies: number }

export async function benchDecisions(quick: boolean): Promise<void> {
  const missing = wrkMissing()
  if (missing) throw new Error(missing)
  const notes: string[] = []
  const peers = PEERS.flatMap(({ name, get, start }): Peer[] => {
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
    for (const policies of SIZES)
      found.push(...(await measureSize(peers, { folder: join(folder, `${policies}`), tls, policies, quick })))
    print(found, { notes, quick })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

type Place = { folder: string; tls: TlsFiles; policies: number; quick: boolean }

/** All servers are there at the same time, and rest while another is measured. */
async function measureSize(peers: readonly Peer[], place: Place): Promise<Found[]> {
  const { folder, policies, quick } = place
  const company = companyOf({ policies, agents: AGENTS, grants: GRANTS })
  const requests = requestsOf(company)
  const answer = answerer(company.rules)
  const cases: Case[] = []
  const add = (target: Target) => {
    const file = join(folder, `${cases.length}.requests`)
    writeRequests(file, target, requests, answer)
    cases.push({ target, file })
  }
  try {
    const own = await startOwn(company, join(folder, 'credence'))
    if (own) add(own)
    for (const peer of peers)
      for (const variant of quick ? VARIANTS.slice(0, 2) : VARIANTS)
        add(await startPeer(peer, company.rules, variant, place))
    const measured = await measure(cases, quick ? QUICK : WHOLE)
    return cases.map(({ target }, index) => ({ ...(measured[index] as Measured), name: target.name, policies }))
  } finally {
    for (const { target } of cases) await target.stop()
    rmSync(folder, { recursive: true, force: true })
  }
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

async function startOwn({ rules, agents, grants, trustedRange }: Company, folder: string): Promise<Target | undefined> {
  const started = await startCredence({ folder, cedar: cedarText(rules), agents, grants, trustedRange })
  return started && { ...started, name: OWN, body: authzenBody, allowed: '"decision":true' }
}
const OWN = 'Credence, TLS, recorded'

function print(found: readonly Found[], { notes, quick }: { notes: string[]; quick: boolean }): void {
  const { rounds, seconds }: Timing = quick ? QUICK : WHOLE
  const at = (start: string, policies: number) =>
    found.find(({ name, policies: size }) => name.startsWith(start) && size === policies)
  const peer = (start: string) =>
    found.find(({ name, policies }) => policies === 1_000 && name.startsWith(start) && name.endsWith('TLS, no log'))
  const own = at(OWN, 1_000)
  if (!own) notes.push('Credence has no AuthZEN endpoint here yet: only the peers were measured')
  const [cerbos, opa] = [peer('Cerbos'), peer('OPA')]
  const ratio = (one: number | undefined, other: number | undefined) =>
    rounded((one ?? Number.NaN) / (other ?? Number.NaN), 2)
  printReport({
    name: 'decisions',
    method: [
      `wrk, ${THREADS} threads, ${CONNECTIONS} connections, ${rounds} × ${seconds} s for each server by turns, after comparing and warming up; servers and wrk share this machine’s cores (load before the last round included others’: ${loadavg()
        .map((load) => rounded(load, 1))
        .join(' ')})`,
      `${GRANTS} distinct requests of ${AGENTS} agents; the same rules in Cedar, Cerbos policies and Rego. One rule can concern every request, nine those of one application`,
      'peers are told the attributes of the agent with each request; ratios are to the peer over TLS without its log, which does not wait for the disk either',
      ...notes,
    ],
    rows: found.map((one): [string, string] => [`${one.policies} policies: ${one.name}`, show(one)]),
    figures: {
      http_per_s: Math.round(own?.perSecond ?? Number.NaN),
      ratio_vs_cerbos: ratio(own?.perSecond, cerbos?.perSecond),
      p99_ratio_vs_cerbos: ratio(own?.p99, cerbos?.p99),
      ratio_vs_opa: ratio(own?.perSecond, opa?.perSecond),
      stream_per_s: Number.NaN,
      policies_10000_vs_10: ratio(at(OWN, 10_000)?.perSecond, at(OWN, 10)?.perSecond),
      engine_p50_us: Number.NaN,
      oracle_disagreements: Number.NaN,
    },
  })
}

function show({ perSecond, p50, p99, processorUs, failed, wrong, compared }: Measured): string {
  const speed = `${Math.round(perSecond)} /s   p50 ${rounded(p50, 2)} ms   p99 ${rounded(p99, 2)} ms`
  const mistakes = failed + wrong > 0 ? `   ${failed} failed, ${wrong} WRONG` : `   ${compared} answers compared`
  return `${speed}   processor ${Math.round(processorUs)} µs each${mistakes}`
}
