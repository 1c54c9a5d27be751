/** Waits until a service says SERVING (gRPC health checking protocol, grpc.health.v1). */
import { readFileSync } from 'node:fs'
import { ChannelCredentials, Client } from '@grpc/grpc-js'
import type { Running } from './process.ts'

const PATIENCE_MS = 30_000
const SERVING = 1

/** @throws Error with the last lines that the process wrote, when it ends or does not come up */
export async function waitUntilServing(
  running: Running,
  address: string,
  caFile: string,
  patienceMs = PATIENCE_MS,
): Promise<void> {
  const client = new Client(address, ChannelCredentials.createSsl(readFileSync(caFile)), {
    'grpc.initial_reconnect_backoff_ms': 50,
    'grpc.max_reconnect_backoff_ms': 200,
  })
  const deadline = Date.now() + patienceMs
  try {
    while (running.running() && Date.now() < deadline) {
      if (await isServing(client)) return
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  } finally {
    client.close()
  }
  throw new Error(`${running.name} did not come up. Its last words:\n${running.tail()}`)
}

function isServing(client: Client): Promise<boolean> {
  const empty = (value: Buffer) => value
  return new Promise((resolve) => {
    client.makeUnaryRequest(
      '/grpc.health.v1.Health/Check',
      empty,
      (reply) => reply[1] === SERVING,
      Buffer.alloc(0),
      { deadline: Date.now() + 1_000 } as never,
      (_error, serving) => resolve(serving === true),
    )
  })
}
