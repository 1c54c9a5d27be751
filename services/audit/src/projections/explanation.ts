/** Records of a thing, and of all that they name, folded into the answer: what was done, why, and who authorised it. */
import type { EventData, EventType } from '@credence/contracts/events/catalog'
import type { AttestationLoss } from '@credence/contracts/events/identity'
import type { Explanation, LifeEvent } from '@credence/contracts/gen/credence/audit/v1/audit'
import type { HoldCause } from '@credence/contracts/principals/agent'
import type { Entry } from '../domain/entry.ts'

export type Seen = { logIndex: number; entry: Entry }

type Found<T extends EventType> = EventData<T> & { logIndex: number; time: Date; actor: string }

/** Every fact of the records, by type. */
function factsOf(records: Seen[]) {
  const byType = new Map<string, Found<EventType>[]>()
  for (const { logIndex, entry } of records)
    for (const { type, data } of entry.event.data.facts) {
      const found = { ...data, logIndex, time: new Date(entry.event.time), actor: entry.event.data.actor.id }
      byType.set(type, [...(byType.get(type) ?? []), found as unknown as Found<EventType>])
    }
  return <T extends EventType>(type: T): Found<T>[] => (byType.get(type) ?? []) as unknown as Found<T>[]
}

/** One line a decision, in the order of the trail. `only` picks them. */
export function explain(
  records: Seen[],
  only: (decision: EventData<'credence.policy.decision.made.v1'>) => boolean,
): Explanation[] {
  const all = factsOf(records)
  const byId = <T extends EventType>(type: T, key: keyof EventData<T>) =>
    new Map(all(type).map((fact) => [fact[key as keyof typeof fact] as unknown as string, fact]))
  const effects = byId('credence.audit.effect.observed.v1', 'decision')
  const tasks = byId('credence.policy.task.opened.v1', 'task')
  const delegations = byId('credence.identity.delegation.granted.v1', 'delegation')
  const agents = byId('credence.identity.agent.registered.v1', 'agent')
  return all('credence.policy.decision.made.v1')
    .filter(only)
    .map((decision) => {
      const effect = effects.get(decision.decision)
      const task = decision.task ? tasks.get(decision.task) : undefined
      const agent = agents.get(decision.agent)
      const { model } = agent ?? {}
      return {
        decisionId: decision.decision,
        decidedAt: decision.time,
        decision: decision.outcome,
        reasons: decision.reasons,
        action: decision.action,
        resource: decision.resource,
        agentId: decision.agent,
        blueprint: agent?.blueprint ?? '',
        model: model ? `${model.provider}/${model.name}@${model.version}` : '',
        modelDigest: model?.digest ?? '',
        attestationResultId: decision.attestation?.result ?? '',
        attestationStatus: decision.attestation?.status ?? '',
        policyVersion: decision.policy_version,
        policyIds: policiesOf(decision),
        enforcementPoint: decision.enforcement_point,
        location: decision.location.name,
        grantId: decision.grant,
        taskId: decision.task ?? '',
        taskPurpose: task?.purpose ?? '',
        triggerType: task?.trigger.type ?? '',
        triggerSource: task?.trigger.source ?? '',
        triggerId: task?.trigger.id ?? '',
        delegationIds: decision.delegations,
        delegationPurpose: delegations.get(decision.delegations.at(-1) ?? '')?.purpose ?? '',
        human: decision.human ?? '',
        sponsor: agent?.sponsor ?? '',
        effectId: effect?.effect ?? '',
        effect: effect?.outcome ?? '',
        agreement: agreementOf(decision.outcome, effect?.outcome),
        decisionLogIndex: BigInt(decision.logIndex),
        effectLogIndex: BigInt(effect?.logIndex ?? -1),
        reports: (decision.reports ?? []).map(({ version, outcome }) => ({
          policyVersion: version,
          decision: outcome,
        })),
        approvedBy: decision.outcome === 'allow' ? (decision.approval?.approved_by ?? []) : [],
      }
    })
}

/** Those that decided, and those that could not be evaluated. */
const policiesOf = ({ outcome, verdict }: EventData<'credence.policy.decision.made.v1'>): string[] => {
  if (!verdict) return []
  const decided = verdict.forbids.length > 0 && outcome !== 'allow' ? verdict.forbids : verdict.permits
  return [...decided, ...verdict.errors]
}

/** draft-gilda-audit-agent-audit-record: derived from what was decided and what was seen. */
export function agreementOf(
  outcome: 'allow' | 'deny' | 'ask',
  effect: 'succeeded' | 'failed' | 'prevented' | undefined,
): string {
  if (effect === undefined) return 'indeterminate'
  const occurred = effect !== 'prevented'
  if (outcome !== 'allow') return occurred ? 'disagree' : 'agree'
  return occurred ? 'agree' : 'not-exercised'
}

/** Why an agent is held, or a result counts no more. */
const HELD: Record<HoldCause | AttestationLoss, string> = {
  operator: 'by a person',
  no_sponsor: 'because nobody answers for it',
  key_compromised: 'because somebody else may know its key',
  composition_changed: 'because it is made of something else than before',
  reference_withdrawn: 'because a reference value that it rests on was withdrawn',
  anchor_withdrawn: 'because a trust anchor that it rests on was withdrawn',
  measurement_blocked: 'because something that it runs was blocked',
  profile_changed: 'because its profile asks for more',
  tpm_removed: 'because its TPM was taken from it',
  attestation_expired: 'because it did not attest again in time',
  attestation_revoked: 'because its attestation was revoked',
}

