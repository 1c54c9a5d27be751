/** From AuthZEN's entities to a question: what is read is checked by hand, since every decision comes through here. */
import { isIP } from 'node:net'
import { invalid } from '@credence/contracts/errors'
import type { Sensitivity } from '@credence/contracts/events/values'
import type { Asked } from '../ask.ts'
import { isObject, type JsonObject } from './exact-json.ts'

/** What is asked, and how the caller wants to be answered. */
export type Question = {
  asked: Asked
  /** Reasons and the rest were asked for (`context.credence_details`, or a header). */
  details: boolean
  /** The caller shows an approval (access request profile): it is told what to do next. */
  shownApproval?: string
}

/** The text of a part of an entity, as it was written (exact-json.ts). */
export type TextOf = (entity: 'resource' | 'action' | 'context') => string | undefined

/** Obligations that policies can ask for; all that is told by metadata (obligations profile §discovery). */
export const OBLIGATIONS: readonly string[] = ['log_more', 'mask_fields', 'limit_rows']

const SENSITIVITIES: readonly string[] = ['public', 'internal', 'confidential', 'restricted']
const AGENT_ID = /^agt_[0-7][0-9a-hjkmnp-tv-z]{25}$/
const AMOUNT_VALUE = /^[0-9]{1,15}(\.[0-9]{1,6})?$/
const CURRENCY = /^[A-Z]{3}$/
/** In a stream that a decision reads. */
const POSITION = /^(IDENTITY|ATTESTATION|POLICY):[0-9]{1,15}$/
const MAX_POSITIONS = 8
const MAX_OBLIGATIONS = 32
/** Characters of JSON text, of properties and of arguments. */
const MAX_TOLD = 16_384

/**
 * Authorization API 1.0 §access-evaluation-request. Members that are not known are ignored.
 * @param entities subject, action, resource and context, defaults filled in
 * @throws CredenceError `invalid_argument` naming the member
 */
export function readQuestion(entities: JsonObject, textOf: TextOf, requestId: string): Question {
  const agentId = readSubject(entities.subject)
  const action = readAction(entities.action)
  const resource = readResource(entities.resource, textOf)
  const about = readContext(entities.context, textOf)
  const parameters = filled(textOf('action'), 'action.properties')
  if (parameters !== undefined && about.arguments !== undefined)
    throw invalid('context.arguments', 'stands beside action.properties; tell the arguments of the act once')
  const { details, shownApproval, ...said } = about
  const told = about.arguments ?? parameters
  const asked: Asked = { ...said, agentId, action, resource, requestId }
  if (told !== undefined) asked.arguments = told
  return shownApproval === undefined ? { asked, details } : { asked, details, shownApproval }
}

/**
 * The agent's id; empty for everybody else, so that no name of a person gets into a record.
 * `subject.properties` are not read: what is known of an agent is known here.
 */
export function readSubject(value: unknown): string {
  const subject = readEntity(value, 'subject')
  const type = readWord(subject.type, 'subject.type')
  const id = readWord(subject.id, 'subject.id')
  return type === 'agent' && AGENT_ID.test(id) ? id : ''
}

export function readAction(value: unknown): string {
  return readWord(readEntity(value, 'action').name, 'action.name', 128)
}

export function readResource(value: unknown, textOf: TextOf): Asked['resource'] {
  const { type, id, properties } = readEntity(value, 'resource')
  const resource: Asked['resource'] = {
    type: readType(type),
    id: readWord(id, 'resource.id'),
    sensitivity: readSensitivity(properties as JsonObject | undefined),
  }
  const text = filled(textOf('resource'), 'resource.properties')
  // Sensitivity alone is told already.
  const isMore = text !== undefined && Object.keys(properties as JsonObject).some((name) => name !== 'sensitivity')
  if (isMore) resource.properties = text
  return resource
}

/** Two colons separate type and id in records and grants: a type that holds them could pass for another resource. */
export function readType(value: unknown, field = 'resource.type'): string {
  const type = readWord(value, field)
  if (type.includes('::')) throw invalid(field, 'must not hold "::"')
  return type
}

/** Nobody said: then it may be the most sensitive. */
function readSensitivity(properties: JsonObject | undefined): Sensitivity {
  const told = properties && Object.hasOwn(properties, 'sensitivity') ? properties.sensitivity : 'restricted'
  if (typeof told !== 'string' || !SENSITIVITIES.includes(told))
    throw invalid('resource.properties.sensitivity', `must be one of ${SENSITIVITIES.join(', ')}`)
  return told as Sensitivity
}

export type About = Omit<Asked, 'agentId' | 'action' | 'resource' | 'requestId'> & {
  details: boolean
  shownApproval?: string
}

const NOTHING: readonly never[] = []

