/** One agent’s day: what it may do, what it may not, who said so, and the proof. Only public APIs. */
import { join } from 'node:path'
import { explanationText } from '@credence/cli/commands/audit'
import type { Explanation } from '@credence/contracts/gen/credence/audit/v1/audit'
import { verifyTlogProof } from '@credence/sdk/verify/tlog-proof'
import { AgentFailure, startAgentProcess } from '../agent-process.ts'
import type { Company } from '../company.ts'
import type { Stack } from '../stack.ts'
import { tpmMissing } from '../tpm.ts'
import {
  AGENT_FOLDER,
  assemble,
  type Cast,
  childModel,
  type Enrolled,
  enrol,
  evidenceOf,
  furnish,
  identityOf,
} from './cast.ts'
import { attested, changedCopy, withdrawn } from './evidence.ts'
import { createNarrator, expect, type Narrator, type Say } from './narrator.ts'
import { ask, codes, MAIL, MEETING, type Scene, SECOND_MAIL } from './scene.ts'

export type Told = { agentId: string; decisionId: string; decisionIndex: bigint; verifierKey: string }

/** @throws Otherwise when a step comes out otherwise than told */
export async function tellStory(stack: Stack, company: Company, say: Say): Promise<Told> {
  const tell = createNarrator(say)
  tell.chapter('Before the story')
  const noTpm = tpmMissing()
  const cast = await assemble(stack, company, { tpm: !noTpm })
  const scene = { stack, company, cast, tell }
  try {
    tell.done(
      'Cora (marketing), Milan (her manager), Sofia and Noor (security) and Aiko (audit) log in at the company’s identity provider',
    )
    const { modelReference } = await furnish(cast)
    tell.done(
      'Sofia activates the policies, which Noor has signed off, lets the next ones be decided beside them, and names the networks; Milan sponsors the blueprint “meeting-scheduler”; its code, prompt, tools and model are approved',
    )
    tell.fact(
      noTpm
        ? `no TPM in the story: ${noTpm}`
        : 'the agents’ machine has a TPM (one in software), which its manufacturer certified',
    )
    const agent = await beginWork(scene)
    await outsideTheGrant(scene, agent)
    await elsewhere(scene, agent)
    await approved(scene, agent)
    await changedCopy(scene, agent)
    const child = await subAgent(scene, agent)
    await completed(scene, agent)
    await suspended(scene, agent, child)
    await withdrawn(scene, agent, modelReference)
    await killed(scene, agent, child)
    return await asked(scene, agent)
  } finally {
    await cast.close()
  }
}

async function beginWork(scene: Scene): Promise<Enrolled> {
  const { stack, company, cast, tell } = scene
  tell.chapter('“Schedule meetings for me for the next 8 hours”')
  const agent = await enrol(stack, company, cast, join(AGENT_FOLDER, 'agent.ts'))
  tell.done('an agent instance is registered, with a key that only it has', agent.spiffeId)
  const { positions } = await attested(scene, agent)
  const request = await agent.process.ask('request', {
    authorizationDetails: cast.authority.scheduling,
    statement: 'You told me: schedule meetings for me for the next 8 hours.',
    lifetimeSeconds: 8 * 3600,
    maximumDepth: 1,
  })
  tell.done(
    'it asks for authority, and shows Cora a code and where to type it',
    `${request.userCode}  ${request.verificationUri}`,
  )
  const [{ delegationId, position }, heading] = await Promise.all([
    agent.process.ask('answered', request),
    company.approve('cora', request),
  ])
  tell.fact(`she signs in, types the code, and reads in Credence’s words: “${heading}”`)
  tell.done('Cora approves: for 8 hours; passed on once at most', delegationId)
  const task = await agent.process.ask('begin', {
    mail: MAIL,
    details: cast.authority.everything,
    notBefore: [...positions, position],
  })
  expect('listing all customers is not granted', task.dropped.length === 1, task.dropped)
  tell.done('an e-mail asks for a meeting; the agent opens a task for it and gets a grant', task.grantId)
  tell.fact(
    `it asked for more than that, and did not get it: ${task.dropped.map(({ detail, reason }) => `${detail.actions.join(', ')} (${reason})`).join('; ')}`,
  )
  const booked = await ask(agent, company.calendar, 'POST', '/events', { body: MEETING })
  expect('the meeting is booked', booked.status === 201, booked)
  tell.done('with a token for the calendar, bound to its key, it books the meeting', `${booked.body.id}`)
  const contact = await ask(agent, company.customers, 'GET', '/customers/cedar/contact')
  expect('the contact is read', contact.status === 200, contact)
  tell.done('from the office network it looks up the contact', contact.body.name)
  return agent
}

