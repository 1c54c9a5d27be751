/** Our own side: the decision point with a company's policies, agents and live grants in it. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { PolicyServiceClient, PolicyServiceService } from '@credence/contracts/gen/credence/policy/v1/policy'
import { type Stack, startStack } from '@credence/infra/dev/stack'
import { connectBus } from '@credence/shared/bus/connect'
import { createLog } from '@credence/shared/log'
import { CHANNEL, promised } from '@credence/shared/rpc/client'
import { clientCredentials } from '@credence/shared/rpc/tls'
import type { AgentOf, GrantOf } from './company.ts'
import { addGateway, GATEWAYS } from './gateway.ts'
import { settle } from './settle.ts'
import type { Target } from './target.ts'

export type CredenceOptions = {
  folder: string
  /** The policy set to activate. */
  cedar: string
  /** Active, attested with their status; their blueprints are made with them. */
  agents: readonly AgentOf[]
  /** Live, each for `<application>.*` on `<resource type>::*` at the application's location. */
  grants: readonly GrantOf[]
  /** The one named location that is trusted; requests come from inside it, or from 198.18.0.0/15. */
  trustedRange: string
}

export type Credence = Pick<Target, 'url' | 'headers' | 'authorization' | 'caFile' | 'pids' | 'stop'> & { stack: Stack }

const PATIENCE_MS = 300_000
/** Ten thousand policies are parsed, validated, linted and compiled. */
const PATIENT = { deadlineMs: 300_000 }
const LOOK_MS = 250

/** Starts it, with AuthZEN's `POST /access/v1/evaluation` over TLS for an enforcement point with a JWT-SVID. */
export async function startCredence({ folder, cedar, ...company }: CredenceOptions): Promise<Credence> {
  const stack = await startStack({ folder, services: [], patienceMs: PATIENCE_MS })
  try {
    allowMore(stack)
    const { open } = await addGateway(stack)
    await settle(stack, company)
    // One after the other: both would be slower together on few cores.
    await stack.start('policy')
    await stack.start('identity')
    await activate(stack, cedar)
    await reactionsDone(stack)
    const gateway = open()
    await gateway.authorization()
    return {
      stack,
      url: `${stack.decisionPoint}/access/v1/evaluation`,
      headers: {},
      authorization: gateway.authorization,
      caFile: stack.authority.caFile,
      pids: [stack.service('policy').pid, stack.nats.process().pid],
      stop: async () => {
        gateway.close()
        await stack.stop()
      },
    }
  } catch (error) {
    await stack.stop()
    throw error
  }
}

/** The development stack knows operators as people; here they hold certificates. Gateways are enforcement points. */
function allowMore({ folder, trustDomain }: Stack): void {
  const file = join(folder, 'roles.json')
  const roles = JSON.parse(readFileSync(file, 'utf8'))
  for (const [path, role] of [
    ['operator', 'security-operator'],
    [`agent/${GATEWAYS}`, 'enforcement-point'],
  ])
    roles.workloads.push({ spiffe_id: `spiffe://${trustDomain}/${path}/*`, roles: [role] })
  writeFileSync(file, JSON.stringify(roles))
}

/** From a text to the active policies, by the two operators that it takes. */
async function activate(stack: Stack, cedar: string): Promise<void> {
  const operator = async (name: string) => {
    const tls = await stack.workload(`operator/${name}`)
    const credentials = clientCredentials(tls.caFile, `spiffe://${stack.trustDomain}/service/policy`, tls)
    const address = `localhost:${stack.ports.policyMesh}`
    return promised(new PolicyServiceClient(address, credentials, CHANNEL), PolicyServiceService)
  }
  const [author, second] = [await operator('author'), await operator('second')]
  try {
    const { version } = await author.draftPolicies({ cedar, schema: '', comment: '' }, PATIENT)
    const { valid, findings } = await author.validatePolicies({ version }, PATIENT)
    if (!valid) throw new Error(findings.map(({ policyId, message }) => `${policyId} ${message}`).join('; '))
    await second.signOffPolicies({ version, comment: '' }, PATIENT)
    await second.activatePolicies({ version }, PATIENT)
  } finally {
    author.close()
    second.close()
  }
}

/** Policy looks at every event of identity once, for what it ends. That must not go on while it is measured. */
async function reactionsDone({ nats, authority, trustDomain }: Stack): Promise<void> {
  const tls = await authority.issue('service-policy', `spiffe://${trustDomain}/service/policy`)
  const log = createLog('bench', 'error')
  const bus = await connectBus({ servers: [nats.url], name: 'policy', nkeyFile: nats.nkeyFile('policy'), log, ...tls })
  try {
    for (;;) {
      const { num_pending } = await bus.jsm.consumers.info('IDENTITY', 'policy-endings')
      if (num_pending === 0) return
      await delay(LOOK_MS)
    }
  } finally {
    await bus.close()
  }
}
