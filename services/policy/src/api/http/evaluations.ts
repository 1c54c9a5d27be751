/** Authorization API 1.0 §access-evaluation-api and §access-evaluations-api. */
import { CredenceError, invalid } from '@credence/contracts/errors'
import type { Asker } from '../ask.ts'
import { askEach, SEMANTICS, type Semantic } from '../semantics.ts'
import { decisionText } from './answer.ts'
import { isObject, type JsonObject, type Read, readJson } from './exact-json.ts'
import { statusOf } from './exchange.ts'
import type { Call, Parts } from './parts.ts'
import { type Question, readAction, readContext, readQuestion, readResource, readSubject, type TextOf } from './read.ts'

export const MAX_EVALUATIONS = 100

/** @throws CredenceError at once for a request that is not well-formed */
export function evaluate(parts: Parts, call: Call): Promise<string> {
  return evaluateOne(parts, call, readJson(call.body))
}

function evaluateOne(parts: Parts, { asker, requestId, details }: Call, read: Read): Promise<string> {
  const question = readQuestion(read.body, (entity) => read.textOf(-1, entity), requestId)
  question.details ||= details
  return decide(parts, question, asker)
}

const decide = (parts: Parts, question: Question, asker: Asker): Promise<string> =>
  parts
    .ask(question.asked, asker)
    .then((answer) => decisionText(question, answer, { requestEndpoint: parts.requestEndpoint, now: parts.clock }))

/** One entry, decided or not. `decided` is JSON text. */
type Entry = { decided: string; isAllow: boolean } | { failure: CredenceError }

export async function evaluateAll(parts: Parts, call: Call): Promise<string> {
  const read = readJson(call.body)
  const { evaluations, options } = read.body
  const semantic = readSemantic(options)
  if (evaluations !== undefined && !Array.isArray(evaluations)) throw invalid('evaluations', 'must be an array')
  if (evaluations === undefined || evaluations.length === 0) return evaluateOne(parts, call, read)
  if (evaluations.length > MAX_EVALUATIONS)
    throw invalid('evaluations', `must hold at most ${MAX_EVALUATIONS}; send several requests`)
  checkDefaults(read)
  const wrong = evaluations.findIndex((entry) => !isObject(entry))
  if (wrong >= 0) throw invalid(`evaluations.${wrong}`, 'must be an object')
  const one = (entry: JsonObject, index: number) => evaluateEntry(parts, call, read, entry, index)
  const entries = await askEach(evaluations, semantic, one, (entry) => 'isAllow' in entry && entry.isAllow)
  const failures = entries.flatMap((entry) => ('failure' in entry ? [entry.failure] : []))
  const [first] = failures
  // Nothing was decided, and not because of what was asked: that is no answer.
  if (first && failures.length === entries.length && failures.every((failure) => statusOf(failure) >= 500)) throw first
  return `{"evaluations":[${entries.map(entryText).join(',')}]}`
}

function readSemantic(options: unknown): Semantic {
  if (options === undefined) return 'execute_all'
  if (!isObject(options)) throw invalid('options', 'must be an object')
  const { evaluations_semantic: semantic = 'execute_all' } = options
  const known = SEMANTICS.find((word) => word === semantic)
  if (!known) throw invalid('options.evaluations_semantic', `must be one of ${SEMANTICS.join(', ')}`)
  return known
}

/** A default is whole, or not there; one that is wrong makes the request wrong, not some of its entries. */
function checkDefaults({ body, textOf }: Read): void {
  const textOfDefault: TextOf = (entity) => textOf(-1, entity)
  if (body.subject !== undefined) readSubject(body.subject)
  if (body.action !== undefined) readAction(body.action)
  if (body.resource !== undefined) readResource(body.resource, textOfDefault)
  if (body.context !== undefined) readContext(body.context, textOfDefault)
}

const ENTITIES = ['subject', 'action', 'resource', 'context'] as const

/** Every failure of one entry is its own (§errors): the others are decided all the same. */
async function evaluateEntry(parts: Parts, call: Call, read: Read, entry: JsonObject, index: number): Promise<Entry> {
  const { asker, requestId } = call
  try {
    const question = readQuestion(withDefaults(read.body, entry), textOfEntry(read, entry, index), requestId)
    question.details ||= call.details
    const decided = await decide(parts, question, asker)
    return { decided, isAllow: decided.startsWith('{"decision":true') }
  } catch (error) {
    if (error instanceof CredenceError) return { failure: error }
    throw error
  }
}

/** §default-values: an entity of the entry replaces the default whole. */
function withDefaults(body: JsonObject, entry: JsonObject): JsonObject {
  const entities: JsonObject = {}
  for (const name of ENTITIES) entities[name] = entry[name] === undefined ? body[name] : entry[name]
  return entities
}

const textOfEntry =
  (read: Read, entry: JsonObject, index: number): TextOf =>
  (entity) =>
    read.textOf(entry[entity] === undefined ? -1 : index, entity)

/** A failure is told as one (§errors), so that nobody takes it for a decision that was made and recorded. */
function entryText(entry: Entry): string {
  if ('decided' in entry) return entry.decided
  const { failure } = entry
  const isOurs = failure.status === 'internal'
  const message = isOurs ? 'Something went wrong here.' : failure.message
  return JSON.stringify({
    decision: false,
    context: { error: { status: statusOf(isOurs ? undefined : failure), message } },
  })
}