async function outsideTheGrant({ company, tell }: Scene, agent: Enrolled): Promise<void> {
  tell.chapter('1. It asks the customer database for all records, as Cora could')
  const answer = await ask(agent, company.customers, 'GET', '/customers')
  expect('denied, outside the grant', answer.status === 403 && codes(answer).includes('outside_grant'), answer)
  tell.denied(`denied: ${codes(answer)}`, answer.body.decision_id)
}

async function elsewhere({ company, tell }: Scene, agent: Enrolled): Promise<void> {
  tell.chapter('2. It asks for the same contact from an untrusted network')
  const answer = await ask(agent, company.customers, 'GET', '/customers/cedar/contact', { fromElsewhere: true })
  expect('denied by policy', answer.status === 403 && codes(answer) === 'policy_forbids', answer)
  tell.denied(`denied: ${codes(answer)}, sensitive data from the café`, answer.body.decision_id)
}

async function approved({ company, cast, tell }: Scene, agent: Enrolled): Promise<void> {
  tell.chapter('3. It wants to cancel a meeting, which a policy lets nobody do without Cora’s word')
  const { body: meeting } = await ask(agent, company.calendar, 'POST', '/events', {
    body: { ...MEETING, title: 'Wrong day' },
  })
  const cancel = (id = meeting.id) => ask(agent, company.calendar, 'DELETE', `/events/${id}`)
  const held = await cancel()
  const { decision_id: decisionId = '', approval } = held.body
  expect('people are asked', held.status === 403 && codes(held) === 'approval_required' && Boolean(approval), held)
  tell.denied(`not yet: ${codes(held)}`, decisionId)
  const asked = await agent.process.ask('askPeople', {
    decisionId,
    position: approval?.decision_position ?? '',
    statement: 'It stands on the wrong day; I have booked the right one.',
  })
  tell.done('it asks, in its own words, and waits', asked.approvalId)
  const { approvals } = await cast.coordinator.policy.listApprovals({ all: false, pageSize: 0, pageToken: '' })
  const [one] = approvals
  expect('Cora sees what she is asked', one?.id === asked.approvalId && one.action === 'calendar.cancel', approvals)
  const [, answered] = await Promise.all([
    cast.coordinator.policy.answerApproval({ approvalId: asked.approvalId, approve: true, comment: '' }),
    agent.process.ask('awaitPeople', asked.approvalId),
  ])
  expect('the agent is told', answered.state === 'approved', answered)
  tell.done(`Cora reads what exactly is to be done (${one?.action} on ${one?.resource?.id}), and approves`)
  const done = await cancel()
  expect('exactly that is done', done.status === 200, done)
  tell.done('the agent does it')
  const another = await ask(agent, company.calendar, 'POST', '/events', { body: { ...MEETING, title: 'Another' } })
  const again = await cancel(another.body.id)
  expect('another meeting is another act', codes(again) === 'approval_required', again)
  tell.denied(`another meeting is another act: ${codes(again)}`, again.body.decision_id)
}

