import { createHash, createPublicKey, X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { provesSvidKey } from '@credence/shared/spiffe/svid-proof'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ForeignDomain, foreignDomain } from '../../../../infra/testing/foreign-domain.ts'
import { type SvidSource, spiffeSvidProducer } from './spiffe-svid.ts'

const AUDIENCE = 'spiffe://credence.example/service/attestation'
const now = new Date()
const about = { nonce: 'bm9uY2U', binding: createHash('sha256').update('a challenge').digest(), now }
const folder = mkdtempSync(join(tmpdir(), 'svid-'))
const file = (name: string, text: string) => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}
const produce = async (source: SvidSource) => {
  const { kind, content } = await spiffeSvidProducer({ source, audience: AUDIENCE })(about)
  return { kind, content: JSON.parse(Buffer.from(content).toString()) }
}
const pem = (chain: Uint8Array[]) => chain.map((der) => new X509Certificate(der).toString()).join('')
const keyPem = (key: Awaited<ReturnType<ForeignDomain['svid']>>['key']) =>
  key.export({ type: 'pkcs8', format: 'pem' }).toString()

let foreign: ForeignDomain
beforeAll(async () => {
  foreign = await foreignDomain('foreign.example', now)
})
afterAll(() => rmSync(folder, { recursive: true }))

// By a Workload API: services/attestation/src/adapters/verifiers/spiffe-svid/spire.int.spec.ts.
describe('the producer of spiffe-svid', () => {
  it('reads chain and key of an X.509-SVID from PEM files, at every challenge, and proves the key', async () => {
    const source = {
      from: 'x509-files',
      certificates: join(folder, 'svid.pem'),
      key: join(folder, 'svid.key'),
    } as const
    for (const algorithm of [undefined, { name: 'Ed25519' }]) {
      const { chain, key } = await foreign.svid('/w', { algorithm })
      file('svid.pem', pem(chain))
      file('svid.key', keyPem(key))
      const { kind, content } = await produce(source)
      expect(kind).toBe('spiffe-svid')
      expect(content).toMatchObject({ form: 'x509', chain: chain.map((der) => Buffer.from(der).toString('base64')) })
      const proof = Buffer.from(content.proof, 'base64url')
      expect(provesSvidKey(createPublicKey(key), about.binding, proof)).toBe(true)
      expect(provesSvidKey(createPublicKey(key), createHash('sha256').update('b').digest(), proof)).toBe(false)
    }
  })

  it('shows nothing while certificate and key are of two SVIDs, or cannot be read', async () => {
    const [one, two] = [await foreign.svid('/w'), await foreign.svid('/w')]
    const certificates = file('one.pem', pem(one.chain))
    const key = file('two.key', keyPem(two.key))
    const unavailable = expect.objectContaining({ code: 'svid_unavailable' })
    for (const source of [
      { certificates, key },
      { certificates, key: join(folder, 'none') },
      { certificates: join(folder, 'none'), key },
      { certificates: file('empty.pem', ''), key },
      { certificates: file('half.pem', pem(one.chain).slice(0, 300)), key },
      { certificates, key: file('half.key', keyPem(one.key).slice(0, 60)) },
    ])
      await expect(produce({ from: 'x509-files', ...source }), JSON.stringify(source)).rejects.toThrow(unavailable)
    await expect(produce({ from: 'jwt-file', token: join(folder, 'none') })).rejects.toThrow(unavailable)
  })

  it('reads a JWT-SVID from a file, as it is', async () => {
    const token = await foreign.token('/w', { aud: AUDIENCE })
    const source = { from: 'jwt-file', token: file('token', `${token}\n`) } as const
    expect(await produce(source)).toEqual({ kind: 'spiffe-svid', content: { form: 'jwt', token } })
  })
})
