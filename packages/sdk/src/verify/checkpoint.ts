/** Opens a signed checkpoint (C2SP signed-note, tlog-checkpoint) with the log's verifier key. */
import { createHash, createPublicKey, verify } from 'node:crypto'
import { VerificationFailed } from './failure.ts'

export type Checkpoint = { origin: string; size: number; root: Buffer }

const ED25519 = 1
const malformed = (what: string) => new VerificationFailed('malformed', `The ${what} is not well-formed.`)

function parseKey(vkey: string): { name: string; id: Buffer; key: Buffer } {
  const found = /^([^+\s]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(vkey)
  const bytes = Buffer.from(found?.[3] ?? '', 'base64')
  if (!found || bytes.length !== 33 || bytes[0] !== ED25519) throw malformed('verifier key')
  const name = found[1] as string
  const id = createHash('sha256').update(`${name}\n`).update(bytes).digest().subarray(0, 4)
  if (id.toString('hex') !== found[2]) throw malformed('verifier key')
  return { name, id, key: bytes.subarray(1) }
}

/** @param vkey `name+hex+base64`, from a source that you trust @throws VerificationFailed */
export function openCheckpoint(note: string, vkey: string): Checkpoint {
  const { name, id, key } = parseKey(vkey)
  const end = note.indexOf('\n\n')
  if (end < 0) throw malformed('checkpoint')
  const text = note.slice(0, end + 1)
  const signatures = note
    .slice(end + 2)
    .split('\n')
    .filter((line) => line.startsWith(`— ${name} `))
    .map((line) => Buffer.from(line.slice(`— ${name} `.length), 'base64'))
    .filter((blob) => blob.subarray(0, 4).equals(id))
  if (signatures.length === 0)
    throw new VerificationFailed('unknown_key', `No signature of ${name} is on the checkpoint.`)
  const publicKey = createPublicKey({
    key: { kty: 'OKP', crv: 'Ed25519', x: key.toString('base64url') },
    format: 'jwk',
  })
  if (!signatures.every((blob) => verify(null, Buffer.from(text), publicKey, blob.subarray(4))))
    throw new VerificationFailed('bad_signature', `The checkpoint’s signature of ${name} is wrong.`)
  const [origin, size, root] = text.split('\n')
  const bytes = Buffer.from(root ?? '', 'base64')
  if (!origin || !/^(0|[1-9][0-9]{0,14})$/.test(size ?? '') || bytes.length !== 32) throw malformed('checkpoint')
  return { origin, size: Number(size), root: bytes }
}