async function subAgent(scene: Scene, parent: Enrolled): Promise<Enrolled> {
  const { stack, company, cast, tell } = scene
  tell.chapter('5. It spawns a sub-agent with a part of its authority')
  const process = startAgentProcess(join(AGENT_FOLDER, 'agent.ts'))
  cast.processes.push(process)
  const { publicJwk, composition } = await process.ask('introduce', undefined as never)
  const spawned = await parent.process.ask('spawn', {
    purpose: 'Watches for changes of the meeting',
    model: childModel(composition.model),
    promptDigest: composition.prompt,
    toolManifestDigest: composition.tool_manifest,
    publicJwk,
    lifetimeSeconds: 3600,
  })
  const shows = { ...identityOf(stack, company), ...evidenceOf(stack, cast, spawned.agentId), ...spawned }
  await process.ask('become', shows)
  const child = { ...spawned, process, shows }
  const { positions } = await attested(scene, child)
  const { position, ...held } = await parent.process.ask('passOn', {
    agentId: child.agentId,
    authorizationDetails: cast.authority.calendarOnly,
    purpose: 'Watch the meeting in the calendar',
    lifetimeSeconds: 1800,
  })
  await process.ask('hold', held)
  tell.done('the sub-agent has its own identity, attests, and gets only: read the calendar', child.spiffeId)
  const task = await process.ask('begin', {
    mail: MAIL,
    details: cast.authority.scheduling,
    notBefore: [...positions, position],
  })
  const wanted = await ask(child, company.calendar, 'POST', '/events', { body: MEETING })
  expect('booking is denied', wanted.status === 403 && codes(wanted).includes('outside_grant'), wanted)
  tell.denied(`it tries to book as its parent could: denied: ${codes(wanted)}`, wanted.body.decision_id)
  tell.fact(
    `it had asked for all that its parent holds, and was granted: ${task.granted.flatMap(({ actions }) => actions).join(', ')}`,
  )
  const more = await parent.process
    .ask('passOn', {
      agentId: child.agentId,
      authorizationDetails: cast.authority.everything,
      purpose: 'More',
      lifetimeSeconds: 600,
    })
    .catch((error: AgentFailure) => error)
  expect('authority cannot widen', more instanceof AgentFailure && more.reason === 'outside_delegation', more)
  tell.denied('nor can the parent hand on more than it holds')
  return child
}

async function completed({ company, tell }: Scene, agent: Enrolled): Promise<void> {
  tell.chapter('6. The task is completed')
  const before = await ask(agent, company.calendar, 'POST', '/events', { body: { ...MEETING, title: 'Follow-up' } })
  expect('the token works until then', before.status === 201, before)
  await agent.process.ask('finish', undefined as never)
  tell.done('the agent says that it is done; its grant ends')
  const answer = await ask(agent, company.calendar, 'POST', '/events', { body: MEETING })
  expect('the same token is refused', answer.status === 401 && codes(answer).includes('grant_ended'), answer)
  tell.denied(`the same token, minutes before its expiry: refused: ${codes(answer)}`)
}

async function suspended({ company, cast, tell }: Scene, agent: Enrolled, child: Enrolled): Promise<void> {
  tell.chapter('7. Sofia suspends the agent while she looks into something')
  await agent.process.ask('beginAt', { mail: SECOND_MAIL, resource: company.calendar })
  const works = await ask(agent, company.calendar, 'POST', '/events', { body: MEETING })
  expect('the second task works', works.status === 201, works)
  tell.done('a second e-mail; one OAuth request opens the task and gets its token: the agent works')
  const reason = 'Unusual hours, ticket SEC-117'
  await cast.security.identity.suspendAgent({ agentId: agent.agentId, reason })
  const [own, below] = await Promise.all([
    ask(agent, company.calendar, 'POST', '/events', { body: MEETING }),
    ask(child, company.calendar, 'GET', '/events/evn_1'),
  ])
  expect('the agent is refused', own.status === 401 && codes(own).includes('agent_suspended'), own)
  expect('what it passed on does not count', codes(below).includes('delegator_held'), below)
  tell.denied(`the agent: ${codes(own)}; its sub-agent: ${codes(below)}`)
  await cast.security.identity.restoreAgent({ agentId: agent.agentId, reason: 'Cora was travelling, SEC-117' })
  const again = await ask(agent, company.calendar, 'POST', '/events', { body: MEETING })
  expect('restored, it goes on where it was', again.status === 201, again)
  tell.done('restored: the same token, the same task, and it goes on')
}

