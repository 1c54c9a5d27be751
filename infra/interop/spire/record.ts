/**
 * Records what a real SPIRE gives, for tests where none can be built: `node infra/interop/spire/record.ts`. Keys are not
 * among it: the proofs are made over the bindings of challenges that are recorded too.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { spiffeSvidProducer } from '@credence/attester/evidence/spiffe-svid'
import { openWorkloadApi } from '@credence/attester/workload-api/client'
import { evidenceBinding } from '@credence/contracts/attestation/binding'
import { spireMissing, startSpire } from './start.ts'

const INTO = fileURLToPath(
  new URL('../../../services/attestation/src/adapters/verifiers/spiffe-svid/recorded/', import.meta.url),
)
const AUDIENCE = 'spiffe://credence.example/service/attestation'
const WORKLOADS = ['/ns/prod/sa/scheduler', '/ns/prod/sa/mailer']
const CHALLENGE = {
  nonce: Buffer.alloc(32, 'recorded nonce').toString('base64url'),
  keyThumbprint: 'recorded-thumbprint-of-the-agent',
  audience: AUDIENCE,
}

const missing = spireMissing()
if (missing) throw new Error(missing)
for (const [trustDomain, keyType] of [
  ['foreign.example', 'ec-p256'],
  ['other.example', 'rsa-2048'],
] as const) {
  const folder = mkdtempSync(join(tmpdir(), 'spire-'))
  const spire = await startSpire({ trustDomain, folder, workloads: WORKLOADS, keyType })
  const api = openWorkloadApi(spire.socket)
  try {
    const binding = evidenceBinding({ kind: 'spiffe-svid', ...CHALLENGE })
    const spiffeId = `spiffe://${trustDomain}${WORKLOADS[0]}`
    const evidence = async (form: 'x509' | 'jwt') => {
      const source = { from: 'workload-api', socket: spire.socket, form, spiffeId } as const
      const { content } = await spiffeSvidProducer({ source, audience: AUDIENCE })({
        nonce: CHALLENGE.nonce,
        binding,
        now: new Date(),
      })
      return JSON.parse(Buffer.from(content).toString())
    }
    const token = async (...audiences: string[]) => ({
      form: 'jwt',
      token: await api.fetchJwtSvid(audiences, spiffeId),
    })
    const recorded = {
      challenge: CHALLENGE,
      spiffe_id: spiffeId,
      bundle: JSON.parse(await spire.bundle()),
      x509: await evidence('x509'),
      jwt_bound: await evidence('jwt'),
      jwt_bearer: await token(AUDIENCE),
      jwt_elsewhere: await token('https://elsewhere.example'),
      recorded_at: new Date().toISOString(),
    }
    writeFileSync(join(INTO, `${trustDomain}.json`), `${JSON.stringify(recorded, null, 2)}\n`)
  } finally {
    api.close()
    await spire.stop()
    rmSync(folder, { recursive: true })
  }
}
