/** Whatever comes, from an agent or from a cluster: the readers throw nothing, and say yes to nothing that was bent. */
import { readClusterKeys } from '@credence/contracts/attestation/cluster-keys'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { POD, YES } from '../../testing/api-answers.ts'
import { recorded } from '../../testing/recorded-cluster.ts'
import { readToken, type Token } from '../verifiers/kubernetes-sat/token.ts'
import { readPod } from './pod.ts'
import { tokenReviewFault } from './token-review.ts'

const genuine = readToken(new TextEncoder().encode(recorded.tokens.projected)) as Token
const json = fc.jsonValue({ maxDepth: 6 })

/** Every place in a JSON value, as a path. */
const places = (value: unknown, path: (string | number)[] = []): (string | number)[][] =>
  typeof value === 'object' && value !== null
    ? [path, ...Object.entries(value).flatMap(([name, part]) => places(part, [...path, name]))]
    : [path]
function replaced(value: unknown, [first, ...rest]: (string | number)[], by: unknown): unknown {
  if (first === undefined) return by
  const copy = structuredClone(value) as Record<string, unknown>
  copy[first] = replaced(copy[first], rest, by)
  return copy
}
const bent = (value: object) =>
  fc
    .tuple(fc.constantFrom(...places(value)), json)
    .map(([path, by]) => ({ path, answer: replaced(value, path, by), by }))
const base64url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

describe('readers of tokens, keys and answers', () => {
  it('take any bytes, and any JSON, for what it is', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        expect(readToken(bytes)).toHaveProperty('refused')
      }),
      { numRuns: 2_000 },
    )
    fc.assert(
      fc.property(json, json, (one, other) => {
        expect(readToken(new TextEncoder().encode(`${base64url(one)}.${base64url(other)}.AA`))).toHaveProperty(
          'refused',
        )
        expect(tokenReviewFault(one, genuine.claims, recorded.audience)).toHaveProperty('refused')
        expect(readPod(one, genuine.claims)).toHaveProperty('refused')
        expect(readClusterKeys(JSON.stringify(one))).toBeUndefined()
      }),
      { numRuns: 2_000 },
    )
  })

  it('say yes to a bent answer only where nothing that counts was bent', () => {
    const ofNoConcern = /^(status\.user\.groups|status\.user\.extra\.authentication\.kubernetes\.io\/credential-id)/
    fc.assert(
      fc.property(bent(YES), ({ path, answer, by }) => {
        const fault = tokenReviewFault(answer, genuine.claims, recorded.audience)
        const place = path.join('.')
        if (fault) expect(fault.refused).toMatch(/^review_/)
        else
          expect(
            ofNoConcern.test(place) || JSON.stringify(answer) === JSON.stringify(YES),
            `${place} ${JSON.stringify(by)}`,
          ).toBe(true)
      }),
      { numRuns: 5_000 },
    )
  })

  it('never take another pod for this one', () => {
    const counts =
      /^(apiVersion|kind|metadata\.(name|namespace|uid)|spec\.(nodeName|serviceAccountName)|status\.phase)$/
    fc.assert(
      fc.property(bent(POD), ({ path, answer }) => {
        const read = readPod(answer, genuine.claims)
        if (counts.test(path.join('.')) && JSON.stringify(answer) !== JSON.stringify(POD))
          expect(read).toHaveProperty('refused')
        if ('imageDigests' in read) for (const digest of read.imageDigests) expect(digest).toMatch(/^[0-9a-f]{64}$/)
      }),
      { numRuns: 5_000 },
    )
  })
})
