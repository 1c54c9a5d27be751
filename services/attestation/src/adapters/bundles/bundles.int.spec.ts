import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import type { Anchor } from '@credence/contracts/attestation/trust'
import { later } from '@credence/shared/clock'
import { createEgress } from '@credence/shared/http/egress'
import { createLog } from '@credence/shared/log'
import { parseBundle } from '@credence/shared/spiffe/bundle'
import { verifyX509Svid } from '@credence/shared/spiffe/x509-svid'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openAuthority } from '../../../../../infra/dev/pki.ts'
import { type ForeignDomain, foreignDomain } from '../../../../../infra/testing/foreign-domain.ts'
import { createBundles } from './bundles.ts'

const START = new Date()
let now = START
const lines: Record<string, unknown>[] = []
const log = createLog(
  'test',
  'info',
  new Writable({
    write: (line, _encoding, done) => {
      lines.push(JSON.parse(String(line)))
      done()
    },
  }) as never,
)
const folder = mkdtempSync(join(tmpdir(), 'bundles-'))
let answer: { status: number; body: string; location?: string }
let asked = 0
const server = createServer()
let endpoint: string
let [first, second]: ForeignDomain[] = []
beforeAll(async () => {
  const authority = await openAuthority(join(folder, 'pki'), 'acme.example')
  const tls = await authority.issue('foreign', 'spiffe://acme.example/foreign')
  setDefaultCACertificates([...getCACertificates('default'), readFileSync(authority.caFile, 'utf8')])
  server.setSecureContext({ cert: readFileSync(tls.certFile), key: readFileSync(tls.keyFile) })
  server.on('request', (_request, response) => {
    asked += 1
    response.writeHead(answer.status, answer.location ? { location: answer.location } : {})
    response.end(answer.body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  endpoint = `https://localhost:${(server.address() as AddressInfo).port}/bundle`
  ;[first, second] = [await foreignDomain('foreign.example', START), await foreignDomain('foreign.example', START)]
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
  rmSync(folder, { recursive: true })
})
beforeEach(() => {
  now = START
  asked = 0
  lines.length = 0
  answer = { status: 200, body: numbered(second, 2) }
})

const numbered = (domain: ForeignDomain | undefined, spiffe_sequence: number, more: object = {}) =>
  JSON.stringify({ ...JSON.parse(domain?.bundle ?? '{}'), spiffe_sequence, ...more })
const anchor = (part: { bundle_endpoint?: string | undefined } = {}): Anchor => ({
  anchor: 'anc_foreign',
  label: 'foreign',
  kinds: ['spiffe-svid'],
  blueprints: [],
  material: {
    type: 'spiffe-trust-domain',
    trust_domain: 'foreign.example',
    bundle: first?.bundle ?? '',
    bundle_endpoint: endpoint,
    ...part,
  },
})
const open = () => createBundles({ egress: createEgress({ allow: ['127.0.0.0/8'] }), clock: () => now, log })
type Bundles = ReturnType<typeof open>
const of = (bundles: Bundles, which: Anchor) => {
  const { material } = bundles.current(which)
  return parseBundle('foreign.example', material.type === 'spiffe-trust-domain' ? material.bundle : '')
}
const counts = async (bundles: Bundles, domain: ForeignDomain | undefined, which = anchor()) => {
  const svid = await domain?.svid('/w')
  try {
    return verifyX509Svid(svid?.chain ?? [], of(bundles, which), { now: START }).id.path === '/w'
  } catch {
    return false
  }
}

describe('bundles of other trust domains', () => {
  it('are those of the anchor, until its endpoint has another, that takes their place wholly', async () => {
    const bundles = open()
    expect([await counts(bundles, first), await counts(bundles, second)]).toEqual([true, false])
    await bundles.refresh([anchor()])
    expect([await counts(bundles, first), await counts(bundles, second)]).toEqual([false, true])
    expect(lines).toEqual([])
    // An anchor without an endpoint stays as it was approved.
    const still = anchor({ bundle_endpoint: undefined })
    const other = open()
    await other.refresh([still])
    expect([await counts(other, first, still), await counts(other, second, still)]).toEqual([true, false])
  })

  it('are asked for as often as they say, within reason', async () => {
    for (const [hint, least, most] of [
      [undefined, 299, 301],
      [60, 59, 61],
      [0, 29, 31],
      [1e9, 3_599, 3_601],
    ] as const) {
      const bundles = open()
      answer.body = numbered(second, 2, { spiffe_refresh_hint: hint })
      now = START
      asked = 0
      await bundles.refresh([anchor()])
      now = later(START, least)
      await bundles.refresh([anchor()])
      expect(asked, String(hint)).toBe(1)
      now = later(START, most)
      await bundles.refresh([anchor()])
      expect(asked, String(hint)).toBe(2)
    }
  })

  it('stay as they are when what comes is older, is no bundle, or does not come; that is logged, and tried again', async () => {
    const bundles = open()
    await bundles.refresh([anchor()])
    const bad: [typeof answer, string][] = [
      [{ status: 200, body: numbered(first, 1) }, 'bundle_sequence_backwards'],
      [{ status: 200, body: '{"keys":7}' }, 'bundle_malformed'],
      [{ status: 200, body: ' '.repeat(600_000) }, 'egress_too_large'],
      [{ status: 503, body: numbered(first, 3) }, 'bundle_not_served'],
      [{ status: 302, body: '', location: endpoint }, 'egress_failed'],
    ]
    for (const [what, reason] of bad) {
      answer = what
      now = later(now, 3_600)
      await bundles.refresh([anchor()])
      expect(lines.pop(), reason).toMatchObject({ msg: 'bundle not refreshed', address: 'localhost', reason })
      expect([await counts(bundles, first), await counts(bundles, second)], reason).toEqual([false, true])
    }
    answer = { status: 200, body: numbered(first, 3) }
    now = later(now, 31)
    await bundles.refresh([anchor()])
    expect([await counts(bundles, first), await counts(bundles, second)]).toEqual([true, false])
  })

  it('an endpoint that has been silent for a day: nobody knows which keys still count, so none does', async () => {
    const bundles = open()
    await bundles.refresh([anchor()])
    answer = { status: 500, body: '' }
    now = later(START, 86_000)
    await bundles.refresh([anchor()])
    expect(await counts(bundles, second)).toBe(true)
    now = later(START, 86_401)
    await bundles.refresh([anchor()])
    expect(() => of(bundles, anchor())).toThrow(expect.objectContaining({ reason: 'bundle_malformed' }))
    answer = { status: 200, body: numbered(second, 2) }
    now = later(now, 31)
    await bundles.refresh([anchor()])
    expect(await counts(bundles, second)).toBe(true)
    // One that was silent from the beginning is no better.
    const never = open()
    of(never, anchor())
    now = later(now, 86_401)
    expect(() => of(never, anchor())).toThrow(expect.objectContaining({ reason: 'bundle_malformed' }))
    expect(of(never, anchor({ bundle_endpoint: undefined })).trustDomain).toBe('foreign.example')
  })

  it('an empty bundle is one: with it, nothing of that domain counts', async () => {
    const bundles = open()
    answer.body = JSON.stringify({ keys: [], spiffe_sequence: 9 })
    await bundles.refresh([anchor()])
    expect([await counts(bundles, first), await counts(bundles, second)]).toEqual([false, false])
  })

  it('an anchor that is withdrawn is asked for no more, and begins anew', async () => {
    const bundles = open()
    await bundles.refresh([anchor()])
    await bundles.refresh([])
    expect(asked).toBe(1)
    expect(await counts(bundles, first)).toBe(true)
  })

  it('an endpoint within our own network is reached only where that is allowed', async () => {
    const closed = createBundles({ egress: createEgress({ allow: [] }), clock: () => now, log })
    await closed.refresh([anchor()])
    expect(asked).toBe(0)
    expect(lines).toMatchObject([{ reason: 'egress_refused' }])
  })
})