export function readContext(value: unknown, textOf: TextOf): About {
  if (value === undefined)
    return {
      grantId: '',
      tokenId: '',
      audience: '',
      sourceAddress: '',
      notBefore: NOTHING,
      supportedObligations: NOTHING,
      receipt: false,
      details: false,
    }
  if (!isObject(value)) throw invalid('context', 'must be an object')
  const about: About = {
    grantId: readOptional(value.grant_id, 'context.grant_id', 128),
    tokenId: readOptional(value.token_id, 'context.token_id', 128),
    audience: readOptional(value.audience, 'context.audience', 256),
    sourceAddress: readAddress(value.source_address),
    notBefore: value.not_before === undefined ? NOTHING : readPositions(value.not_before),
    supportedObligations:
      value.supported_obligations === undefined ? NOTHING : readObligations(value.supported_obligations),
    receipt: readFlag(value.credence_receipt, 'context.credence_receipt'),
    details: readFlag(value.credence_details, 'context.credence_details'),
  }
  if (value.amount !== undefined) about.amount = readAmount(value.amount)
  if (value.arguments !== undefined) {
    if (!isObject(value.arguments)) throw invalid('context.arguments', 'must be an object')
    const text = filled(textOf('context'), 'context.arguments')
    if (text !== undefined) about.arguments = text
  }
  if (value.approval !== undefined) about.shownApproval = readApproval(value.approval)
  return about
}

function readEntity(value: unknown, field: string): JsonObject {
  if (!isObject(value)) throw invalid(field, value === undefined ? 'is missing' : 'must be an object')
  if (value.properties !== undefined && !isObject(value.properties))
    throw invalid(`${field}.properties`, 'must be an object')
  return value
}

/** Text that can be shown and compared: no control or direction characters. */
export function readWord(value: unknown, field: string, most = 256): string {
  if (typeof value !== 'string') throw invalid(field, value === undefined ? 'is missing' : 'must be a string')
  if (value === '') throw invalid(field, 'must not be empty')
  if (value.length > most && [...value].length > most) throw invalid(field, `must be at most ${most} characters`)
  for (let at = 0; at < value.length; at++)
    if (isHidden(value.charCodeAt(at))) throw invalid(field, 'must not hold control or direction characters')
  return value
}

const isHidden = (code: number): boolean =>
  code < 0x20 ||
  (code >= 0x7f &&
    (code < 0xa0 ||
      (code >= 0x200b && code <= 0x200f) ||
      (code >= 0x2028 && code <= 0x202e) ||
      (code >= 0x2060 && code <= 0x206f) ||
      code === 0xfeff))

const readOptional = (value: unknown, field: string, most: number): string =>
  value === undefined || value === '' ? '' : readWord(value, field, most)

function readFlag(value: unknown, field: string): boolean {
  if (value !== undefined && typeof value !== 'boolean') throw invalid(field, 'must be true or false')
  return value === true
}

/** Empty when the socket is gone; a zone index (RFC 4007 §11) says nothing to us. */
function readAddress(value: unknown): string {
  if (value === undefined || value === '') return ''
  const address = typeof value === 'string' && value.length <= 64 ? value.replace(/%.*$/, '') : ''
  if (isIP(address) === 0) throw invalid('context.source_address', 'must be an IPv4 or IPv6 address')
  return address
}

function readPositions(value: unknown): string[] {
  const isPosition = (text: unknown) => typeof text === 'string' && POSITION.test(text)
  if (!Array.isArray(value) || value.length > MAX_POSITIONS || !value.every(isPosition))
    throw invalid('context.not_before', `must be at most ${MAX_POSITIONS} positions like "POLICY:1234"`)
  return value
}

/** Obligations profile §negotiation: what metadata does not name is ignored. */
function readObligations(value: unknown): string[] {
  if (!Array.isArray(value) || value.length > MAX_OBLIGATIONS || !value.every((type) => typeof type === 'string'))
    throw invalid('context.supported_obligations', `must be at most ${MAX_OBLIGATIONS} strings`)
  return OBLIGATIONS.filter((type) => value.includes(type))
}

function readAmount(value: unknown): { currency: string; value: string } {
  const { currency, value: number } = isObject(value) ? value : {}
  if (
    typeof currency !== 'string' ||
    !CURRENCY.test(currency) ||
    typeof number !== 'string' ||
    !AMOUNT_VALUE.test(number)
  )
    throw invalid('context.amount', 'must be like {"currency": "EUR", "value": "420.00"}, the value a string')
  return { currency, value: number }
}

/** Access request profile §completion-semantics. Which approval counts is found by the act, not by what the caller says. */
function readApproval(value: unknown): string {
  if (!isObject(value)) throw invalid('context.approval', 'must be an object')
  return readWord(value.id, 'context.approval.id', 128)
}

/** An object with nothing in it tells nothing. */
function filled(text: string | undefined, field: string): string | undefined {
  if (text === undefined || /^\{\s*\}$/.test(text)) return undefined
  if (text.length > MAX_TOLD) throw invalid(field, `must be at most ${MAX_TOLD} characters of JSON`)
  return text
}
