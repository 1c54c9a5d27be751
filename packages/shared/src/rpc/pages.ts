/** Pages of lists that only grow at their end: a token names the last thing that was told, so nothing is told twice or left out. */
import { invalid } from '@credence/contracts/errors'
import { z } from 'zod'

const MOST = 500
const USUAL = 100

export const pageFields = {
  pageSize: z
    .int()
    .min(0, `must be from 1 to ${MOST}, or 0 for ${USUAL}`)
    .max(MOST, `must be from 1 to ${MOST}, or 0 for ${USUAL}`)
    .transform((size) => size || USUAL),
  pageToken: z.string().max(256, 'must be as the page before gave it'),
}

/** @param list which list it is a token of */
export const pageToken = (list: string, last: string): string => Buffer.from(`${list}\n${last}`).toString('base64url')

/**
 * @returns the last thing that was told; undefined at the beginning
 * @throws CredenceError `invalid_argument` for a token of another list, or none of ours
 */
export function lastTold(list: string, token: string): string | undefined {
  if (token === '') return undefined
  const [of, last, ...rest] = Buffer.from(token, 'base64url').toString('utf8').split('\n')
  if (of !== list || !last || rest.length > 0 || pageToken(list, last) !== token) throw strange()
  return last
}

/** One page of ids that stand in their order already. */
export function pageOf<T>(
  list: string,
  all: readonly string[],
  page: { pageSize: number; pageToken: string },
  show: (id: string) => T | undefined,
): { shown: T[]; nextPageToken: string } {
  const last = lastTold(list, page.pageToken)
  const start = last === undefined ? 0 : all.indexOf(last) + 1
  if (last !== undefined && start === 0) throw strange()
  const shown: T[] = []
  let told = ''
  for (let at = start; at < all.length; at++) {
    const id = all[at] ?? ''
    const one = show(id)
    if (one === undefined) continue
    if (shown.length === page.pageSize) return { shown, nextPageToken: pageToken(list, told) }
    shown.push(one)
    told = id
  }
  return { shown, nextPageToken: '' }
}

export const strange = () => invalid('page_token', 'must be as the page before gave it, for the same question')
