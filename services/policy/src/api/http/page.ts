/**
 * Authorization API 1.0 §search-pagination. A token says where to go on, how long pages are and, by a digest, which search
 * it belongs to: any decision point can go on with it, and none has to remember it. It gives nobody anything: whoever makes
 * one up gets a later part of what they may search anyway.
 */
import { createHash } from 'node:crypto'
import { invalid } from '@credence/contracts/errors'
import { isObject, type JsonObject } from './exact-json.ts'

export type Page = {
  /** Results come after this one; empty: from the beginning. */
  after: string
  limit: number
  search: string
  /** The caller spoke of pages, and gets one in the answer. */
  told: boolean
}

const USUAL_LIMIT = 50
export const MAX_LIMIT = 100
const MAX_TOKEN = 2_048

/** @throws CredenceError `invalid_argument` for a token of another search, or when anything else has changed since */
export function readPage({ page, ...search }: JsonObject): Page {
  if (page === undefined)
    return { after: '', limit: USUAL_LIMIT, search: digestOf({ ...search, page: {} }), told: false }
  if (!isObject(page)) throw invalid('page', 'must be an object')
  const { token, limit, properties, ...more } = page
  if (properties !== undefined && !isObject(properties)) throw invalid('page.properties', 'must be an object')
  const digest = digestOf({ ...search, page: { properties, ...more } })
  const asked = readLimit(limit)
  if (token === undefined || token === '') return { after: '', limit: asked ?? USUAL_LIMIT, search: digest, told: true }
  const begun = readToken(token)
  if (!begun) throw invalid('page.token', 'is not one of ours')
  if (begun.search !== digest || (asked ?? begun.limit) !== begun.limit)
    throw invalid('page.token', 'belongs to another search: repeat everything but the token')
  return { ...begun, told: true }
}

/**
 * §search-response: `page` first, and only where there is something to say.
 * @param next where the next page begins; undefined when there is none
 */
export function pageText(page: Page, results: object[], next: string | undefined): string {
  const { told, limit, search } = page
  const token = next === undefined ? '' : Buffer.from(JSON.stringify([next, limit, search])).toString('base64url')
  const shown = told || token !== '' ? { page: { next_token: token, count: results.length } } : {}
  return JSON.stringify({ ...shown, results })
}

function readToken(token: unknown): Omit<Page, 'told'> | undefined {
  if (typeof token !== 'string' || token.length > MAX_TOKEN || !/^[A-Za-z0-9_-]+$/.test(token)) return undefined
  try {
    const parts: unknown = JSON.parse(Buffer.from(token, 'base64url').toString())
    if (!Array.isArray(parts) || parts.length !== 3) return undefined
    const [after, limit, search] = parts
    const isOne = typeof after === 'string' && typeof search === 'string' && Number.isInteger(limit)
    return isOne && limit >= 0 && limit <= MAX_LIMIT ? { after, limit, search } : undefined
  } catch {
    return undefined
  }
}

function readLimit(limit: unknown): number | undefined {
  if (limit === undefined) return undefined
  if (typeof limit !== 'number' || !Number.isInteger(limit) || limit < 0)
    throw invalid('page.limit', 'must be a whole number, not negative')
  return Math.min(limit, MAX_LIMIT)
}

/** The order of members says nothing (RFC 8259 §4). */
const digestOf = (search: JsonObject): string =>
  createHash('sha256').update(JSON.stringify(search, inOrder)).digest('base64url').slice(0, 22)

const inOrder = (_name: string, value: unknown): unknown =>
  isObject(value) ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) : value
