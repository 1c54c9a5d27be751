/**
 * Which clusters’ API servers may be asked, and how: a JSON file of the operator’s, named by
 * `CREDENCE_KUBERNETES_CLUSTERS_FILE`. Addresses and credentials stand there and nowhere else, least of all in events.
 */
import { readFileSync } from 'node:fs'
import { ConfigurationError } from '@credence/shared/config'
import { messageOf } from '@credence/shared/log'
import { z } from 'zod'

const VARIABLE = 'CREDENCE_KUBERNETES_CLUSTERS_FILE'
const path = z.string({ error: 'must be the path of a file' }).min(1)

export const ClusterAccess = z.strictObject({
  server: z.url({ protocol: /^https$/, error: 'must be an https URL' }).transform((url) => new URL(url).origin),
  /** PEM, of the authority that signed the API server’s certificate. */
  ca_file: path,
  /** A token that may create TokenReviews and get pods; read anew each time, as the kubelet renews it. */
  token_file: path,
})
export type ClusterAccess = z.infer<typeof ClusterAccess>

const Clusters = z.record(z.string().min(1).max(512), ClusterAccess)

/**
 * @param file undefined: none is asked
 * @returns by issuer
 * @throws ConfigurationError naming the variable and what is wrong
 */
export function readClusters(file: string | undefined): ReadonlyMap<string, ClusterAccess> {
  if (file === undefined) return new Map()
  const read = Clusters.safeParse(json(file))
  if (read.success) return new Map(Object.entries(read.data))
  const lines = read.error.issues.map(({ path, message }) => `${path.join(' → ') || 'the file'}: ${message}`)
  throw new ConfigurationError(`${VARIABLE}: ${lines.join('; ')}. It maps issuers to { server, ca_file, token_file }.`)
}

function json(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new ConfigurationError(`${VARIABLE}: cannot be read as JSON: ${messageOf(error)}.`)
  }
}
