import { readFileSync } from 'node:fs'
import { Agent, fetch as undiciFetch } from 'undici'

/** `fetch` that believes one CA file, and may leave from a chosen local address. Close it when done. */
export function tlsFetch(caFile: string, localAddress?: string): { fetch: typeof fetch; close: () => Promise<void> } {
  const dispatcher = new Agent({ localAddress, connect: { ca: readFileSync(caFile) } })
  const send = (input: string | URL, init?: object) => undiciFetch(input, { ...init, dispatcher })
  return { fetch: send as unknown as typeof fetch, close: () => dispatcher.close() }
}
