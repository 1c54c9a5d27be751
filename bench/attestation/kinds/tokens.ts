/** Kinds whose evidence is a JWS or an SVID: the agent’s statement, a cluster’s token, a workload of another trust domain. */
import { createPublicKey, type JsonWebKey, randomBytes, X509Certificate } from 'node:crypto'
import { evidenceBinding } from '@credence/contracts/attestation/binding'
import type { PublicJwk } from '@credence/contracts/events/identity'
import { anchorOf, evidenced } from '@credence/infra/testing/evidenced'
import { foreignDomain } from '@credence/infra/testing/foreign-domain'
import { newAgentKey } from '@credence/sdk/agent/key'
import { signStatement } from '@credence/sdk/agent/statement'
import { sha256 } from '@credence/shared/digest'
import { proveSvidKey, provesSvidKey } from '@credence/shared/spiffe/svid-proof'
import { createKubernetesSat } from '../../../services/attestation/src/adapters/verifiers/kubernetes-sat/kubernetes-sat.ts'
import { openStatement } from '../../../services/attestation/src/adapters/verifiers/software/statement.ts'
import { spiffeSvidVerifier } from '../../../services/attestation/src/adapters/verifiers/spiffe-svid/spiffe-svid.ts'
import {
  createTestCluster,
  evidenced as inCluster,
} from '../../../services/attestation/src/testing/kubernetes-tokens.ts'
import { bareCertificate, bareJws, type Subject, took } from './kind.ts'

/** With three pieces named, as an agent of the demo sends it. */
export async function softwareSubject(): Promise<Subject> {
  const key = await newAgentKey()
  const [audience, spiffeId] = ['spiffe://acme.example/service/attestation', 'spiffe://acme.example/agent/x/agt_1']
  const nonce = randomBytes(32).toString('base64url')
  const now = new Date()
  const digest = sha256('part')
  const statement = await signStatement(key, {
    ...{ spiffeId, audience, nonce, now },
    measurements: { program: digest, prompt: digest, tool_manifest: digest, model: digest },
    evidence: (['agent-manifest', 'model-signing', 'tpm2-quote'] as const).map((kind) => ({
      kind,
      content: Buffer.from(kind),
    })),
  })
  const agent = { spiffeId, jwk: key.publicJwk as PublicJwk, keyThumbprint: key.thumbprint }
  const told = { agent, nonceDigest: sha256(nonce), audience, now }
  return {
    name: 'software',
    algorithm: 'ECDSA P-256, SHA-256',
    verify: async () => took(await openStatement(statement, told)),
    bare: bareJws(statement, createPublicKey({ key: key.publicJwk as JsonWebKey, format: 'jwk' })),
  }
}

/** Claims as an API server writes them; on the cluster’s keys alone, since a review is a call to the cluster. */
export async function kubernetesSubject(): Promise<Subject> {
  const cluster = await createTestCluster('RS256')
  const token = await cluster.token()
  const content = Buffer.from(token)
  const told = inCluster({ anchors: [cluster.anchor] })
  const verifier = createKubernetesSat(() => undefined)
  return {
    name: 'kubernetes_sat',
    algorithm: 'RSASSA-PKCS1-v1_5 2048, SHA-256',
    verify: async () => took(await verifier.verify(content, told)),
    bare: bareJws(token, createPublicKey({ key: cluster.key as JsonWebKey, format: 'jwk' })),
  }
}

const FOREIGN = 'foreign.example'

/** Both forms. An X.509-SVID is two signatures: the authority’s on the certificate, the workload’s on the binding. */
export async function spiffeSubjects(): Promise<Subject[]> {
  const now = new Date()
  const foreign = await foreignDomain(FOREIGN, now)
  const material = { type: 'spiffe-trust-domain' as const, trust_domain: FOREIGN, bundle: foreign.bundle }
  const audience = 'spiffe://acme.example/service/attestation'
  const shown = evidenced('spiffe-svid', { anchors: [anchorOf('spiffe-svid', material)], now })
  const { nonce, agent } = shown
  const binding = evidenceBinding({ kind: 'spiffe-svid', nonce, keyThumbprint: agent.keyThumbprint, audience })
  const told = { ...shown, audience, binding }
  const verifyContent = (content: object) => {
    const bytes = Buffer.from(JSON.stringify(content))
    return async () => took(await spiffeSvidVerifier.verify(bytes, told))
  }
  const { chain, key } = await foreign.svid('/ns/prod/sa/scheduler')
  const proof = proveSvidKey(key, binding)
  const leaf = new X509Certificate(chain[0] ?? new Uint8Array())
  const authority = new X509Certificate(Buffer.from(JSON.parse(foreign.bundle).keys[0].x5c[0], 'base64')).publicKey
  const { publicKey } = leaf
  const issued = bareCertificate(leaf, authority)
  const token = await foreign.token('/ns/prod/sa/scheduler', { aud: [audience, binding.toString('base64url')] })
  return [
    {
      name: 'spiffe_svid_x509',
      algorithm: '2 × ECDSA P-256, SHA-256',
      verify: verifyContent({
        form: 'x509',
        chain: chain.map((der) => Buffer.from(der).toString('base64')),
        proof: proof.toString('base64url'),
      }),
      bare: () => issued() && provesSvidKey(publicKey, binding, proof),
    },
    {
      name: 'spiffe_svid_jwt',
      algorithm: 'ECDSA P-256, SHA-256',
      verify: verifyContent({ form: 'jwt', token }),
      bare: bareJws(token, createPublicKey(foreign.tokenKey)),
    },
  ]
}
