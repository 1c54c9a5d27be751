/** A parser or verifier under test. */
import { ProducerError } from '@credence/attester/producer'
import { CredenceError } from '@credence/contracts/errors'
import { TpmFault } from '../../services/attestation/src/adapters/tpm/reader.ts'
import type { Genuine } from './genuine.ts'

/** Refused with a code, or read; `said` is what a verifier vouches for. */
export type Outcome = { refused: string } | { said: unknown }

export type Subject = {
  name: string
  /** How many of all inputs are for it, against the others. */
  share: number
  /** It takes these as they are. */
  genuine: readonly Genuine[]
  /** What parts are taken from besides, though it takes none of them. */
  donors?: readonly Genuine[]
  /** Whatever it reads must say what one of the genuine says: it checks a signature. */
  signed: boolean
  /** Throws whatever it throws: that is a crash. */
  judge(input: Buffer): Outcome | Promise<Outcome>
  /** Sentences by code. */
  reasons?: Readonly<Record<string, string>>
}

/** For parsers that answer with a refusal or a value. */
export const answer = (value: unknown): Outcome => {
  if (value === undefined) return { refused: 'not_of_this_form' }
  const { refused } = (value ?? {}) as { refused?: unknown }
  return typeof refused === 'string' ? { refused } : { said: value }
}

/** For parsers whose way to refuse is a fault of their own. @throws anything else that they throw */
export async function orFault(parse: () => unknown): Promise<Outcome> {
  try {
    return { said: await parse() }
  } catch (error) {
    if (error instanceof TpmFault) return { refused: error.code }
    if (error instanceof CredenceError) return { refused: error.reason }
    if (error instanceof ProducerError) return { refused: error.code }
    throw error
  }
}

/** The codes of a verifier, and what it vouches for: claims and anchors, without what nobody signs. */
export function verified(value: object, unsigned: readonly string[] = []): Outcome {
  if ('refused' in value) return { refused: String(value.refused) }
  const { claims, anchors } = value as { claims: Record<string, unknown>; anchors: unknown }
  const kept = Object.entries(claims).filter(([name]) => !unsigned.includes(name))
  return { said: { claims: Object.fromEntries(kept), anchors } }
}
