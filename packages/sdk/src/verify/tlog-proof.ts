/** Verifies one record against its proof file (C2SP tlog-proof), offline. */
import { openCheckpoint } from './checkpoint.ts'
import { VerificationFailed } from './failure.ts'
import { verifyInclusion } from './merkle.ts'

export type Proven = { origin: string; index: number; size: number }

/** @param entry the record, byte for byte @param vkey the log's key, from a source that you trust @throws VerificationFailed */
export function verifyTlogProof(proof: string, entry: Uint8Array, vkey: string): Proven {
  const end = proof.indexOf('\n\n')
  const [header, indexLine, ...hashes] = proof.slice(0, Math.max(end, 0)).split('\n')
  const index = /^index (0|[1-9][0-9]{0,14})$/.exec(indexLine ?? '')?.[1]
  if (header !== 'c2sp.org/tlog-proof@v1' || index === undefined)
    throw new VerificationFailed('malformed', 'The proof is not a tlog-proof file.')
  const path = hashes.map((line) => Buffer.from(line, 'base64'))
  if (path.length > 63 || path.some((hash) => hash.length !== 32))
    throw new VerificationFailed('malformed', 'The proof holds something that is not a hash.')
  const { origin, size, root } = openCheckpoint(proof.slice(end + 2), vkey)
  verifyInclusion(entry, Number(index), size, path, root)
  return { origin, index: Number(index), size }
}
