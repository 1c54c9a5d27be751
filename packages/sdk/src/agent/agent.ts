/** Everything an agent does with Credence: prove itself, work on one task at a time, spawn, and let go. */
import type { AuthorizationDetail } from '@credence/contracts/authority'
import { forbidden, unavailable } from '@credence/contracts/errors'
import type { Trigger } from '@credence/contracts/events/values'
import { AgentState, DelegationRequestState, type Model } from '@credence/contracts/gen/credence/identity/v1/identity'
import { TaskOutcome } from '@credence/contracts/gen/credence/policy/v1/policy'
import { type Clients, type Connection, connectCredence } from '../clients.ts'
import { tlsFetch } from '../tls-fetch.ts'
import { type Approvals, createApprovals } from './approvals.ts'
import { type Collect, type Shown, showEvidence } from './attestation.ts'
import { type Kept, keepAttested, type Listeners } from './keep-attested.ts'
import { type AgentKey, agentProof } from './key.ts'
import { type AccessToken, type Begun, openTokens, type Tokens, type Work } from './tokens.ts'

export type AgentOptions = {
  agentId: string
  spiffeId: string
  key: AgentKey
  /** Public listeners of the services. */
  connection: Omit<Connection, 'tls' | 'credential'>
  /** OAuth issuer: the identity service. */
  issuer: string
  /** Address that its calls leave from; any by default. */
  localAddress?: string
}

export type Attested = Omit<Shown, 'position'> & {
  /** From these positions on, every service sees the result, and the agent active when it was accepted. */
  positions: string[]
}
export type Asked = { requestId: string; userCode: string; verificationUri: string; expiresAt: Date }
export type Held = { delegationId: string; delegationToken: string }
export type Task = {
  taskId: string
  grantId: string
  granted: AuthorizationDetail[]
  dropped: { detail: AuthorizationDetail; reason: string }[]
  position: string
  delegation: Held
}

export type Agent = Approvals & {
  spiffeId: string
  clients: Clients
  /**
   * Asks for a challenge, shows what `collect` gathers, and waits until the agent is active when it was accepted.
   * @throws CredenceError of the service, and what `collect` throws
   */
  attest(collect: Collect, notBefore?: string[]): Promise<Attested>
  /** Attests now, and again by itself in time for as long as it runs; sooner, with growing pauses, when something fails. */
  keepAttested(collect: Collect, listeners?: Listeners): Kept
  /**
   * Asks a person for authority. Show them `userCode` and `verificationUri`; they type the code there and answer.
   * @param wanted.statement what the agent says about it; shown as the agent’s words, below ours
   */
  requestDelegation(wanted: {
    authorizationDetails: AuthorizationDetail[]
    statement: string
    lifetimeSeconds: number
    maximumDepth: number
    notBefore?: string[]
  }): Promise<Asked>
  /** Waits for the answer, until the request is over. @throws CredenceError when it was declined, or nobody answered */
  awaitDelegation(asked: Asked): Promise<Held & { position: string }>
  openTask(wanted: {
    delegation: Held
    trigger: Trigger
    purpose: string
    authorizationDetails: AuthorizationDetail[]
    lifetimeSeconds: number
    notBefore?: string[]
  }): Promise<Task>
  completeTask(task: Pick<Task, 'taskId'>, outcome: 'succeeded' | 'failed' | 'abandoned'): Promise<string>
  /** An access token for one resource server, for one task. */
  tokenFor(task: Task, resource: string): Promise<AccessToken>
  /** Opens a task and gets a token for it, in one request. The task is completed like any other, by its id. */
  begin(work: Work): Promise<Begun>
  /** Gives an access token back before its time; with a delegation token the delegation ends, and all below it. */
  giveBack(token: string): Promise<void>
  call(token: AccessToken, method: string, url: string, body?: unknown): Promise<Response>
  spawn(child: {
    purpose: string
    model: Model
    promptDigest: string
    toolManifestDigest: string
    publicJwk: object
    lifetimeSeconds: number
  }): Promise<{ agentId: string; spiffeId: string; position: string }>
  passOn(part: {
    delegation: Held
    agentId: string
    authorizationDetails: AuthorizationDetail[]
    purpose: string
    lifetimeSeconds: number
  }): Promise<Held & { position: string }>
  close(): Promise<void>
}

const ACTIVATION_MS = 3_000
/** How long one call waits for a person; the next goes on waiting. */
const AWAIT_SECONDS = 20

