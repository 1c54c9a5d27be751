/** One kind of evidence, one file in evidence/, one function of this shape. */
import type { Piece } from '@credence/sdk/agent/statement'

/** What a piece of evidence has to be bound to. */
export type Asked = {
  /** Of the challenge, base64url. */
  nonce: string
  /** 32 bytes for the kind of this producer (`evidenceBinding`): a producer that signs a nonce signs these. */
  binding: Uint8Array
  now: Date
}

/**
 * Gathers one piece of evidence, anew each time it is called.
 * @throws ProducerError naming what is missing and what to do
 */
export type Producer = (about: Asked) => Promise<Piece>

/** A piece could not be gathered. The message is for people: what is missing, and what to do; no contents. */
export class ProducerError extends Error {
  readonly code: string
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'ProducerError'
    this.code = code
  }
}
