/**
 * What a withdrawn reference value costs, and how soon it is felt: the next decision after its acknowledgement, and the time
 * until every agent that rests on it is in quarantine.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Fact } from '@credence/contracts/events/catalog'
import {
  type CheckRequest,
  PolicyServiceClient,
  PolicyServiceService,
} from '@credence/contracts/gen/credence/policy/v1/policy'
import type { Stack } from '@credence/infra/dev/stack'
import { checkRequest } from '@credence/infra/testing/check'
import { sha256 } from '@credence/shared/digest'
import { newId } from '@credence/shared/ids'
import { promised } from '@credence/shared/rpc/client'
import { clientCredentials } from '@credence/shared/rpc/tls'
import type { AgentOf, Application, GrantOf } from './decisions/company.ts'
import { startCredence } from './decisions/credence.ts'
import { openWriters, type Write } from './decisions/settle.ts'
import { percentile, printReport, rounded } from './report.ts'

const CEDAR = '@id("agents-use-their-grants")\npermit (principal, action, resource);\n'
const APPLICATION: Application = {
  name: 'calendar',
  resourceType: 'CalendarEvent',
  location: 'https://calendar.acme.example',
  blueprints: ['resting', 'resting', 'resting'],
  held: 'held',
}
const LOOK_MS = 10
const PATIENCE_MS = 60_000

export async function benchWithdrawal(quick: boolean): Promise<void> {
  const rounds = quick ? 30 : 200
  const count = quick ? 1_000 : 10_000
  const shared = newId('ref')
  /** Each of the first has a reference of its own besides. */
  const agents = Array.from({ length: count }, (_, number): AgentOf => {
    const references = number < rounds ? [newId('ref'), shared] : [shared]
    return { id: newId('agt'), blueprint: 'resting', attestationStatus: 'affirming', references }
  })
  const grants = agents.map((agent): GrantOf => ({ id: newId('grt'), agent, application: APPLICATION }))
  const folder = mkdtempSync(join(tmpdir(), 'credence-bench-'))
  const credence = await startCredence({ folder, cedar: CEDAR, agents, grants, trustedRange: '10.0.0.0/8' })
  const { stack } = credence
  const writers = await openWriters(stack)
  try {
    const { check, close } = await pointAt(stack)
    const allowed: number[] = []
    for (const grant of grants.slice(0, rounds * 2)) allowed.push((await timed(() => check(grant), 'allow')).ms)

    for (const reference of new Set(agents.flatMap(({ references = [] }) => references)))
      await writers.write('ATTESTATION', `reference/${reference}`, approved(reference))
    await stack.start('attestation')
    const settled = await lastOf(writers, 'IDENTITY')
    const one = await eachOnItsOwn(grants.slice(0, rounds), writers.write, check)
    await reached(writers, settled + rounds)
    const rest = grants.slice(rounds, rounds * 2)
    await withdraw(writers.write, shared)
    const acknowledged = performance.now()
    const next: number[] = []
    for (const grant of rest) next.push((await timed(() => check(grant), 'deny')).ms)
    const first = next[0] ?? Number.NaN
    // One commit for each agent; those of the rounds lost theirs before.
    await reached(writers, settled + count)
    const held = performance.now() - acknowledged
    close()
    printReport({
      name: 'withdrawal',
      method: [
        `${count} agents rest on one reference value, ${rounds} of them on one of their own besides; NATS, identity, policy, attestation, one process each.`,
        'A reference value is withdrawn as the attestation service does it; the clock starts with the acknowledgement.',
        'Each time the very next call must be a denial, or the bench fails. In quarantine: as many commits in IDENTITY as agents.',
      ],
      rows: [
        ['a call before, allowed', `p50 ${rounded(percentile(allowed, 0.5), 2)} ms`],
        [
          'own reference withdrawn → next call denied',
          `p50 ${rounded(percentile(one, 0.5), 2)} ms, p99 ${rounded(percentile(one, 0.99), 2)} ms (${one.length} of ${rounds})`,
        ],
        [`reference of ${count} agents withdrawn → next call denied`, `${rounded(first, 2)} ms`],
        [
          'calls while all are put into quarantine',
          `p50 ${rounded(percentile(next, 0.5), 2)} ms, p99 ${rounded(percentile(next, 0.99), 2)} ms`,
        ],
        [`all ${count} in quarantine`, `${rounded(held / 1000, 2)} s`],
      ],
      figures: {
        agents: count,
        allowed_call_p50_ms: rounded(percentile(allowed, 0.5), 2),
        withdrawal_to_denial_p50_ms: rounded(percentile(one, 0.5), 2),
        withdrawal_to_denial_p99_ms: rounded(percentile(one, 0.99), 2),
        shared_withdrawal_to_denial_ms: rounded(first, 2),
        all_in_quarantine_s: rounded(held / 1000, 2),
      },
    })
  } finally {
    await writers.close()
    await credence.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

type Check = (grant: GrantOf) => Promise<'allow' | 'deny'>

/** One withdrawal after another, each with the call that follows it. @returns milliseconds from acknowledgement to answer */
async function eachOnItsOwn(grants: readonly GrantOf[], write: Write, check: Check): Promise<number[]> {
  const found: number[] = []
  for (const grant of grants) {
    await withdraw(write, grant.agent.references?.[0] ?? '')
    found.push((await timed(() => check(grant), 'deny')).ms)
  }
  return found
}

const approved = (reference: string): Fact => ({
  type: 'credence.attestation.reference.approved.v1',
  data: {
    reference,
    blueprint: APPLICATION.blueprints[0],
    label: 'A model',
    value: { type: 'model', statement_digest: sha256(reference) },
  },
})

async function withdraw(write: Write, reference: string): Promise<void> {
  await write('ATTESTATION', `reference/${reference}`, {
    type: 'credence.attestation.reference.withdrawn.v1',
    data: { reference, reason: 'The model was poisoned.' },
  })
}

async function timed(ask: () => Promise<'allow' | 'deny'>, wanted: 'allow' | 'deny'): Promise<{ ms: number }> {
  const began = performance.now()
  const answer = await ask()
  const ms = performance.now() - began
  if (answer !== wanted) throw new Error(`a call was answered ${answer}, and not ${wanted}`)
  return { ms }
}

async function reached(writers: Writers, sequence: number): Promise<void> {
  for (const began = performance.now(); performance.now() - began < PATIENCE_MS; await delay(LOOK_MS))
    if ((await lastOf(writers, 'IDENTITY')) >= sequence) return
  throw new Error('the agents were not put into quarantine in time')
}

type Writers = Awaited<ReturnType<typeof openWriters>>
const lastOf = async ({ policyBus }: Writers, stream: string): Promise<number> =>
  (await policyBus.jsm.streams.info(stream)).state.last_seq

async function pointAt(stack: Stack): Promise<{ check: Check; close(): void }> {
  const tls = await stack.workload('enforcement-point/calendar')
  const credentials = clientCredentials(tls.caFile, `spiffe://${stack.trustDomain}/service/policy`, tls)
  const address = `localhost:${stack.ports.policyMesh}`
  const client = promised(new PolicyServiceClient(address, credentials), PolicyServiceService)
  const question = ({ id, agent, application }: GrantOf): CheckRequest =>
    checkRequest({
      agentId: agent.id,
      grantId: id,
      action: `${application.name}.read`,
      resource: { type: application.resourceType, id: '1', sensitivity: 'internal' },
      location: application.location,
    })
  return {
    check: async (grant) => ((await client.check(question(grant))).decision === 'DECISION_ALLOW' ? 'allow' : 'deny'),
    close: client.close,
  }
}
