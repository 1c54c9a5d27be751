/** Random histories of what policy follows: IDENTITY, attestation results, and tasks, places, policies, uses and risk of its own. */
import type { Fact } from '@credence/contracts/events/catalog'
import { newId } from '@credence/shared/ids'
import fc from 'fast-check'
import { recordedCommit } from '../../../../infra/testing/commits.ts'
import * as facts from '../../../../infra/testing/facts.ts'
import { AGENTS, DELEGATIONS, identityHistory, PEOPLE } from '../../../../infra/testing/identity-histories.ts'

export const TASKS = Array.from({ length: 4 }, () => ({ task: newId('tsk'), grant: newId('grt') }))
export const VERSIONS = ['a', 'b'].map((letter) => letter.repeat(64))

const RESULTS = AGENTS.map(() => [newId('att'), newId('att')])
/** Each agent has two. */
const resultAt = (index: number, other: number) => {
  const at = index % AGENTS.length
  return { agent: AGENTS[at] as string, result: RESULTS[at]?.[other % 2] as string }
}
export const REFERENCES = Array.from({ length: 3 }, () => newId('ref'))
export const ANCHORS = Array.from({ length: 2 }, () => newId('anc'))
export const DIGESTS = ['d', 'e', 'f'].map((letter) => letter.repeat(64))
/** None, one, or two of them. */
const some = (ids: readonly string[], pick: number) => ids.filter((_, at) => (pick >> at) % 3 === 0)

type Made = [stream: 'POLICY' | 'ATTESTATION', subject: string, facts: Fact[]]
const HAPPENINGS: ((index: number, other: number) => Made)[] = [
  (index, other) => {
    const { task, grant } = TASKS[index % TASKS.length] as (typeof TASKS)[number]
    const [agent = '', delegation = '', human = ''] = [AGENTS, DELEGATIONS, PEOPLE].map(
      (ids) => ids[other % ids.length],
    )
    const details = { authorization_details: [facts.detail()], dropped: [], expires_at: facts.hours(1) }
    const opened = { task, agent, delegation, human, trigger: facts.TRIGGER, purpose: 'Book' }
    return [
      'POLICY',
      `task/${task}`,
      [
        { type: 'credence.policy.task.opened.v1', data: opened },
        { type: 'credence.policy.grant.issued.v1', data: { grant, task, agent, delegation, ...details } },
      ],
    ]
  },
  (index, other) => {
    const { task, grant } = TASKS[index % TASKS.length] as (typeof TASKS)[number]
    const end: Fact =
      other % 2
        ? { type: 'credence.policy.task.completed.v1', data: { task, outcome: 'succeeded' } }
        : { type: 'credence.policy.task.aborted.v1', data: { task, cause: 'agent_revoked' } }
    const ended: Fact = { type: 'credence.policy.grant.ended.v1', data: { grant, task, cause: 'task_completed' } }
    return ['POLICY', `task/${task}`, [end, ended]]
  },
  (index, other) => {
    const result = facts.result({
      ...resultAt(index, other),
      accepted: other % 4 !== 0,
      references: some(REFERENCES, other),
      anchors: some(ANCHORS, index),
      digests: some(DIGESTS, index + other),
      ...(other % 3 === 0 ? { sufficient: [{ sensitivity: 'public', expires_at: facts.hours(2) }] } : {}),
    })
    return ['ATTESTATION', `challenge/${result.challenge}`, [facts.recorded(result)]]
  },
  (index, other) => {
    const of = resultAt(index, other)
    return ['ATTESTATION', `result/${of.result}`, [facts.resultRevoked(of, { consequence: 'suspend' })]]
  },
  (index, other) => {
    const [reference, anchor, digest] = [REFERENCES, ANCHORS, DIGESTS].map((ids) => ids[index % ids.length] as string)
    const change = [
      ['reference', reference, facts.referenceWithdrawn],
      ['anchor', anchor, facts.anchorWithdrawn],
      ['measurement', digest, (id: string) => facts.measurement('blocked', id)],
      ['measurement', digest, (id: string) => facts.measurement('unblocked', id)],
    ] as const
    const [kind, id = '', make] = change[other % change.length] ?? change[0]
    return ['ATTESTATION', `${kind}/${id}`, [make(id)]]
  },
  (index, other) => {
    const name = ['office', 'guests'][index % 2] as string
    const data = { name, trusted: other % 2 === 0, ranges: [`10.${other % 2}.0.0/${8 + (other % 9)}`] }
    return ['POLICY', `location/${name}`, [{ type: 'credence.policy.location.defined.v1', data }]]
  },
  (index) => {
    const data = {
      version: VERSIONS[index % 2] as string,
      policy_parts: 2,
      schema_parts: 1,
      comment: '',
      author: 'hum_1',
      drafted_at: facts.hours(index),
    }
    return ['POLICY', `policyset/${data.version}`, [{ type: 'credence.policy.policyset.drafted.v1', data }]]
  },
  (index, other) => {
    const version = VERSIONS[index % 2] as string
    const [of, part] = [['policies', 0] as const, ['policies', 1] as const, ['schema', 0] as const][other % 3] ?? []
    const data = { version, of: of ?? 'policies', part: part ?? 0, text: 'permit' }
    return ['POLICY', `policyset/${version}`, [{ type: 'credence.policy.policyset.text_added.v1', data }]]
  },
  (index, other) => {
    const { grant } = TASKS[index % TASKS.length] as (typeof TASKS)[number]
    const root = DELEGATIONS[other % DELEGATIONS.length] as string
    const data = { root, decision: newId('dec'), uses: [{ node: grant, detail: 0 }] }
    return ['POLICY', `usage/${root}`, [{ type: 'credence.policy.usage.counted.v1', data }]]
  },
  (index, other) => {
    const agent = AGENTS[index % AGENTS.length] as string
    const about = { agent, source: 'spiffe://acme.example/detector/1', code: 'unusual_hours' }
    const raised = { level: 'high' as const, explanation: 'x', raised_at: facts.hours(0), decay_seconds: 3_600 }
    const fact: Fact =
      other % 3 === 0
        ? { type: 'credence.policy.risk.cleared.v1', data: about }
        : { type: 'credence.policy.risk.raised.v1', data: { ...about, ...raised } }
    return ['POLICY', `risk/${agent}`, [fact]]
  },
  (index, other) => {
    const data = { version: VERSIONS[index % 2] as string }
    const type = (['activated', 'report_started', 'report_stopped'] as const)[other % 3] ?? 'activated'
    return ['POLICY', 'live/policies', [{ type: `credence.policy.live.${type}.v1`, data } as Fact]]
  },
]

export const history = fc
  .tuple(identityHistory, fc.array(fc.tuple(fc.nat(HAPPENINGS.length - 1), fc.nat(29), fc.nat(29)), { maxLength: 30 }))
  .map(([commits, steps]) => {
    const opened = new Set<string>()
    const rest = steps.flatMap(([what, index, other]) => {
      const [stream, subject, made] = (HAPPENINGS[what] as (typeof HAPPENINGS)[number])(index, other)
      // A task is opened once.
      if (what === 0 && opened.has(subject)) return []
      if (what === 0) opened.add(subject)
      return [[stream, subject, made] as Made]
    })
    return [
      ...commits,
      ...rest.map(([stream, subject, made], at) => recordedCommit(stream, commits.length + at + 1, subject, made)),
    ]
  })
