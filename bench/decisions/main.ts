/** Decisions a second, whole and with their record, beside Cerbos and OPA with the same rules and the same requests. */
import { mkdtempSync, rmSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { openAuthority } from '@credence/infra/dev/pki'
import type { TlsFiles } from '@credence/shared/rpc/tls'
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
import { type Found, OWN, printTable } from './table.ts'
import type { Target } from './target.ts'
import { type Measured, writeRequests, wrkMissing } from './wrk.ts'

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
    for (const policies of withoutWrk ? [] : SIZES)
      found.push(...(await measureSize(peers, { folder: join(folder, `${policies}`), tls, policies, quick, timing })))
    printTable(found, { requests: GRANTS, agents: AGENTS, load, timing, notes })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

type Place = { folder: string; tls: TlsFiles; policies: number; quick: boolean; timing: Timing }

/** All servers are there at the same time, and rest while another is measured. */
async function measureSize(peers: readonly Peer[], place: Place): Promise<Found[]> {
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
    const own = await startOwn(company, join(folder, 'credence'))
    add(own)
    for (const peer of peers)
      for (const variant of quick ? VARIANTS.slice(0, 2) : VARIANTS)
        add(await startPeer(peer, company.rules, variant, place))
    const measured = await measure(cases, timing)
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

async function startOwn({ rules, agents, grants, trustedRange }: Company, folder: string): Promise<Target> {
  const started = await startCredence({ folder, cedar: cedarText(rules), agents, grants, trustedRange })
  return { ...started, name: OWN, body: authzenBody, allowed: '"decision":true' }
}
