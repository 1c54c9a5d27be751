/** The demo’s model is what its builder signed: whoever changes a file signs anew (sign-model.ts). */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { modelSigningProducer } from '@credence/attester/evidence/model-signing'
import { createHashing } from '@credence/attester/hashing/hashing'
import { afterAll, expect, it } from 'vitest'
import { modelSigningVerifier } from '../../../services/attestation/src/adapters/verifiers/model-signing/model-signing.ts'
import { anchorOf, evidenced } from '../../testing/evidenced.ts'

const hashing = createHashing()
afterAll(() => hashing.close())

it('the model of the demo verifies with the public key of its builder', async () => {
  const folder = fileURLToPath(new URL('../agent/model', import.meta.url))
  const pem = readFileSync(new URL('model-signer.pem', import.meta.url), 'utf8')
  const about = evidenced('model-signing', { anchors: [anchorOf('model-signing', { type: 'public-key', pem })] })
  const { content } = await modelSigningProducer({ folder, signature: `${folder}/model.sig` }, { hashing })(about)
  expect(await modelSigningVerifier.verify(content, about)).toMatchObject({
    claims: { grade: 'files', name: 'intent-small', files: 2 },
  })
})
