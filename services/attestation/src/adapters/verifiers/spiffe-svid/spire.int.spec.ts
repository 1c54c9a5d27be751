import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { spiffeSvidProducer } from '@credence/attester/evidence/spiffe-svid'
import { evidenceBinding } from '@credence/contracts/attestation/binding'
import type { Anchor } from '@credence/contracts/attestation/trust'
import { later } from '@credence/shared/clock'
import { createEgress } from '@credence/shared/http/egress'
import { createLog } from '@credence/shared/log'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openAuthority } from '../../../../../../infra/dev/pki.ts'
import { freePorts } from '../../../../../../infra/dev/ports.ts'
import { type Spire, spireMissing, startSpire } from '../../../../../../infra/interop/spire/start.ts'
import type { Evidenced } from '../../../api/verifier.ts'
import { createBundles } from '../../bundles/bundles.ts'
import { spiffeSvidVerifier } from './spiffe-svid.ts'

const AUDIENCE = 'spiffe://credence.example/service/attestation'
const WORKLOADS = ['/ns/prod/sa/scheduler', '/ns/prod/sa/mailer']
const SCHEDULER = `spiffe://foreign.example${WORKLOADS[0]}`
const verifier = spiffeSvidVerifier
const missing = spireMissing()

describe.skipIf(missing)(
  `evidence of the kind spiffe-svid, of a real SPIRE${missing ? ` (skipped: ${missing})` : ''}`,
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'spire-'))
    let spire: Spire
    let bundle: string
    let endpoint: string
    beforeAll(async () => {
      const authority = await openAuthority(join(folder, 'pki'), 'web.example')
      const tls = await authority.issue('bundles', 'spiffe://web.example/bundles')
      setDefaultCACertificates([...getCACertificates('default'), readFileSync(authority.caFile, 'utf8')])
      const [port = 0] = await freePorts(1)
      endpoint = `https://localhost:${port}/`
      const bundleEndpoint = { port, certFile: tls.certFile, keyFile: tls.keyFile }
      spire = await startSpire({ trustDomain: 'foreign.example', folder, workloads: WORKLOADS, bundleEndpoint })
      bundle = await spire.bundle()
    })
    afterAll(async () => {
      await spire?.stop()
      rmSync(folder, { recursive: true })
    })

    const challenge = (): Evidenced<'spiffe-svid'> => {
      const nonce = randomBytes(32).toString('base64url')
      const keyThumbprint = randomBytes(32).toString('base64url')
      const material = { type: 'spiffe-trust-domain', trust_domain: 'foreign.example', bundle } as const
      return {
        agent: {} as Evidenced['agent'],
        nonce,
        binding: evidenceBinding({ kind: 'spiffe-svid', nonce, keyThumbprint, audience: AUDIENCE }),
        audience: AUDIENCE,
        now: new Date(),
        anchors: [{ anchor: 'anc_foreign', label: 'foreign', kinds: ['spiffe-svid'], blueprints: [], material }],
        requirements: [],
      }
    }
    const shown = async (form: 'x509' | 'jwt', about: Evidenced<'spiffe-svid'>, spiffeId = SCHEDULER) => {
      const produce = spiffeSvidProducer({
        source: { from: 'workload-api', socket: spire.socket, form, spiffeId },
        audience: AUDIENCE,
      })
      return (await produce(about)).content
    }

    it('X.509-SVID and JWT-SVID by the Workload API say which workload this process is, for this challenge only', async () => {
      for (const form of ['x509', 'jwt'] as const)
        for (const path of WORKLOADS) {
          const about = challenge()
          const content = await shown(form, about, `spiffe://foreign.example${path}`)
          const claims = {
            spiffe_id: `spiffe://foreign.example${path}`,
            trust_domain: 'foreign.example',
            form,
            key_bound: true,
          }
          // Their clock is this machine's, their times whole seconds.
          const outcome = await verifier.verify(content, { ...about, now: new Date() })
          expect(outcome).toMatchObject({ claims, anchors: ['anc_foreign'] })
          if ('claims' in outcome) expect(Date.parse(outcome.claims.expires_at)).toBeGreaterThan(Date.now())
          expect(await verifier.verify(content, challenge())).toEqual({ refused: 'binding_invalid' })
        }
    })

    it('what `spire-agent api fetch` writes and prints is evidence too', async () => {
      await spire.agent('api', 'fetch', 'x509', '-write', folder)
      const about = challenge()
      const source = {
        from: 'x509-files',
        certificates: join(folder, 'svid.0.pem'),
        key: join(folder, 'svid.0.key'),
      } as const
      const { content } = await spiffeSvidProducer({ source, audience: AUDIENCE })(about)
      expect(await verifier.verify(content, about)).toMatchObject({ claims: { form: 'x509', key_bound: true } })

      const beside = Buffer.from(about.binding).toString('base64url')
      const fetched = async (...audiences: string[]) => {
        // One option with commas: of several options the last counts.
        const words = ['-audience', audiences.join(), '-spiffeID', SCHEDULER, '-output', 'json']
        const printed = await spire.agent('api', 'fetch', 'jwt', ...words)
        return JSON.parse(printed)[0].svids[0].svid as string
      }
      const ask = async (token: string) =>
        verifier.verify(Buffer.from(JSON.stringify({ form: 'jwt', token })), { ...about, now: new Date() })
      const bound = await fetched(AUDIENCE, beside)
      // All audiences stand in one token, in the order in which they were asked for; nobody else's stands beside them.
      expect(decodeJwt(bound).aud).toEqual([AUDIENCE, beside])
      expect(decodeProtectedHeader(bound)).toMatchObject({ alg: 'ES256', typ: 'JWT' })
      expect(await ask(bound)).toMatchObject({ claims: { spiffe_id: SCHEDULER, form: 'jwt', key_bound: true } })
      expect(await ask(await fetched(AUDIENCE))).toMatchObject({ claims: { form: 'jwt', key_bound: false } })
      expect(await ask(await fetched(beside))).toMatchObject({ refused: 'other_audience' })
      expect(await ask(await fetched(AUDIENCE, 'https://elsewhere.example'))).toMatchObject({
        refused: 'other_audience',
      })
    })

    it('a process that has no such name there gets no evidence', async () => {
      const stranger = {
        from: 'workload-api',
        socket: spire.socket,
        form: 'jwt',
        spiffeId: 'spiffe://foreign.example/x',
      } as const
      for (const form of ['x509', 'jwt'] as const)
        await expect(
          spiffeSvidProducer({ source: { ...stranger, form }, audience: AUDIENCE })(challenge()),
        ).rejects.toThrow(expect.objectContaining({ code: 'svid_denied' }))
    })

    it('keys that are rotated there are fetched from its bundle endpoint, and those that were taken out count no more', async () => {
      let now = new Date()
      const bundles = createBundles({
        egress: createEgress({ allow: ['127.0.0.0/8'] }),
        clock: () => now,
        log: createLog('test', 'silent'),
      })
      const material = {
        type: 'spiffe-trust-domain',
        trust_domain: 'foreign.example',
        bundle,
        bundle_endpoint: endpoint,
      } as const
      const anchors: Anchor[] = [{ ...challenge().anchors[0], material } as Anchor]
      const ask = (content: Uint8Array, about: Evidenced<'spiffe-svid'>) =>
        verifier.verify(content, { ...about, anchors: about.anchors.map(bundles.current) })
      const outcome = async (form: 'x509' | 'jwt') => {
        const about = { ...challenge(), anchors }
        return ask(await shown(form, about), { ...about, now: new Date() })
      }
      const keyOf = async () =>
        decodeProtectedHeader(JSON.parse(Buffer.from(await shown('jwt', challenge())).toString()).token).kid
      const before = await keyOf()
      const early = { ...challenge(), anchors }
      const shownEarly = await shown('jwt', early)
      expect(await outcome('jwt')).toHaveProperty('claims')

      await spire.server('localauthority', 'jwt', 'prepare')
      const prepared = await spire.server('localauthority', 'jwt', 'show', '-output', 'json')
      const { prepared: next, active } = JSON.parse(prepared) as Record<string, { authority_id: string }>
      await spire.server('localauthority', 'jwt', 'activate', '-authorityID', next?.authority_id ?? '')
      expect(await keyOf()).not.toBe(before)
      expect(await outcome('jwt')).toMatchObject({ refused: 'key_unknown' })

      await bundles.refresh(anchors)
      expect(await outcome('jwt')).toHaveProperty('claims')
      expect(await outcome('x509')).toHaveProperty('claims')
      expect(await ask(shownEarly, early)).toHaveProperty('claims')

      await spire.server('localauthority', 'jwt', 'taint', '-authorityID', active?.authority_id ?? '')
      await spire.server('localauthority', 'jwt', 'revoke', '-authorityID', active?.authority_id ?? '')
      now = later(now, 61)
      await bundles.refresh(anchors)
      expect(await ask(shownEarly, early)).toMatchObject({ refused: 'key_unknown' })
      expect(await outcome('jwt')).toHaveProperty('claims')
    })
  },
)
