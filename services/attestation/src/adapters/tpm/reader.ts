/** Reading TPM 2.0 and TCG structures: every length is checked against what is there and what is allowed, and nothing may be left over. */

/**
 * A structure that cannot be used. `code`: `evidence_malformed`, `algorithm_weak`, or what a parser names of its own.
 * The message says which structure and what of it, and never what it held.
 */
export class TpmFault extends Error {
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.name = 'TpmFault'
    this.code = code
  }
}

export const malformed = (what: string, why: string): TpmFault => new TpmFault('evidence_malformed', `${what}: ${why}`)
export const weak = (what: string, why: string): TpmFault => new TpmFault('algorithm_weak', `${what}: ${why}`)

export type Reader = {
  u8(): number
  u16(): number
  u32(): number
  u64(): bigint
  bytes(length: number): Uint8Array
  /** TPM2B: two bytes of length, then at most `most` bytes. */
  sized(most: number): Uint8Array
  left(): number
  /** @throws TpmFault when anything is left */
  end(): void
}

/**
 * @param what name of the structure, for the fault
 * @param littleEndian as TCG event logs are; TPM structures are big-endian (TPM 2.0 Part 1 §5)
 */
export function reader(bytes: Uint8Array, what: string, littleEndian = false): Reader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0
  const take = (length: number): number => {
    if (length > bytes.byteLength - at) throw malformed(what, 'it ends too early')
    at += length
    return at - length
  }
  const u16 = () => view.getUint16(take(2), littleEndian)
  const raw = (length: number) => {
    const from = take(length)
    return bytes.subarray(from, from + length)
  }
  return {
    u8: () => view.getUint8(take(1)),
    u16,
    u32: () => view.getUint32(take(4), littleEndian),
    u64: () => view.getBigUint64(take(8), littleEndian),
    bytes: raw,
    sized: (most) => {
      const length = u16()
      if (length > most) throw malformed(what, `a part is longer than ${most} bytes`)
      return raw(length)
    },
    left: () => bytes.byteLength - at,
    end: () => {
      if (at !== bytes.byteLength) throw malformed(what, 'bytes are left over')
    },
  }
}

/** What a TPM2B holds that is all there is. @throws TpmFault */
export function unwrap(bytes: Uint8Array, most: number, what: string): Uint8Array {
  const read = reader(bytes, what)
  const inner = read.sized(most)
  read.end()
  return inner
}

/** Two bytes of length, and the bytes. */
export function wrap(bytes: Uint8Array): Buffer {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(bytes.byteLength)
  return Buffer.concat([length, bytes])
}
