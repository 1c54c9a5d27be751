/** A manifest from the builder to the agent: signed, opened, handed on; and what is none. */
import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type AgentManifest, writeAgentManifest } from '@credence/contracts/attestation/agent-manifest'
import { bundleToJSON } from '@sigstore/bundle'
import { DSSEBundleBuilder } from '@sigstore/sign'
import { afterAll, describe, expect, it } from 'vitest'
import { agentManifestProducer } from '../evidence/agent-manifest.ts'
import { openManifest, payloadIn } from './open.ts'
import { keyHint, signManifest } from './sign.ts'

const folder = mkdtempSync(join(tmpdir(), 'manifest-'))
afterAll(() => rmSync(folder, { recursive: true }))

const newKey = (namedCurve = 'prime256v1'): KeyObject => generateKeyPairSync('ec', { namedCurve }).privateKey
const key = newKey()
const publicKey = createPublicKey(key)
const manifest: AgentManifest = {
  blueprint: 'meeting-scheduler',
  label: '1.4.2',
  program: { name: 'agent.ts', digest: '1'.repeat(64) },
  prompt: { name: 'prompt.md', digest: '2'.repeat(64) },
  model: { name: 'intent-small', digest: '4'.repeat(64) },
  tools: [{ server: 'local', name: 'book', digest: '3'.repeat(64) }],
}
const statement = writeAgentManifest(manifest)

async function foreign(data: Buffer, type = 'application/vnd.in-toto+json'): Promise<string> {
  const signer = {
    sign: async (bytes: Buffer) => ({
      signature: sign('sha256', bytes, key),
      key: { $case: 'publicKey' as const, publicKey: '', hint: 'x' },
    }),
  }
  return JSON.stringify(bundleToJSON(await new DSSEBundleBuilder({ signer, witnesses: [] }).create({ data, type })))
}

describe('a signed manifest', () => {
  it('is a Sigstore bundle of version 0.3 with one signature over exactly the statement', () => {
    const bundle = JSON.parse(signManifest(statement, key))
    expect(bundle).toMatchObject({
      mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
      verificationMaterial: { publicKey: { hint: keyHint(publicKey) } },
      dsseEnvelope: { payloadType: 'application/vnd.in-toto+json', payload: statement.toString('base64') },
    })
    expect(bundle.dsseEnvelope.signatures).toHaveLength(1)
  })

  it('opens with the key of its builder, and so does one that another tool signed', async () => {
    expect(openManifest(signManifest(statement, key), publicKey)).toEqual(manifest)
    expect(openManifest(await foreign(statement), publicKey)).toEqual(manifest)
  })

  it('opens with no other key, and not when it was changed', () => {
    const signed = signManifest(statement, key)
    expect(() => openManifest(signed, createPublicKey(newKey()))).toThrow('signature_invalid')
    const bundle = JSON.parse(signed)
    bundle.dsseEnvelope.payload = writeAgentManifest({ ...manifest, label: '2' }).toString('base64')
    expect(() => openManifest(JSON.stringify(bundle), publicKey)).toThrow('signature_invalid')
  })

  it('is nothing else: another payload, another format, no bundle', async () => {
    expect(() => openManifest('{}', publicKey)).toThrow('evidence_malformed')
    expect(() => openManifest('', publicKey)).toThrow('evidence_malformed')
    const other = Buffer.from('{"_type":"x","predicateType":"y","subject":[]}')
    expect(() => signManifest(other, key)).toThrow('statement_type')
    const signed = await foreign(other)
    expect(() => openManifest(signed, publicKey)).toThrow('statement_type')
    const typed = await foreign(statement, 'text/plain')
    expect(() => openManifest(typed, publicKey)).toThrow('payload_type')
  })

  it('is signed with P-256 only', () => {
    expect(() => signManifest(statement, newKey('secp384r1'))).toThrow('P-256')
    expect(() => signManifest(statement, generateKeyPairSync('ed25519').privateKey)).toThrow('P-256')
    expect(() => openManifest(signManifest(statement, key), createPublicKey(newKey('secp384r1')))).toThrow('P-256')
  })
})

describe('the producer', () => {
  const about = { nonce: 'n'.repeat(43), binding: new Uint8Array(32), now: new Date() }
  const file = join(folder, 'agent.manifest.json')

  it('hands on the bundle that stands beside the agent now', async () => {
    const produce = agentManifestProducer(file)
    await expect(produce(about)).rejects.toMatchObject({ code: 'manifest_unreadable' })
    for (const label of ['1', '2']) {
      writeFileSync(file, signManifest(writeAgentManifest({ ...manifest, label }), key))
      const { kind, content } = await produce(about)
      expect(kind).toBe('agent-manifest')
      expect(JSON.parse(payloadIn(Buffer.from(content).toString()).toString())).toMatchObject({ predicate: { label } })
    }
  })

  it('says so when the file is no manifest', async () => {
    for (const text of ['', '{}', await foreign(Buffer.from('{}'))]) {
      writeFileSync(file, text)
      await expect(agentManifestProducer(file)(about)).rejects.toMatchObject({ code: 'manifest_malformed' })
    }
  })
})
