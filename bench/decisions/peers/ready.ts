/** Waits for a peer, over plain HTTP or TLS. */
import { readFileSync } from 'node:fs'
import type { Running } from '@credence/infra/dev/process'
import { Agent, request } from 'undici'

/** Compiling 10,000 rules takes its time. */
const PATIENCE_MS = 180_000

/** Until it answers 200 there. @throws Error with its last words, when it ends or does not come up; it is stopped then */
export async function waitUntilReady(running: Running, url: string, caFile: string | undefined): Promise<void> {
  const dispatcher = new Agent({ connect: caFile ? { ca: readFileSync(caFile) } : {} })
  const deadline = Date.now() + PATIENCE_MS
  try {
    while (running.running() && Date.now() < deadline) {
      if (await answers(url, dispatcher)) return
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  } finally {
    await dispatcher.close()
  }
  await running.stop()
  throw new Error(`${running.name} did not come up. Its last words:\n${running.tail()}`)
}

async function answers(url: string, dispatcher: Agent): Promise<boolean> {
  try {
    const { statusCode, body } = await request(url, { dispatcher })
    await body.dump()
    return statusCode === 200
  } catch {
    return false
  }
}