const SUMMARIES: { [T in EventType]?: (fact: EventData<T>) => string } = {
  'credence.identity.agent.registered.v1': ({ agent, blueprint, parent }) =>
    parent ? `${agent} was spawned by ${parent}` : `${agent} was registered under ${blueprint}`,
  'credence.identity.agent.activated.v1': ({ agent, result, result_expires_at }) =>
    `${agent} became active, or stays so, by ${result} until ${result_expires_at}`,
  'credence.identity.agent.attestation_lost.v1': ({ agent, cause, result }) =>
    `${agent} lost its attestation${result ? ` ${result}` : ''}: ${HELD[cause]}`,
  'credence.identity.agent.suspended.v1': ({ agent, cause, reason }) =>
    `${agent} was suspended, ${HELD[cause]}: ${reason}`,
  'credence.identity.agent.quarantined.v1': ({ agent, cause, reason }) =>
    `${agent} was put into quarantine, ${HELD[cause]}: ${reason}`,
  'credence.identity.agent.restored.v1': ({ agent, reason }) => `${agent} was restored: ${reason}`,
  'credence.identity.agent.renewed.v1': ({ agent, expires_at }) => `${agent} lives on until ${expires_at}`,
  'credence.identity.agent.owner_changed.v1': ({ agent, owner, previous, reason }) =>
    `${agent} went from ${previous} to ${owner}: ${reason}`,
  'credence.identity.agent.key_rotated.v1': ({ agent, key_thumbprint, previous_ends_at }) =>
    `${agent} has a new key ${key_thumbprint}; the one before counts until ${previous_ends_at}`,
  'credence.identity.agent.key_withdrawn.v1': ({ agent, key_thumbprint, reason }) =>
    `key ${key_thumbprint} of ${agent} was withdrawn: ${reason}`,
  'credence.identity.agent.revoked.v1': ({ agent, reason }) => `${agent} was revoked: ${reason}`,
  'credence.identity.agent.retired.v1': ({ agent, reason }) => `${agent} was retired: ${reason}`,
  'credence.identity.agent.expired.v1': ({ agent }) => `${agent} has expired`,
  'credence.identity.svid.issued.v1': ({ kind, audience, expires_at }) =>
    `${kind === 'x509' ? 'X.509-SVID' : 'JWT-SVID'}${audience ? ` for ${audience}` : ''} until ${expires_at}`,
  'credence.identity.request.made.v1': ({ request, expires_at }) =>
    `${request} asks a person for authority, until ${expires_at}`,
  'credence.identity.delegation.granted.v1': ({ delegation, parent, purpose, expires_at }) =>
    `${delegation} was ${parent ? `passed on from ${parent}` : 'granted'} until ${expires_at}: ${purpose}`,
  'credence.identity.delegation.revoked.v1': ({ delegation, reason }) => `${delegation} was revoked: ${reason}`,
  'credence.identity.delegation.collected.v1': ({ delegation }) => `the token of ${delegation} was handed out`,
  'credence.identity.token.issued.v1': ({ audience, expires_at }) => `token for ${audience} until ${expires_at}`,
  'credence.identity.token.issued_to_self.v1': ({ expires_at }) => `token for itself until ${expires_at}`,
  'credence.identity.token.revoked.v1': () => 'token revoked',
  'credence.identity.token.refused.v1': ({ audience, error, reason }) =>
    `token for ${audience ?? 'nothing'} refused: ${error}, ${reason}`,
  'credence.attestation.result.recorded.v1': ({ result, status, accepted, changed, kinds, reasons }) =>
    [
      `attestation ${result} by ${kinds.length > 0 ? kinds.join(', ') : 'nothing that holds'}: ${status}`,
      accepted ? 'accepted' : 'not accepted',
      ...(changed ? ['what the agent is made of has changed'] : []),
    ].join(', ') + (reasons.length > 0 ? ` (${reasons.join(', ')})` : ''),
  'credence.attestation.result.revoked.v1': ({ result, cause, because, reason }) =>
    `attestation ${result} was revoked, ${HELD[cause]} (${because}): ${reason}`,
  'credence.policy.task.opened.v1': ({ task, purpose }) => `${task} was opened: ${purpose}`,
  'credence.policy.task.refused.v1': ({ task, reason }) => `${task} was refused: ${reason}`,
  'credence.policy.task.completed.v1': ({ task, outcome }) => `${task} was completed: ${outcome}`,
  'credence.policy.task.aborted.v1': ({ task, cause }) => `${task} was aborted: ${cause}`,
  'credence.policy.approval.requested.v1': ({ approval, action, resource, approver, persons }) =>
    `${approval} asks ${persons === 1 ? '' : `${persons} persons, `}${approver} to approve ${action} on ${resource}`,
  'credence.policy.risk.raised.v1': ({ code, level, source }) => `risk ${level}: ${code} (${source})`,
  'credence.policy.risk.cleared.v1': ({ code, source }) => `risk cleared: ${code} (${source})`,
}

/** What happened to an agent besides its decisions, one sentence each. */
export function lifeOf(records: Seen[], agent: string): LifeEvent[] {
  return records.flatMap(({ logIndex, entry }) =>
    entry.event.data.facts.flatMap(({ type, data }) => {
      const summary = SUMMARIES[type as EventType] as ((fact: unknown) => string) | undefined
      const about =
        [data.agent, data.parent].includes(agent) ||
        (type.startsWith('credence.policy.task.') && data.agent === undefined)
      if (!summary || !about) return []
      const { time, data: body } = entry.event
      return [{ time: new Date(time), type, summary: summary(data), actor: body.actor.id, logIndex: BigInt(logIndex) }]
    }),
  )
}
