/** A real nats-server as a child process, with TLS, nkeys and the streams in place. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connectBus } from '@credence/shared/bus/connect'
import { bootstrapStreams } from '@credence/shared/bus/streams'
import { createLog } from '@credence/shared/log'
import { createUser, fromSeed } from '@nats-io/nkeys'
import { natsConfig } from '../nats/config.ts'
import { SERVICES } from '../nats/permissions.ts'
import type { Authority } from './pki.ts'
import { type Running, startProcess } from './process.ts'

export type Nats = {
  url: string
  process(): Running
  /** Path of the seed file of a service, or of `bootstrap`. */
  nkeyFile(name: string): string
  /** Starts it again after a stop or a kill, on the same port and store. */
  restart(): Promise<void>
}

/** The binary: what the start script found, or what is on PATH. */
const binary = (): string => process.env.CREDENCE_NATS_SERVER ?? process.env.NATS_SERVER_BIN ?? 'nats-server'

export async function startNats(options: {
  folder: string
  port: number
  authority: Authority
  trustDomain: string
}): Promise<Nats> {
  const { folder, port } = options
  mkdirSync(join(folder, 'nkeys'), { recursive: true, mode: 0o700 })
  const nkeyFile = (name: string) => join(folder, 'nkeys', `${name}.nk`)
  const nkeys = Object.fromEntries([...SERVICES, 'bootstrap'].map((name) => [name, openNkey(nkeyFile(name))]))
  const tls = await options.authority.issue('nats', `spiffe://${options.trustDomain}/nats`)
  const configFile = join(folder, 'nats.conf')
  writeFileSync(configFile, natsConfig({ host: '127.0.0.1', port, storeDir: join(folder, 'store'), tls, nkeys }))
  const url = `tls://localhost:${port}`
  const start = () =>
    startProcess({ name: 'nats', command: binary(), args: ['-c', configFile], logFile: join(folder, 'nats.log') })

  let running = start()
  const bootstrap = async () => {
    const log = createLog('bootstrap', 'error')
    const server = running.exited.then((code) => {
      throw new Error(`nats-server ended (${code}):\n${running.tail(5)}`)
    })
    const bus = await Promise.race([
      connectBus({ servers: [url], name: 'bootstrap', nkeyFile: nkeyFile('bootstrap'), log, ...tls }),
      server,
    ])
    await bootstrapStreams(bus, { replicas: 1, maxBytes: 1024 ** 3 })
    await bus.close()
    server.catch(() => undefined)
  }
  await bootstrap()
  return {
    url,
    nkeyFile,
    process: () => running,
    restart: async () => {
      await running.stop()
      running = start()
      await bootstrap()
    },
  }
}

/** The public nkey of a seed file, which is made when there is none. */
function openNkey(path: string): string {
  if (!existsSync(path)) writeFileSync(path, createUser().getSeed(), { mode: 0o600 })
  return fromSeed(readFileSync(path)).getPublicKey()
}
