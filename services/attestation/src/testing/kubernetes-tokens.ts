/**
 * Tokens in the shape that Kubernetes publishes (claims of KEP-1205 and KEP-4193), signed by a key of ours: for what no API
 * server would sign. What a real one signs is in infra/interop/kubernetes/recorded.json.
 */
import type { Anchor } from '@credence/contracts/attestation/trust'
import { newId } from '@credence/shared/ids'
import { CompactSign, exportJWK, generateKeyPair, SignJWT } from 'jose'
import type { Evidenced } from '../api/verifier.ts'

export const ISSUER = 'https://kubernetes.default.svc.cluster.local'
export const AUDIENCE = 'spiffe://acme.example/service/attestation'
export const NOW = new Date('2026-11-24T12:00:00.000Z')
const SECONDS = NOW.getTime() / 1000

export const POD = { name: 'meeting-scheduler', uid: '5e3b3f0e-6d0a-4a2f-8a49-0a4f6f0a1b2c' }
export const ACCOUNT = { name: 'meeting-scheduler', uid: '0b7f2a44-3f0e-4f6e-9d3c-3a1f5b6c7d8e' }
export const NODE = { name: 'worker-1', uid: '7c9d1e2f-0a1b-4c3d-8e5f-6a7b8c9d0e1f' }

/** As an API server of version 1.36 writes them. */
export const genuineClaims = () => ({
  iss: ISSUER,
  sub: `system:serviceaccount:agents:${ACCOUNT.name}`,
  aud: [AUDIENCE],
  iat: SECONDS - 60,
  nbf: SECONDS - 60,
  exp: SECONDS + 3540,
  jti: '1f0e2d3c-4b5a-4968-8776-a5b4c3d2e1f0',
  'kubernetes.io': { namespace: 'agents', serviceaccount: ACCOUNT, pod: POD, node: NODE },
})

export type TestCluster = Awaited<ReturnType<typeof createTestCluster>>

export async function createTestCluster(algorithm = 'RS256', kid = 'the-key-of-the-cluster') {
  const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true })
  const key = { ...(await exportJWK(publicKey)), kid, alg: algorithm, use: 'sig' }
  const anchor: Anchor = {
    anchor: newId('anc'),
    label: 'production cluster',
    kinds: ['kubernetes-sat'],
    blueprints: [],
    material: { type: 'kubernetes-cluster', issuer: ISSUER, audience: AUDIENCE, jwks: JSON.stringify({ keys: [key] }) },
  }
  return {
    key,
    publicKey,
    anchor,
    anchorWith: (material: object): Anchor => ({ ...anchor, material: { ...anchor.material, ...material } as never }),
    /** Any text as claims: what JSON.stringify does not write. */
    signed: (text: string) =>
      new CompactSign(new TextEncoder().encode(text)).setProtectedHeader({ alg: algorithm, kid }).sign(privateKey),
    /** @param claims and header override what is genuine; undefined takes a member away */
    token: (claims: object = {}, header: object = {}) =>
      new SignJWT({ ...genuineClaims(), ...claims } as never)
        .setProtectedHeader({ alg: algorithm, kid, ...header } as never)
        .sign(privateKey),
  }
}

export const evidenced = (part: Partial<Evidenced<'kubernetes-sat'>> = {}): Evidenced<'kubernetes-sat'> => ({
  agent: {
    agent: newId('agt'),
    spiffeId: 'spiffe://acme.example/agent/meeting-scheduler/agt_1',
    blueprint: 'meeting-scheduler',
    jwk: { kty: 'OKP', crv: 'Ed25519', x: 'x' },
    keyThumbprint: 'thumbprint',
  },
  nonce: 'nonce',
  binding: Buffer.alloc(32, 7),
  audience: AUDIENCE,
  now: NOW,
  anchors: [],
  requirements: [],
  ...part,
})
