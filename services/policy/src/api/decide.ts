/** The decision point: pass the barrier, decide from memory, use up what is limited, record, then answer. */
import { CredenceError, unavailable } from '@credence/contracts/errors'
import type { DecisionFact } from '@credence/contracts/events/catalog'
import { newCommit } from '@credence/shared/event-store/commit'
import { newId } from '@credence/shared/ids'
import { waitFor } from '@credence/shared/rpc/fields'
import { useApproval } from '../domain/approval.ts'
import { conclude, type Decided, respend, type Surroundings, stand } from '../domain/decision.ts'
import { sentenceOf } from '../domain/reasons.ts'
import { decisionFact } from '../domain/record.ts'
import { reliedOn } from '../domain/situation.ts'
import { countUses, usedOf } from '../domain/usage.ts'
import type { Answer, Ask, Asked, Asker } from './ask.ts'
import type { Context } from './context.ts'

export const createAsk = (context: Context): Ask => {
  const { barrier, followers } = context
  return async (asked, asker, decided) => {
    await barrier()
    if (asked.notBefore.length > 0) await waitFor(asked.notBefore, followers)
    return answer(context, asked, asker, decided)
  }
}

/** What would be decided now. Nothing is recorded or used up: it says what may be done, and permits nothing. */
export function outcomeOf(context: Context, asked: Asked, asker: Asker): Answer['outcome'] {
  return conclude(weigh(context, asked, asker).standing, context.policies.live()).outcome
}

/** What is asked, and all that is known of it at this moment; nothing is written, and nothing is waited for. */
export function consider(context: Context, asked: Asked, asker: Asker) {
  const snapshot = context.snapshots.of(asked.agentId, asked.grantId)
  return { ...weigh(context, asked, asker), snapshot, positions: positionsOf(context) }
}

function weigh({ world, acts, followers, clock }: Context, asked: Asked, asker: Asker) {
  const { agentId: agent, grantId: grant, action, resource, audience, amount, arguments: told } = asked
  const now = clock()
  const act = once(() => {
    const { type, id } = resource
    return acts.digest({ agent, grant, action, resource: { type, id }, audience, amount, arguments: told })
  })
  const root = once(() => world.rootOf(world.taskOfGrant(grant)?.delegation))
  const surroundings: Surroundings = {
    tokenRevoked: world.revokedTokens.has(asked.tokenId),
    stale: followers.filter((follower) => !follower.fresh()).map(({ stream }) => stream),
    location: world.locate(asked.sourceAddress),
    enforcementPoint: { id: asker.id, location: world.locate(asker.address) },
    used: (node, detail) => world.used(root(), node, detail),
    approval: once(() => {
      const found = world.approvals.forAct(grant, act())
      if (!found) return undefined
      const { approval, approver, persons, approvedBy } = found
      return { approval, approver, persons, approvedBy, standing: world.approvals.standing(found, now) }
    }),
  }
  // What two readers could read differently is refused before anything else.
  if (told !== undefined) act()
  const standing = stand(asked, world.lookup, surroundings, now)
  return { standing, act, root }
}

type Considered = ReturnType<typeof consider>

async function answer(context: Context, asked: Asked, asker: Asker, heard: Parameters<Ask>[2]): Promise<Answer> {
  const { policies, acts, receipts } = context
  const decision = newId('dec')
  let considered = consider(context, asked, asker)
  let live = policies.live()
  let decided = conclude(considered.standing, live)
  if (heard)
    heard(reliedUpon(context, asked, decided.outcome === 'ask' || decided.approval ? considered.act() : undefined))
  for (let tries = 0; !(await usedUp(context, considered, decided, decision)); tries++) {
    if (tries >= ATTEMPTS) throw unavailable('contended', 'Too many at once use up the same limit. Try again.')
    considered = consider(context, asked, asker)
    live = policies.live()
    decided = conclude(considered.standing, live)
  }
  const { standing, snapshot } = considered
  const needsAct = isTold(asked) || decided.outcome === 'ask' || decided.approval !== undefined
  const fact = decisionFact({
    decision,
    protocol: asker.protocol,
    standing,
    decided,
    policies: live,
    reporting: policies.reporting(),
    snapshot: snapshot.digest,
    positions: considered.positions,
    request: asked.requestId,
    ...(needsAct ? { act: considered.act() } : {}),
  })
  const keeping = needsAct ? acts.keep(decision, toldOf(asked)) : undefined
  // Looked at below; when the record fails first, nobody waits for it.
  keeping?.catch(() => undefined)
  const position = await record(context, fact, standing.agent?.spiffe_id, standing.now)
  await kept(snapshot.kept)
  await kept(keeping)
  const receipt = asked.receipt ? await receipts.sign(fact.data, position, standing.now) : undefined
  const { outcome, obligations, reliedUntil, needed } = decided
  return {
    outcome,
    decision,
    reasons: decided.reasons.map((code) => ({ code, message: sentenceOf(code, decided.verdict) })),
    position,
    obligations,
    ...(reliedUntil > 0 ? { reliedUntil: new Date(reliedUntil) } : {}),
    ...(receipt ? { receipt } : {}),
    ...(needed ? { approvalNeeded: needed } : {}),
  }
}

