/**
 * Asks one Kubernetes API server. Not by the kernel’s egress, which guards URLs that others name and trusts the public
 * authorities: here the operator named the address, most often a private one, and the one authority that may vouch for it.
 */
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { readExactJson } from '@credence/contracts/attestation/exact-json'
import { ConfigurationError } from '@credence/shared/config'
import { messageOf } from '@credence/shared/log'
import { Agent, request } from 'undici'
import type { ClusterAccess } from './clusters.ts'

/** A pod may have 1.5 MiB in etcd, and grows when it is written as JSON. */
const MAX_ANSWER_BYTES = 3 * 1024 * 1024
const MAX_CREDENTIAL_BYTES = 16 * 1024
const CONNECTIONS = 8
const CONNECT_MS = 2_000

export type ApiServer = {
  /** @throws NoAnswer when what came is not a whole JSON answer in time */
  ask(question: { method: 'GET' | 'POST'; path: string; body?: object }, signal: AbortSignal): Promise<Answer>
  close(): Promise<void>
}
export type Answer = { status: number; json: unknown }

/** Nobody can tell what the cluster would have said. The message says why: no contents, no address. */
export class NoAnswer extends Error {}

/** @throws ConfigurationError when the authority’s file cannot be read */
export function connectApiServer({ server, ca_file, token_file }: ClusterAccess): ApiServer {
  const dispatcher = new Agent({
    connections: CONNECTIONS,
    maxHeaderSize: 16 * 1024,
    connect: { ca: authority(ca_file), timeout: CONNECT_MS },
  })
  return {
    ask: async ({ method, path, body }, signal) => {
      const token = await credential(token_file)
      try {
        // Redirects are not followed: `request` gives them back as they are.
        const response = await request(`${server}${path}`, {
          method,
          dispatcher,
          signal,
          headers: { authorization: `Bearer ${token}`, accept: 'application/json', 'content-type': 'application/json' },
          ...(body ? { body: JSON.stringify(body) } : {}),
        })
        return { status: response.statusCode, json: await whole(response.body) }
      } catch (error) {
        if (error instanceof NoAnswer) throw error
        throw new NoAnswer(signal.aborted ? 'did not answer in time' : `cannot be reached (${codeOf(error)})`)
      }
    },
    close: () => dispatcher.close(),
  }
}

function authority(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (error) {
    throw new ConfigurationError(`CREDENCE_KUBERNETES_CLUSTERS_FILE: ca_file cannot be read: ${messageOf(error)}.`)
  }
}

async function credential(file: string): Promise<string> {
  const text = await readFile(file, 'latin1').catch(() => '')
  const token = text.trim()
  if (!/^[\x21-\x7e]+$/.test(token) || token.length > MAX_CREDENTIAL_BYTES)
    throw new NoAnswer('cannot be asked: there is no credential for it')
  return token
}

/** The body, counted as it comes. */
async function whole(body: AsyncIterable<Uint8Array>): Promise<unknown> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body) {
    size += chunk.byteLength
    if (size > MAX_ANSWER_BYTES) throw new NoAnswer('sent too large an answer')
    chunks.push(chunk)
  }
  return readExactJson(Buffer.concat(chunks), { bytes: MAX_ANSWER_BYTES, depth: 64 }).value
}

const codeOf = (error: unknown): string => (error as { code?: string }).code ?? 'no reason given'
