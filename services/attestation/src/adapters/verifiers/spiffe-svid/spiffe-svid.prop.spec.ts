import { evidenceBinding } from '@credence/contracts/attestation/binding'
import { proveSvidKey } from '@credence/shared/spiffe/svid-proof'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { type ForeignDomain, foreignDomain } from '../../../../../../infra/testing/foreign-domain.ts'
import type { Evidenced } from '../../../api/verifier.ts'
import { spiffeSvid } from '../../../domain/kinds/spiffe-svid.ts'
import { spiffeSvidVerifier } from './spiffe-svid.ts'

const NOW = new Date('2026-11-25T04:00:00Z')
const AUDIENCE = 'spiffe://credence.example/service/attestation'
const about = { kind: 'spiffe-svid', nonce: 'bm9uY2U', keyThumbprint: 'thumbprint', audience: AUDIENCE } as const
const binding = evidenceBinding(about)
const verifier = spiffeSvidVerifier

let foreign: ForeignDomain
let evidenced: Evidenced<'spiffe-svid'>
/** Parts of good evidence as bytes, and how they are put together again. */
let wholes: { parts: Buffer[]; encoded: (parts: Buffer[]) => object }[]
beforeAll(async () => {
  foreign = await foreignDomain('foreign.example', NOW)
  const material = { type: 'spiffe-trust-domain', trust_domain: 'foreign.example', bundle: foreign.bundle } as const
  const anchors = [{ anchor: 'anc_1', label: 'foreign', kinds: ['spiffe-svid' as const], blueprints: [], material }]
  evidenced = { ...about, agent: {} as Evidenced['agent'], binding, now: NOW, anchors, requirements: [] }
  const { chain, key } = await foreign.svid('/w')
  const token = await foreign.token('/w', { aud: [AUDIENCE, binding.toString('base64url')] })
  wholes = [
    {
      parts: [...chain.map((der) => Buffer.from(der)), proveSvidKey(key, binding)],
      encoded: ([leaf, proof]) => ({
        form: 'x509',
        chain: [leaf?.toString('base64')],
        proof: proof?.toString('base64url'),
      }),
    },
    {
      parts: token.split('.').map((part) => Buffer.from(part, 'base64url')),
      encoded: (parts) => ({ form: 'jwt', token: parts.map((part) => part.toString('base64url')).join('.') }),
    },
  ]
})
const ask = (content: unknown) => verifier.verify(Buffer.from(JSON.stringify(content)), evidenced)

describe('evidence of the kind spiffe-svid, bent', () => {
  it('counts as it was made, and in no other way: a changed bit, a missing end or more at the end is refused', async () => {
    for (const { parts, encoded } of wholes) {
      expect(await ask(encoded(parts))).toHaveProperty('claims')
      const change = fc.record({ part: fc.nat(parts.length - 1), at: fc.nat(), bit: fc.nat(7), how: fc.nat(2) })
      await fc.assert(
        fc.asyncProperty(change, async ({ part, at, bit, how }) => {
          const bent: Buffer[] = parts.map((bytes) => Buffer.from(bytes))
          const bytes = bent[part] as Buffer
          const place = at % bytes.length
          if (how === 0) bytes[place] = (bytes[place] as number) ^ (1 << bit)
          if (how === 1) bent[part] = bytes.subarray(0, place)
          if (how === 2) bent[part] = Buffer.concat([bytes, Buffer.from([bit])])
          const outcome = await ask(encoded(bent))
          expect(outcome).toHaveProperty('refused')
          if ('refused' in outcome) expect(spiffeSvid.reasons).toHaveProperty(outcome.refused)
        }),
        { numRuns: 400 },
      )
    }
  })

  it('whatever comes is refused with a code that is known, and nothing is thrown', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.uint8Array({ maxLength: 400 }),
          fc.json().map((text) => Buffer.from(text)),
        ),
        async (bytes) => {
          expect(await verifier.verify(bytes, evidenced)).toEqual({ refused: 'evidence_malformed' })
        },
      ),
    )
    const token = fc.tuple(fc.json(), fc.json()).map((parts) => {
      return [...parts.map((text) => Buffer.from(text).toString('base64url')), 'AAAA'].join('.')
    })
    const chain = fc.array(fc.base64String({ maxLength: 200 }), { maxLength: 6 })
    const shaped = fc.oneof(
      fc.record({ form: fc.constant('jwt'), token }),
      fc.record({ form: fc.constant('x509'), chain, proof: fc.constant('AAAA') }),
    )
    await fc.assert(
      fc.asyncProperty(shaped, async (content) => {
        const outcome = await ask(content)
        expect(outcome).toHaveProperty('refused')
        if ('refused' in outcome) expect(spiffeSvid.reasons).toHaveProperty(outcome.refused)
      }),
    )
  })
})