export function createAgent(options: AgentOptions): Agent {
  const { key, spiffeId, agentId } = options
  const clients = connectCredence({
    ...options.connection,
    credential: agentProof(key, spiffeId),
  })
  const http = tlsFetch(options.connection.caFile, options.localAddress)
  let opened: Promise<Tokens> | undefined
  const tokens = (): Promise<Tokens> => {
    opened ??= openTokens({ issuer: options.issuer, spiffeId, key, fetch: http.fetch })
    opened.catch(() => {
      opened = undefined
    })
    return opened
  }

  const show = (collect: Collect, notBefore: string[]) =>
    showEvidence({ clients, key, agentId, spiffeId }, collect, notBefore)

  /** Activation follows the result by itself; this waits for it. One that people hold stays held, whatever it shows. */
  async function activated(): Promise<string> {
    const deadline = Date.now() + ACTIVATION_MS
    for (;;) {
      const { agent, position } = await clients.identity.getAgent({ agentId, notBefore: [] })
      if (agent?.state === AgentState.AGENT_STATE_ACTIVE || agent?.state === AgentState.AGENT_STATE_QUARANTINED)
        return position
      const late = Date.now() > deadline
      if (late && agent?.state === AgentState.AGENT_STATE_SUSPENDED) return position
      if (late) throw unavailable('not_active_yet', 'The result was accepted, and the agent is not active yet.')
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }

  return {
    spiffeId,
    clients,
    ...createApprovals(clients),
    attest: async (collect, notBefore = []) => {
      const { position, ...shown } = await show(collect, notBefore)
      return { ...shown, positions: [position, ...(shown.accepted ? [await activated()] : [])] }
    },
    keepAttested: (collect, listeners) => keepAttested(() => show(collect, []), listeners),
    requestDelegation: async ({ lifetimeSeconds, notBefore = [], ...wanted }) => {
      const asked = await clients.identity.requestDelegation({
        ...wanted,
        lifetimeSeconds: BigInt(lifetimeSeconds),
        humanId: '',
        notBefore,
      })
      const { requestId, userCode, verificationUri, expiresAt } = asked
      return { requestId, userCode, verificationUri, expiresAt: expiresAt ?? new Date() }
    },
    awaitDelegation: async ({ requestId }) => {
      for (;;) {
        const deadlineMs = (AWAIT_SECONDS + 5) * 1000
        const answer = await clients.identity.awaitDelegation({ requestId, waitSeconds: AWAIT_SECONDS }, { deadlineMs })
        const { state, delegation, delegationToken, position } = answer
        if (state === DelegationRequestState.DELEGATION_REQUEST_STATE_APPROVED)
          return { delegationId: delegation?.id ?? '', delegationToken, position }
        if (state !== DelegationRequestState.DELEGATION_REQUEST_STATE_PENDING)
          throw forbidden(state.replace('DELEGATION_REQUEST_STATE_', '').toLowerCase(), 'The person did not approve.')
      }
    },
    openTask: async ({ delegation, trigger, purpose, authorizationDetails, lifetimeSeconds, notBefore = [] }) => {
      const answer = await clients.policy.openTask({
        delegationId: delegation.delegationId,
        trigger,
        purpose,
        authorizationDetails,
        lifetimeSeconds: BigInt(lifetimeSeconds),
        notBefore,
        agentId: '',
      })
      return {
        taskId: answer.taskId,
        grantId: answer.grant?.id ?? '',
        granted: (answer.grant?.authorizationDetails ?? []) as AuthorizationDetail[],
        dropped: answer.dropped as Task['dropped'],
        position: answer.position,
        delegation,
      }
    },
    completeTask: async (task, outcome) => {
      const name = `TASK_OUTCOME_${outcome.toUpperCase()}` as keyof typeof TaskOutcome
      const { position } = await clients.policy.completeTask({ taskId: task.taskId, outcome: TaskOutcome[name] })
      return position
    },
    tokenFor: async (task, resource) =>
      (await tokens()).exchange({
        delegationToken: task.delegation.delegationToken,
        grantId: task.grantId,
        resource,
        notBefore: task.position,
      }),
    begin: async (work) => (await tokens()).begin(work),
    giveBack: async (token) => (await tokens()).revoke(token),
    call: async (token, method, url, body) => (await tokens()).call(token, method, url, body),
    spawn: async (child) => {
      const answer = await clients.identity.spawnAgent({
        ...child,
        publicJwk: JSON.stringify(child.publicJwk),
        lifetimeSeconds: BigInt(child.lifetimeSeconds),
        labels: {},
      })
      return { agentId: answer.agent?.id ?? '', spiffeId: answer.agent?.spiffeId ?? '', position: answer.position }
    },
    passOn: async ({ delegation, agentId: to, authorizationDetails, purpose, lifetimeSeconds }) => {
      const answer = await clients.identity.passOnDelegation({
        delegationId: delegation.delegationId,
        agentId: to,
        authorizationDetails,
        purpose,
        lifetimeSeconds: BigInt(lifetimeSeconds),
        maximumDepth: 0,
        narrow: false,
      })
      const { delegationToken, position } = answer
      return { delegationId: answer.delegation?.id ?? '', delegationToken, position }
    },
    close: async () => {
      clients.close()
      await http.close()
    },
  }
}
