/** The real service with its keys configured in every way: good ones serve, wrong ones stop it with one line. */
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { signAgentProof } from '@credence/shared/callers/agent-proof'
import { clientCredentials } from '@credence/shared/rpc/tls'
import { parseBundle } from '@credence/shared/spiffe/bundle'
import { verifyJwtSvid } from '@credence/shared/spiffe/jwt-svid'
import { certificatesIn, verifyX509Svid } from '@credence/shared/spiffe/x509-svid'
import { decodeProtectedHeader } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePorts } from '../../../../../infra/dev/ports.ts'
import { waitUntilServing } from '../../../../../infra/dev/readiness.ts'
import { type House, type Identity, openHouse, type Worker } from '../../testing/house.ts'
import { newToken, softHsmMissing, softHsmModule } from '../../testing/softhsm.ts'

const AUDIENCE = 'https://partner.example'
const EX_CONFIG = 78
const folder = mkdtempSync(join(tmpdir(), 'credence-configured-'))

let house: House
let worker: Worker

beforeAll(async () => {
  house = await openHouse()
  worker = await house.worker()
}, 120_000)
afterAll(async () => {
  await house?.close()
  rmSync(folder, { recursive: true, force: true })
}, 60_000)

/** Another identity service on the same NATS, with keys of its own. */
async function spawn(name: string, environment: Record<string, string>) {
  const [mesh = 0, open = 0, web = 0] = await freePorts(3)
  const running = house.stack.spawn(name, 'services/identity/src/main.ts', {
    ...(await house.stack.environment('identity')),
    CREDENCE_GRPC_LISTEN: `127.0.0.1:${mesh}`,
    CREDENCE_GRPC_PUBLIC_LISTEN: `127.0.0.1:${open}`,
    CREDENCE_HTTP_LISTEN: `127.0.0.1:${web}`,
    CREDENCE_KEYS_DIR: join(folder, name),
    ...environment,
  })
  const audience = `spiffe://${house.stack.trustDomain}/service/identity`
  const agent = (): Identity => {
    const about = { algorithm: worker.key.algorithm, spiffeId: worker.spiffeId, audience }
    const credentials = clientCredentials(house.stack.authority.caFile, audience)
    return house.connect(`127.0.0.1:${open}`, credentials, async (path, request) => ({
      'agent-proof': await signAgentProof(worker.key.privateKey, { ...about, path, request }),
    }))
  }
  const serving = () => waitUntilServing(running, `localhost:${open}`, house.stack.authority.caFile)
  return { running, serving, agent }
}
const kidOf = (token: string) => String(decodeProtectedHeader(token).kid)
const jwtSvid = async (agent: Identity) => (await agent.issueJwtSvid({ audience: AUDIENCE, lifetimeSeconds: 0n })).token
const bundleOf = async (agent: Identity) =>
  parseBundle(house.stack.trustDomain, (await agent.getTrustBundle({})).bundle)
const verify = async (token: string, agent: Identity) =>
  (await verifyJwtSvid(token, await bundleOf(agent), { audience: AUDIENCE, now: new Date() })).id.id

describe('keys as they are configured', () => {
  it('a key-encryption key that is missing, wrong or open to everybody stops the service, and says which variable', async () => {
    const keys = join(house.stack.folder, 'keys')
    const other = join(folder, 'other.kek')
    writeFileSync(other, randomBytes(32), { mode: 0o600 })
    const open = join(folder, 'open.kek')
    writeFileSync(open, randomBytes(32))
    chmodSync(open, 0o644)
    const wrong: [string, Record<string, string>, string][] = [
      ['missing', { CREDENCE_KEYS_KEK_FILE: '' }, 'CREDENCE_KEYS_KEK_FILE: is not set'],
      ['nowhere', { CREDENCE_KEYS_KEK_FILE: '/nowhere' }, 'CREDENCE_KEYS_KEK_FILE (/nowhere) cannot be used'],
      ['open', { CREDENCE_KEYS_KEK_FILE: open }, 'everybody on this machine may read'],
      [
        'other',
        { CREDENCE_KEYS_KEK_FILE: other, CREDENCE_KEYS_DIR: join(keys, 'identity') },
        'another key than CREDENCE_KEYS_KEK_FILE holds',
      ],
      [
        'rotation',
        { CREDENCE_KEYS_ROTATION_SECONDS: 'monthly' },
        'CREDENCE_KEYS_ROTATION_SECONDS: must be a number of seconds',
      ],
      ['module', { CREDENCE_KEYS_PKCS11_MODULE: '/nowhere.so' }, 'CREDENCE_KEYS_PKCS11_TOKEN_LABEL: is not set'],
    ]
    await Promise.all(
      wrong.map(async ([name, environment, words]) => {
        const { running } = await spawn(name, environment)
        expect(await running.exited, name).toBe(EX_CONFIG)
        expect(running.tail()).toContain(words)
      }),
    )
  })

  it('scheduled rotation: a running service makes new keys, announces them in its bundle, and old SVIDs stay good', async () => {
    const { serving, agent, running } = await spawn('rotating', { CREDENCE_KEYS_ROTATION_SECONDS: '8' })
    await serving()
    const client = agent()
    const before = await jwtSvid(client)
    const { sequence = 0n } = await bundleOf(client)
    const current = async () => kidOf(await jwtSvid(client))
    await expect.poll(current, { timeout: 40_000, interval: 500 }).not.toBe(kidOf(before))
    expect(await verify(before, client)).toBe(worker.spiffeId)
    const after = await bundleOf(client)
    expect(after.sequence).toBeGreaterThan(sequence)
    expect(after.jwtAuthorities.length).toBeGreaterThan(1)
    const rotated = (await house.read('IDENTITY')).flatMap(({ facts }) =>
      facts.flatMap(({ type, data }) => (type === 'credence.identity.signing_key.rotated.v1' ? [data.kid] : [])),
    )
    expect(rotated).toEqual(expect.arrayContaining(after.jwtAuthorities.map(({ kid }) => kid)))
    expect(new Set(rotated).size).toBe(rotated.length)
    await running.stop()
  })

  it.skipIf(!softHsmModule)(
    `the service works with its keys in a PKCS#11 token${softHsmModule ? '' : ` (skipped: ${softHsmMissing})`}`,
    async () => {
      const token = newToken(folder, 'service')
      const hsm = {
        ...token.environment,
        CREDENCE_KEYS_KEK_FILE: '',
        CREDENCE_KEYS_PKCS11_MODULE: softHsmModule ?? '',
        CREDENCE_KEYS_PKCS11_TOKEN_LABEL: token.label,
        CREDENCE_KEYS_PKCS11_PIN_FILE: token.pinFile,
      }
      const one = await spawn('hsm-1', hsm)
      await one.serving()
      const two = await spawn('hsm-2', hsm)
      await two.serving()
      const [first, second] = [one.agent(), two.agent()]
      expect(await second.getTrustBundle({})).toEqual(await first.getTrustBundle({}))
      expect(await verify(await jwtSvid(first), second)).toBe(worker.spiffeId)
      const { certificateChain } = await second.issueX509Svid({ lifetimeSeconds: 0n })
      const verified = verifyX509Svid(certificatesIn(certificateChain), await bundleOf(first), { now: new Date() })
      expect(verified.id.id).toBe(worker.spiffeId)
      await one.running.stop()
      await two.running.stop()
    },
  )
})
