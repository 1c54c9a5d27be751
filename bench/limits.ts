/** What no server on this machine can be faster than: acknowledged appends alone, ES256 verifications alone. */
import { generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startNats } from '@credence/infra/dev/nats'
import { freePorts } from '@credence/infra/dev/ports'
import type { Stack } from '@credence/infra/dev/stack'
import { connectBus } from '@credence/shared/bus/connect'
import { createLog } from '@credence/shared/log'
import { type Load, load } from './load.ts'

/** As many bytes appended to a stream of another server, acknowledged, with nothing around it. */
export async function appendsOnly(
  { authority, trustDomain }: Stack,
  options: { bytes: number; inFlight: number; seconds: number },
): Promise<Load> {
  const [port = 0] = await freePorts(1)
  const folder = mkdtempSync(join(tmpdir(), 'credence-bench-nats-'))
  const nats = await startNats({ folder, port, authority, trustDomain })
  const tls = await authority.issue('service-policy', `spiffe://${trustDomain}/service/policy`)
  const log = createLog('bench', 'error')
  const bus = await connectBus({ servers: [nats.url], name: 'policy', nkeyFile: nats.nkeyFile('policy'), log, ...tls })
  const payload = Buffer.alloc(options.bytes, 'x')
  try {
    return await load(options.seconds, options.inFlight, async () => {
      await bus.js.publish('credence.decision.bench', payload)
    })
  } finally {
    await bus.close()
    await nats.process().stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

const ENCODING = 'ieee-p1363' as const

/** ES256 verifications (RFC 7518 §3.4), spread over the thread pool as a server does it. */
export async function verifiesOnly(options: { inFlight: number; seconds: number }): Promise<Load> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const data = Buffer.alloc(400, 'x')
  const signature = sign('sha256', data, { key: privateKey, dsaEncoding: ENCODING })
  return load(options.seconds, options.inFlight, () => verified(publicKey, data, signature))
}

const verified = (key: KeyObject, data: Buffer, signature: Buffer): Promise<void> =>
  new Promise((resolve, reject) => {
    verify('sha256', data, { key, dsaEncoding: ENCODING }, signature, (error, valid) =>
      valid ? resolve() : reject(error ?? new Error('not valid')),
    )
  })
