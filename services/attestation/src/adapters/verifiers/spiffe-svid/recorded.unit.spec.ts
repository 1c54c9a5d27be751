import { readFileSync } from 'node:fs'
import { evidenceBinding } from '@credence/contracts/attestation/binding'
import type { Anchor } from '@credence/contracts/attestation/trust'
import { later } from '@credence/shared/clock'
import { describe, expect, it } from 'vitest'
import type { Evidenced } from '../../../api/verifier.ts'
import { spiffeSvidVerifier } from './spiffe-svid.ts'

type Recorded = {
  challenge: { nonce: string; keyThumbprint: string; audience: string }
  spiffe_id: string
  bundle: object
  x509: { form: 'x509'; chain: string[]; proof: string }
  jwt_bound: { form: 'jwt'; token: string }
  jwt_bearer: { form: 'jwt'; token: string }
  jwt_elsewhere: { form: 'jwt'; token: string }
  recorded_at: string
}
const read = (domain: string): Recorded =>
  JSON.parse(readFileSync(new URL(`./recorded/${domain}.json`, import.meta.url), 'utf8'))
const DOMAINS = ['foreign.example', 'other.example']
const verifier = spiffeSvidVerifier

const anchorOf = (trust_domain: string, bundle: object): Anchor => ({
  anchor: `anc_${trust_domain}`,
  label: trust_domain,
  kinds: ['spiffe-svid'],
  blueprints: [],
  material: { type: 'spiffe-trust-domain', trust_domain, bundle: JSON.stringify(bundle) },
})
const challenge = (recorded: Recorded, part: Partial<Recorded['challenge']> = {}): Evidenced<'spiffe-svid'> => {
  const about = { kind: 'spiffe-svid', ...recorded.challenge, ...part } as const
  const now = new Date(recorded.recorded_at)
  const anchors = DOMAINS.map((domain) => anchorOf(domain, read(domain).bundle))
  return { ...about, agent: {} as Evidenced['agent'], binding: evidenceBinding(about), now, anchors, requirements: [] }
}
const verify = (content: object, about: Evidenced<'spiffe-svid'>) =>
  verifier.verify(Buffer.from(JSON.stringify(content)), about)

describe.each(DOMAINS)('SVIDs of a real SPIRE, recorded: %s', (domain) => {
  const recorded = read(domain)
  const about = challenge(recorded)
  const claims = { spiffe_id: recorded.spiffe_id, trust_domain: domain }

  it('say which workload it was, in each form', async () => {
    const found = { anchors: [`anc_${domain}`] }
    expect(await verify(recorded.x509, about)).toMatchObject({
      ...found,
      claims: { ...claims, form: 'x509', key_bound: true },
    })
    expect(await verify(recorded.jwt_bound, about)).toMatchObject({
      ...found,
      claims: { ...claims, form: 'jwt', key_bound: true },
    })
    expect(await verify(recorded.jwt_bearer, about)).toMatchObject({
      ...found,
      claims: { ...claims, form: 'jwt', key_bound: false },
    })
    expect(await verify(recorded.jwt_elsewhere, about)).toMatchObject({ refused: 'other_audience' })
  })

  it('are worth nothing for another challenge, key or audience', async () => {
    const nonce = Buffer.alloc(32, 'another').toString('base64url')
    for (const part of [{ nonce }, { keyThumbprint: 'another' }]) {
      const other = challenge(recorded, part)
      for (const content of [recorded.x509, recorded.jwt_bound])
        expect(await verify(content, other)).toEqual({ refused: 'binding_invalid' })
    }
    const elsewhere = challenge(recorded, { audience: 'spiffe://credence.example/service/else' })
    expect(await verify(recorded.x509, elsewhere)).toEqual({ refused: 'binding_invalid' })
    for (const content of [recorded.jwt_bound, recorded.jwt_bearer])
      expect(await verify(content, elsewhere)).toMatchObject({ refused: 'other_audience' })
  })

  it('are worth nothing before and after their time, nor by the bundle of another domain', async () => {
    const at = (seconds: number) => ({ ...about, now: later(about.now, seconds) })
    expect(await verify(recorded.x509, at(-3_600))).toMatchObject({ refused: 'certificate_not_yet_valid' })
    expect(await verify(recorded.x509, at(3_700))).toMatchObject({ refused: 'certificate_expired' })
    expect(await verify(recorded.jwt_bound, at(-60))).toMatchObject({ refused: 'evidence_not_yet_valid' })
    expect(await verify(recorded.jwt_bound, at(400))).toMatchObject({ refused: 'evidence_expired' })
    const [other = ''] = DOMAINS.filter((name) => name !== domain)
    const wrong = { ...about, anchors: [anchorOf(domain, read(other).bundle)] }
    expect(await verify(recorded.x509, wrong)).toMatchObject({ refused: 'chain_untrusted' })
    expect(await verify(recorded.jwt_bound, wrong)).toMatchObject({ refused: 'key_unknown' })
    expect(await verify(recorded.x509, { ...about, anchors: [anchorOf(other, read(other).bundle)] })).toMatchObject({
      refused: 'anchor_unknown',
    })
  })

  it('are worth nothing when a part of them is another’s', async () => {
    const [other = ''] = DOMAINS.filter((name) => name !== domain)
    const theirs = read(other)
    expect(await verify({ ...recorded.x509, proof: theirs.x509.proof }, about)).toEqual({ refused: 'binding_invalid' })
    const [header, payload] = recorded.jwt_bound.token.split('.')
    const [, , signature] = recorded.jwt_bearer.token.split('.')
    const token = [header, payload, signature].join('.')
    expect(await verify({ form: 'jwt', token }, about)).toMatchObject({ refused: 'signature_invalid' })
  })
})