async function killed({ company, cast, tell }: Scene, agent: Enrolled, child: Enrolled): Promise<void> {
  tell.chapter('9. Security kills the agent')
  const works = await ask(agent, company.calendar, 'POST', '/events', { body: MEETING })
  expect('it works until then', works.status === 201, works)
  const started = performance.now()
  const { endedAgentIds } = await cast.security.identity.revokeAgent({
    agentId: agent.agentId,
    reason: 'Unusual activity, ticket SEC-118',
  })
  const told = performance.now()
  const [own, below] = await Promise.all([
    ask(agent, company.calendar, 'POST', '/events', { body: MEETING }),
    ask(child, company.calendar, 'GET', '/events/evn_1'),
  ])
  const refused = performance.now()
  expect(
    'agent and sub-agent are ended',
    endedAgentIds.includes(agent.agentId) && endedAgentIds.includes(child.agentId),
    endedAgentIds,
  )
  expect('the agent is refused', own.status === 401 && codes(own).includes('agent_revoked'), own)
  expect('the sub-agent is refused', below.status === 401 && /agent_revoked|parent_ended/.test(codes(below)), below)
  tell.denied(`the next call of the agent: refused: ${codes(own)}`)
  tell.denied(`the next call of the sub-agent: refused: ${codes(below)}`)
  tell.fact(
    `kill acknowledged after ${(told - started).toFixed(1)} ms; both refused ${(refused - told).toFixed(1)} ms later`,
  )
}

async function asked({ cast, tell }: Scene, agent: Enrolled): Promise<Told> {
  tell.chapter('10. The SOC asks: what did this agent do, why, who authorised it?')
  const answer = await settled(() =>
    cast.auditor.audit.explain({ about: { $case: 'agentId', value: agent.agentId }, notBefore: [] }),
  )
  const booking = answer.explanations.find(({ action, decision }) => action === 'calendar.book' && decision === 'allow')
  const denied = answer.explanations.find(({ action }) => action === 'customers.list')
  expect('the booking is explained', booking?.effect === 'succeeded' && booking.agreement === 'agree', booking)
  expect(
    'up to the human',
    Boolean(
      booking?.human &&
        booking.triggerId === MAIL.id &&
        booking.taskId &&
        booking.model &&
        booking.policyVersion &&
        booking.attestationStatus,
    ),
    booking,
  )
  expect('the denied attempt is there with its reason', Boolean(denied?.reasons.includes('outside_grant')), denied)
  if (!booking || !denied) throw new Error('unreachable')
  tell.done(
    `one query over ClickHouse: ${answer.explanations.length} decisions, ${answer.life.length} events of its life`,
  )
  tell.quote(
    await explanationText(cast.auditor, { explanations: [booking, denied], life: [], indexedSize: answer.indexedSize }),
  )
  await reportedAndReplayed(cast, answer.explanations, tell)
  const proof = await cast.auditor.audit.getInclusionProof({
    record: { $case: 'logIndex', value: booking.decisionLogIndex },
  })
  const { index, size, origin } = verifyTlogProof(proof.proof, proof.entry, proof.verifierKey)
  tell.done(
    `the record of that decision is number ${index} of ${size} in ${origin}: the inclusion proof verifies, offline, against the signed checkpoint`,
  )
  return {
    agentId: agent.agentId,
    decisionId: booking.decisionId,
    decisionIndex: booking.decisionLogIndex,
    verifierKey: proof.verifierKey,
  }
}

/** What the candidate beside the active policies would have said, and whether every decision comes out the same again. */
async function reportedAndReplayed({ auditor }: Cast, decisions: Explanation[], tell: Narrator): Promise<void> {
  const differing = decisions.filter(({ decision, reports }) => reports.some((report) => report.decision !== decision))
  expect(
    'every decision was reported on',
    decisions.every(({ reports }) => reports.length === 1),
    decisions,
  )
  const [first] = differing
  expect('the candidate would decide some otherwise', Boolean(first), differing)
  tell.fact(
    `beside them a candidate in report-only decided, and enforced nothing: it would have decided ${differing.length} of ${decisions.length} otherwise (${first?.action}: ${first?.reports[0]?.decision})`,
  )
  for (const { decisionId } of decisions) {
    const replayed = await auditor.policy.replayDecision({ decisionId, position: '' })
    expect('a decision comes out the same again', replayed.agrees, replayed)
  }
  tell.done(`all ${decisions.length} recomputed from their records, the policies and what they knew: every one agrees`)
}

/** The index follows the trail by a few milliseconds; asks again until the last effect is in. */
async function settled<T extends { explanations: { agreement: string }[] }>(query: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    const answer = await query()
    if (tries > 50 || answer.explanations.every(({ agreement }) => agreement !== 'indeterminate')) return answer
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
