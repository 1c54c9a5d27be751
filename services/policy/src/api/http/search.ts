/**
 * Authorization API 1.0 §search: who may do this, on what, and what may be done, now, under a live grant. Candidates come
 * from live grants, and each is judged by what decides everywhere else. Nothing is recorded, and nothing is used up.
 */
import { setImmediate as others } from 'node:timers/promises'
import { invalid } from '@credence/contracts/errors'
import type { Answer, Asked, Asker } from '../ask.ts'
import { isObject, type JsonObject, readJson } from './exact-json.ts'
import { type Page, pageText, readPage } from './page.ts'
import type { Call, Parts } from './parts.ts'
import {
  type About,
  readAction,
  readContext,
  readResource,
  readSubject,
  readType,
  readWord,
  type TextOf,
} from './read.ts'

/** What of a live grant candidates are made of. */
export type Reach = { grant: string; details: readonly { actions: readonly string[]; resources: readonly string[] }[] }

export type Searchable = {
  /** Waits until what was acknowledged until now, and what the caller has seen, is known here. @throws CredenceError `unavailable` */
  current(notBefore: readonly string[]): Promise<void>
  /** Agents with an open task whose grant names resources of this type: in order, after this one, at most so many. */
  agentsReaching(type: string, after: string, most: number): string[]
  /** Grants of an agent's open tasks. */
  reachOf(agent: string): Reach[]
  /** Actions that the schema of the active policies declares. */
  actions(): readonly string[]
  /** What would be decided now. */
  consider(asked: Asked, asker: Asker): Answer['outcome']
}

/** Of one page. What is not looked at is left to the next one. */
const MOST_CONSIDERED = 500
const MOST_AGENTS = 2_000
/** Of one agent. */
const MOST_GRANTS = 200
/** After so many, requests of others come first. */
const AT_ONCE = 16

type Candidate = { key: string; result: object; asked: Asked[] }

export async function searchSubjects(parts: Parts, call: Call): Promise<string> {
  const { body, textOf, about, page } = await begin(parts, call)
  const type = readWord(entityIn(body, 'subject').type, 'subject.type')
  const question = { action: readAction(body.action), resource: readResource(body.resource, textOf) }
  const agents =
    type === 'agent' ? parts.searchable.agentsReaching(question.resource.type, page.after, MOST_AGENTS) : []
  function* candidates(): Generator<Candidate> {
    for (const agent of agents) {
      const grants = grantsOf(parts, agent, about).filter(reaches(question.resource.type))
      const asked = grants.map(({ grant }) => askedOf({ agentId: agent, ...question }, about, grant, call))
      yield { key: agent, result: { type: 'agent', id: agent }, asked }
    }
  }
  return collect(parts, call, candidates(), page, about, agents.length === MOST_AGENTS ? agents.at(-1) : undefined)
}

export async function searchResources(parts: Parts, call: Call): Promise<string> {
  const { body, textOf, about, page } = await begin(parts, call)
  const agentId = readSubject(body.subject)
  const action = readAction(body.action)
  const { id: _, ...wanted } = entityIn(body, 'resource')
  const type = readType(wanted.type)
  const resource = readResource({ ...wanted, id: 'any' }, textOf)
  const grants = grantsOf(parts, agentId, about)
  const prefix = `${type}::`
  const named = byName(grants, ({ resources }) =>
    resources.filter((name) => name.startsWith(prefix) && !name.endsWith('*')).map((name) => name.slice(prefix.length)),
  )
  function* candidates(): Generator<Candidate> {
    for (const [id, under] of named) {
      if (id <= page.after) continue
      const asked = under.map((grant) =>
        askedOf({ agentId, action, resource: { ...resource, id } }, about, grant, call),
      )
      yield { key: id, result: { type, id }, asked }
    }
  }
  return collect(parts, call, candidates(), page, about)
}

