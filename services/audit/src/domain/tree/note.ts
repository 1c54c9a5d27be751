/** Signed notes (C2SP signed-note) and checkpoints (C2SP tlog-checkpoint), with an Ed25519 key. */
import { createHash, createPublicKey, type KeyObject, sign } from 'node:crypto'

const ED25519 = 1

export type Signer = { name: string; privateKey: KeyObject }

const rawPublicKey = (privateKey: KeyObject): Buffer =>
  Buffer.from(createPublicKey(privateKey).export({ format: 'jwk' }).x as string, 'base64url')

/** SHA-256(name ‖ 0x0A ‖ type ‖ key), first four bytes. */
const keyId = (name: string, key: Uint8Array): Buffer =>
  createHash('sha256')
    .update(name)
    .update(Buffer.from([0x0a, ED25519]))
    .update(key)
    .digest()
    .subarray(0, 4)

/** `name+hex(key id)+base64(type ‖ key)`: what verifiers are given. */
export function verifierKey({ name, privateKey }: Signer): string {
  const key = rawPublicKey(privateKey)
  return `${name}+${keyId(name, key).toString('hex')}+${Buffer.concat([Buffer.from([ED25519]), key]).toString('base64')}`
}

/** Text (ending in a newline), an empty line, and one signature line. */
export function signNote(text: string, signer: Signer): string {
  const signature = sign(null, Buffer.from(text), signer.privateKey)
  const blob = Buffer.concat([keyId(signer.name, rawPublicKey(signer.privateKey)), signature])
  return `${text}\n— ${signer.name} ${blob.toString('base64')}\n`
}

/** Origin, size and root, a line each. */
export const checkpointText = (origin: string, size: number, root: Uint8Array): string =>
  `${origin}\n${size}\n${Buffer.from(root).toString('base64')}\n`

/** Reads what we signed ourselves. @throws Error when it is not a checkpoint of this origin */
export function readCheckpoint(note: string, origin: string): { size: number; root: Buffer } {
  const [name, size, root, empty] = note.split('\n')
  if (name !== origin || !/^(0|[1-9][0-9]*)$/.test(size ?? '') || empty !== '')
    throw new Error(`not a checkpoint of ${origin}`)
  return { size: Number(size), root: Buffer.from(root ?? '', 'base64') }
}

/** One record's proof as a file (C2SP tlog-proof). */
export const tlogProof = (index: number, hashes: readonly Uint8Array[], checkpoint: string): string =>
  [
    'c2sp.org/tlog-proof@v1',
    `index ${index}`,
    ...hashes.map((hash) => Buffer.from(hash).toString('base64')),
    '',
    checkpoint,
  ].join('\n')
