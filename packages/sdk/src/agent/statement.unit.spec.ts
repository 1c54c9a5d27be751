import { evidenceBinding } from '@credence/contracts/attestation/binding'
import { sha256 } from '@credence/shared/digest'
import { compactVerify, decodeJwt, decodeProtectedHeader } from 'jose'
import { describe, expect, it } from 'vitest'
import { newAgentKey } from './key.ts'
import { MAX_PIECE_BYTES, type Piece, signStatement } from './statement.ts'

const key = await newAgentKey()
const measurements = {
  program: '1'.repeat(64),
  prompt: '2'.repeat(64),
  tool_manifest: '3'.repeat(64),
  model: '4'.repeat(64),
}
const about = {
  spiffeId: 'spiffe://a.example/agent/x/agt_1',
  audience: 'spiffe://a.example/service/attestation',
  nonce: 'bm9uY2U',
  measurements,
}
const piece = (kind: Piece['kind'], content = 'content'): Piece => ({ kind, content: Buffer.from(content) })

describe('a statement', () => {
  it('binds measurements and the digest of each piece to nonce, key and audience', async () => {
    const now = new Date('2026-11-25T04:00:00Z')
    const evidence = [piece('tpm2-quote', 'quote'), piece('model-signing', 'bundle')]
    const statement = await signStatement(key, { ...about, evidence, now })
    await compactVerify(statement, key.publicKey)
    expect(decodeProtectedHeader(statement)).toEqual({ alg: 'ES256', typ: 'credence-evidence+jwt' })
    expect(decodeJwt(statement)).toEqual({
      iss: about.spiffeId,
      sub: about.spiffeId,
      aud: about.audience,
      iat: now.getTime() / 1000,
      eat_nonce: about.nonce,
      purpose: 'attestation/software',
      binding: evidenceBinding({ kind: 'software', keyThumbprint: key.thumbprint, ...about }).toString('base64url'),
      measurements,
      evidence: [
        { kind: 'tpm2-quote', digest: sha256('quote') },
        { kind: 'model-signing', digest: sha256('bundle') },
      ],
    })
  })

  it('is not signed over pieces that the service would not read', async () => {
    const kinds = ['agent-manifest', 'model-signing', 'container-image', 'kubernetes-sat'] as const
    for (const [evidence, says] of [
      [[piece('tpm2-quote'), piece('tpm2-quote')], /two pieces of kind tpm2-quote/],
      [[piece('software')], /itself/],
      [[...kinds, ...kinds, 'spiffe-svid' as const].map((kind) => piece(kind)), /At most 8/],
      [[{ kind: 'model-signing', content: new Uint8Array(MAX_PIECE_BYTES + 1) }], /at most 1048576/],
    ] as [Piece[], RegExp][])
      await expect(signStatement(key, { ...about, evidence })).rejects.toThrow(says)
  })
})
