/** Key derivation as TPMs do it (TPM 2.0 Part 1 §11.4.10), made of HMAC and hashes of node:crypto. */
import { createHash, createHmac } from 'node:crypto'
import { DIGEST_BYTES, type HashName } from './algorithms.ts'

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

const terminated = (label: string): Buffer => Buffer.from(`${label}\0`, 'latin1')

/** Blocks 1, 2, … of a counter until there are enough bits; only whole bytes are asked for here. */
function counted(hash: HashName, bits: number, block: (counter: Buffer) => Buffer): Buffer {
  const blocks = Math.ceil(bits / 8 / DIGEST_BYTES[hash])
  return Buffer.concat(Array.from({ length: blocks }, (_, index) => block(u32(index + 1)))).subarray(0, bits / 8)
}

/** KDFa (§11.4.10.2): NIST SP 800-108 in counter mode over HMAC. */
export const kdfa = (
  hash: HashName,
  key: Uint8Array,
  label: string,
  contexts: { u: Uint8Array; v: Uint8Array },
  bits: number,
): Buffer =>
  counted(hash, bits, (counter) =>
    createHmac(hash, key)
      .update(counter)
      .update(terminated(label))
      .update(contexts.u)
      .update(contexts.v)
      .update(u32(bits))
      .digest(),
  )

/** KDFe (§11.4.10.3): the concatenation KDF of NIST SP 800-56A over a shared x-coordinate. */
export const kdfe = (
  hash: HashName,
  shared: Uint8Array,
  label: string,
  parties: { u: Uint8Array; v: Uint8Array },
  bits: number,
): Buffer =>
  counted(hash, bits, (counter) =>
    createHash(hash)
      .update(counter)
      .update(shared)
      .update(terminated(label))
      .update(parties.u)
      .update(parties.v)
      .digest(),
  )