export async function searchActions(parts: Parts, call: Call): Promise<string> {
  const { body, textOf, about, page } = await begin(parts, call)
  const agentId = readSubject(body.subject)
  const resource = readResource(body.resource, textOf)
  const declared = parts.searchable.actions()
  const covering = (pattern: string) =>
    pattern.endsWith('*') ? declared.filter((name) => name.startsWith(pattern.slice(0, -1))) : [pattern]
  const grants = grantsOf(parts, agentId, about).filter(reaches(resource.type))
  const named = byName(grants, ({ actions }) => actions.flatMap(covering))
  function* candidates(): Generator<Candidate> {
    for (const [action, under] of named) {
      if (action <= page.after) continue
      const asked = under.map((grant) => askedOf({ agentId, action, resource }, about, grant, call))
      yield { key: action, result: { name: action }, asked }
    }
  }
  return collect(parts, call, candidates(), page, about)
}

async function begin({ searchable }: Parts, { body: bytes }: Call) {
  const { body, textOf } = readJson(bytes)
  const textOfBody: TextOf = (entity) => textOf(-1, entity)
  const about = readContext(body.context, textOfBody)
  const page = readPage(body)
  await searchable.current(about.notBefore)
  return { body, textOf: textOfBody, about, page }
}

/** The entity that is searched; its id, if there is one, is ignored. */
function entityIn(body: JsonObject, name: 'subject' | 'resource'): JsonObject {
  const entity = body[name]
  if (!isObject(entity)) throw invalid(name, entity === undefined ? 'is missing' : 'must be an object')
  if (entity.properties !== undefined && !isObject(entity.properties))
    throw invalid(`${name}.properties`, 'must be an object')
  return entity
}

/** The one that is named; otherwise all, as far as we look. */
const grantsOf = ({ searchable }: Parts, agent: string, { grantId }: About): Reach[] =>
  grantId === ''
    ? searchable.reachOf(agent).slice(0, MOST_GRANTS)
    : searchable.reachOf(agent).filter(({ grant }) => grant === grantId)

const reaches =
  (type: string) =>
  ({ details }: Reach): boolean =>
    details.some(({ resources }) => resources.some((name) => name.startsWith(`${type}::`)))

/** Names and the grants that hold them, in order. */
function byName(
  grants: Reach[],
  namesIn: (detail: Reach['details'][number]) => readonly string[],
): [name: string, grants: string[]][] {
  const found = new Map<string, Set<string>>()
  for (const { grant, details } of grants)
    for (const detail of details)
      for (const name of namesIn(detail)) found.set(name, (found.get(name) ?? new Set()).add(grant))
  return [...found.keys()].sort().map((name) => [name, [...(found.get(name) ?? [])]])
}

function askedOf(
  act: Pick<Asked, 'agentId' | 'action' | 'resource'>,
  { details: _, shownApproval: __, ...about }: About,
  grantId: string,
  { requestId }: Call,
): Asked {
  return { ...about, ...act, grantId, requestId, receipt: false }
}

/** @param last where to go on when there may be candidates beyond those that are given */
async function collect(
  { searchable }: Parts,
  { asker, details }: Call,
  candidates: Iterable<Candidate>,
  page: Page,
  about: About,
  last?: string,
): Promise<string> {
  const results: object[] = []
  let considered = 0
  let after = page.after
  for (const { key, result, asked } of candidates) {
    if (results.length >= page.limit || (considered > 0 && considered + asked.length > MOST_CONSIDERED))
      return pageText(page, results, after)
    let found: Asked | undefined
    for (const question of asked) {
      if (++considered % AT_ONCE === 0) await others()
      found = searchable.consider(question, asker) === 'allow' ? question : undefined
      if (found) break
    }
    // Whoever asks for details is told the grant as well: the evaluation of this very result needs it.
    if (found) results.push(details || about.details ? { ...result, properties: { grant_id: found.grantId } } : result)
    after = key
  }
  return pageText(page, results, last)
}
