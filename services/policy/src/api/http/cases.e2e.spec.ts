/** The protocol's cases (cases/README.md), one by one, at the real service. */
import { readdirSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AuthzenHouse, CASES, openAuthzenHouse } from '../../testing/authzen-house.ts'
import { patched } from '../../testing/situation.ts'

type Case = {
  title: string
  path: string
  method?: string
  headers?: Record<string, string>
  request?: object
  change?: object
  text?: string
  wanted: { status?: number; body?: unknown; text?: string }
}

const read = (name: string) => JSON.parse(readFileSync(new URL(name, CASES), 'utf8'))
const ALLOWED = read('allowed.json')
const files = readdirSync(CASES).filter((name) => name.endsWith('.json') && name !== 'allowed.json')

let house: AuthzenHouse
beforeAll(async () => {
  house = await openAuthzenHouse()
})
afterAll(() => house?.close())

function bodyOf({ text, request, change }: Case): string | undefined {
  if (text !== undefined) return house.filled(text)
  if (request === undefined && change === undefined) return undefined
  return house.filled(JSON.stringify(request ?? patched(ALLOWED, change)))
}

/** `"<any>"` is any text but an empty one. */
function wantedOf(value: unknown): unknown {
  if (value === '<any>') return expect.stringMatching(/./)
  if (typeof value === 'string') return house.filled(value)
  if (Array.isArray(value)) return value.map(wantedOf)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, wantedOf(member)]))
}

for (const file of files)
  describe(file, () => {
    it.each(read(file) as Case[])('$title', async (one) => {
      const { path, method = 'POST', headers, wanted } = one
      const body = bodyOf(one)
      const answer = await house.send(path, {
        method,
        headers: { 'content-type': 'application/json', ...headers },
        ...(body === undefined ? {} : { body }),
      })
      const text = await answer.text()
      expect(answer.status, text).toBe(wanted.status ?? 200)
      if (wanted.text !== undefined) {
        expect(text).toBe(wanted.text)
        expect(answer.headers.get('content-type')).toBe('text/plain; charset=utf-8')
      } else {
        expect(JSON.parse(text)).toEqual(wantedOf(wanted.body))
        expect(answer.headers.get('content-type')).toBe('application/json')
      }
    })
  })
