/** One connection to NATS, with TLS and an nkey, that knows whether it is up. */
import { readFileSync } from 'node:fs'
import { unavailable } from '@credence/contracts/errors'
import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection, nkeyAuthenticator, TimeoutError } from '@nats-io/transport-node'
import type { Log } from '../log.ts'
import { messageOf } from '../log.ts'

export type Bus = {
  connection: NatsConnection
  js: JetStreamClient
  jsm: JetStreamManager
  /** Where answers to this identity may go; inboxes begin with it. */
  inboxPrefix: string
  /** False from the moment the connection is lost until it is back. */
  connected(): boolean
  close(): Promise<void>
}

export type BusOptions = {
  servers: string[]
  /** Names the connection and the inbox prefix: `_INBOX_<name>`. */
  name: string
  nkeyFile: string
  caFile: string
  certFile: string
  keyFile: string
  log: Log
}

/** How long one request to NATS may take, in milliseconds. Below the two seconds that callers are promised. */
export const BUS_TIMEOUT_MS = 800

/** How long a question at the start of a service may be asked again: a server that has just come up answers late. */
const START_MS = 10_000

/** For questions at the start of a service, which has no caller yet who waits. @throws what the last attempt threw */
export async function patiently<T>(ask: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + START_MS
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      if (!(error instanceof TimeoutError) || Date.now() > deadline) throw error
    }
  }
}

const inboxOf = (name: string): string => `_INBOX_${name}`

/** Connects, waiting for a server that is still starting. @throws CredenceError `unavailable` after ten seconds */
export async function connectBus(options: BusOptions): Promise<Bus> {
  const connection = await connectPatiently(options)
  let up = true
  void watch()
  async function watch() {
    for await (const status of connection.status()) {
      if (status.type === 'disconnect') up = false
      if (status.type === 'reconnect') up = true
      if (status.type === 'disconnect' || status.type === 'reconnect') options.log.warn(`nats ${status.type}`)
      if (status.type === 'error') options.log.error('nats error', { error: messageOf(status.error) })
    }
  }
  return {
    connection,
    js: jetstream(connection, { timeout: BUS_TIMEOUT_MS }),
    jsm: await jetstreamManager(connection, { checkAPI: false, timeout: BUS_TIMEOUT_MS }),
    inboxPrefix: inboxOf(options.name),
    connected: () => up && !connection.isClosed(),
    close: () => connection.drain().catch(() => connection.close()),
  }
}

async function connectPatiently(options: BusOptions): Promise<NatsConnection> {
  const deadline = Date.now() + 10_000
  for (;;) {
    try {
      return await connect({
        servers: options.servers,
        name: options.name,
        inboxPrefix: inboxOf(options.name),
        // Two error objects for each request, for a stack that is never shown.
        noAsyncTraces: true,
        authenticator: nkeyAuthenticator(readFileSync(options.nkeyFile)),
        tls: { caFile: options.caFile, certFile: options.certFile, keyFile: options.keyFile },
        maxReconnectAttempts: -1,
        reconnectTimeWait: 100,
        reconnectJitter: 100,
        reconnectJitterTLS: 100,
        pingInterval: 5_000,
        maxPingOut: 2,
        timeout: 2_000,
      })
    } catch (error) {
      if (Date.now() > deadline) {
        const where = options.servers.join(', ')
        throw unavailable(
          'nats_unreachable',
          `NATS at ${where} cannot be reached (${messageOf(error)}). Is it running?`,
        )
      }
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  }
}
