/** A builder, its anchor and its manifest, as tests of this room need them. */
import { createPrivateKey, generateKeyPairSync, hash, type KeyObject } from 'node:crypto'
import { type AgentManifest, writeAgentManifest } from '@credence/contracts/attestation/agent-manifest'
import type { Anchor } from '@credence/contracts/attestation/trust'
import { newId } from '@credence/shared/ids'
import type { Evidenced } from '../../../api/verifier.ts'

export const NOW = new Date('2026-11-24T12:00:00.000Z')

export const manifest: AgentManifest = {
  blueprint: 'meeting-scheduler',
  label: '1.4.2',
  program: { name: 'agent.ts', digest: '1'.repeat(64) },
  prompt: { name: 'prompt.md', digest: '2'.repeat(64) },
  model: { name: 'intent-small', digest: '4'.repeat(64) },
  tools: [{ server: 'https://calendar.example/mcp', name: 'book_meeting', digest: '3'.repeat(64) }],
  policyVersion: '7'.repeat(64),
}

export const statement = (part: Partial<AgentManifest> = {}): Buffer => writeAgentManifest({ ...manifest, ...part })

/** The statement, changed as JSON. */
export function changed(change: (statement: ReturnType<typeof JSON.parse>) => void): Buffer {
  const one = JSON.parse(statement().toString())
  change(one)
  return Buffer.from(JSON.stringify(one))
}

export type Builder = { key: KeyObject; pem: string; anchor: Anchor }

export function newBuilder(part: Partial<Anchor> = {}): Builder {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString()
  const anchor: Anchor = {
    anchor: newId('anc'),
    label: 'The builder',
    kinds: ['agent-manifest'],
    blueprints: [],
    material: { type: 'public-key', pem },
    ...part,
  }
  return { key: createPrivateKey(privateKey.export({ type: 'pkcs8', format: 'pem' })), pem, anchor }
}

export const about = (anchors: readonly Anchor[], part: Partial<Evidenced<'agent-manifest'>> = {}) => ({
  agent: {
    agent: newId('agt'),
    spiffeId: 'spiffe://acme.example/agent/meeting-scheduler/x',
    blueprint: 'meeting-scheduler',
    jwk: { kty: 'OKP' as const, crv: 'Ed25519' as const, x: 'x' },
    keyThumbprint: 'x',
  },
  nonce: 'n'.repeat(43),
  binding: new Uint8Array(32),
  audience: 'spiffe://acme.example/service/attestation',
  now: NOW,
  anchors,
  requirements: [],
  ...part,
})

export const sha256 = (bytes: Uint8Array): string => hash('sha256', bytes, 'hex')