/** How often a decision is made anew because somebody else was faster. */
const ATTEMPTS = 8

function reliedUpon({ world }: Context, asked: Asked, act: string | undefined) {
  const { ids, until } = reliedOn(world.lookup, asked.agentId, asked.grantId, asked.resource.sensitivity)
  return { ids: [...ids, asked.tokenId, ...(act ? [act] : [])], until }
}

/**
 * Approvals count once and limits hold exactly, whichever decision point is asked: what is used up is appended under the
 * expected place of its book. A use whose record then fails is lost, not given back: nobody can tell whether the act was done.
 * @returns false: somebody else was faster, and it has to be decided again on what is left
 */
async function usedUp(
  { writer, world }: Context,
  { standing, root, act }: Considered,
  decided: Decided,
  decision: string,
): Promise<boolean> {
  const { spending, now, task, agent, chain } = standing
  if (decided.outcome !== 'allow' || (spending.uses.length === 0 && !decided.approval)) return true
  const about = {
    actor: { kind: 'agent' as const, id: agent?.spiffe_id ?? '' },
    correlation: {
      task: task?.task,
      trigger: task?.trigger.id,
      delegation: task?.delegation,
      human: chain?.at(-1)?.human,
    },
    causation: decision,
    now,
  }
  try {
    if (decided.approval)
      await writer.execute(world.approvals.byAct, {
        ...about,
        id: act(),
        decide: (state) => useApproval(state, decision, now),
      })
    if (spending.uses.length > 0)
      await writer.execute(world.usages, {
        ...about,
        id: root(),
        decide: (book) =>
          countUses(
            root(),
            decision,
            respend(standing, world.lookup, (node, detail) => usedOf(book, node, detail)),
          ),
      })
    return true
  } catch (error) {
    if (error instanceof CredenceError && error.status === 'failed_precondition') return false
    throw error
  }
}

/** One decision knows one state of things, also after it has changed that state itself. */
function once<T>(look: () => T): () => T {
  let found: { value: T } | undefined
  return () => {
    found ??= { value: look() }
    return found.value
  }
}

const isTold = ({ amount, arguments: told, resource }: Asked): boolean =>
  amount !== undefined || told !== undefined || resource.properties !== undefined

const toldOf = ({ amount, arguments: told, resource }: Asked) => ({
  ...(amount ? { amount } : {}),
  ...(told ? { arguments: told } : {}),
  ...(resource.properties ? { properties: resource.properties } : {}),
})

function positionsOf({ followers }: Context): { [stream: string]: number } {
  const positions: { [stream: string]: number } = {}
  for (const follower of followers) positions[follower.stream] = follower.position()
  return positions
}

/** Not before the record is durable: one that is not acknowledged makes the call UNAVAILABLE, never an allow. */
async function record(
  { recorder, spiffeId }: Context,
  fact: DecisionFact,
  agentSpiffeId: string | undefined,
  now: Date,
) {
  const { data } = fact
  // What a caller makes up must not become the name of a log.
  const log = agentSpiffeId ? data.agent : 'unknown'
  const commit = newCommit([fact], {
    actor: { kind: 'agent', id: agentSpiffeId ?? data.agent },
    correlation: { task: data.task, delegation: data.delegations[0], human: data.human },
    causation: data.token,
    source: spiffeId,
    // One unique part is enough for both.
    commitId: `evt${data.decision.slice('dec'.length)}`,
    subject: `decision/${log}`,
    now,
  })
  const sequence = await recorder.record(`credence.decision.${log}`, commit).catch(notRecorded)
  return `DECISIONS:${sequence}`
}

const kept = (keeping: Promise<unknown> | undefined): Promise<unknown> | undefined => keeping?.catch(notRecorded)

const notRecorded = (error: unknown): never => {
  throw unavailable('not_recorded', 'The decision could not be recorded, so there is none. Try again.', error)
}
