import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { matchRequest, readTemplate } from './path.ts'

const template = readTemplate('GET /a/{one}/{two}')
if (!template) throw new Error('no template')

/** Paths of pieces that proxies and servers are known to read in different ways. */
const piece = fc.constantFrom(
  'a',
  'b',
  '/',
  '//',
  '.',
  '..',
  '%2e',
  '%2F',
  ';',
  '\\',
  '?',
  '#',
  '%',
  ' ',
  'é',
  '@',
  '_',
  '-',
)
const segment = fc.array(piece, { minLength: 1, maxLength: 3 }).map((pieces) => pieces.join(''))
const path = fc.tuple(segment, segment).map((segments) => `/a/${segments.join('/')}`)

describe('a path that names something', () => {
  it('is read the same way by a URL parser, and after decoding', () => {
    let named = 0
    fc.assert(
      fc.property(path, (text) => {
        const match = matchRequest(template, 'GET', text)
        if ('fault' in match) return
        named++
        const { one, two } = match.names
        const { pathname } = new URL(text, 'https://calendar.example')
        expect(pathname).toBe(`/a/${one}/${two}`)
        expect(decodeURIComponent(pathname)).toBe(pathname)
      }),
      { numRuns: 20_000 },
    )
    expect(named).toBeGreaterThan(100)
  })
})
