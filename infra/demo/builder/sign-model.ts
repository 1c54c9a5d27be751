/** Signs the demo’s model as its builder would, with a key that is thrown away: `node infra/demo/builder/sign-model.ts`. */
import { copyFileSync, cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { signModel } from '../../testing/model-signing/sign.ts'
import { newSigner } from '../../testing/signers.ts'

const model = new URL('../agent/model/', import.meta.url)
rmSync(new URL('model.sig', model), { force: true })
// The signature calls the model what its folder is called.
const named = join(mkdtempSync(join(tmpdir(), 'model-')), 'intent-small')
cpSync(model, named, { recursive: true })
const signer = await newSigner('P-256')
signModel(named, join(named, 'model.sig'), signer)
copyFileSync(join(named, 'model.sig'), new URL('model.sig', model))
writeFileSync(new URL('model-signer.pem', import.meta.url), signer.publicPem)
rmSync(join(named, '..'), { recursive: true })
