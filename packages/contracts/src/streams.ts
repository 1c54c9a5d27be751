/** The streams: what is written where, and by whom. */
export const STREAMS = {
  IDENTITY: { subjects: ['credence.identity.>'], writer: 'identity' },
  POLICY: { subjects: ['credence.policy.>'], writer: 'policy' },
  ATTESTATION: { subjects: ['credence.attestation.>'], writer: 'attestation' },
  DECISIONS: { subjects: ['credence.decision.>'], writer: 'policy' },
  EFFECTS: { subjects: ['credence.effect.>'], writer: 'audit' },
  TRAIL: { subjects: ['credence.trail.>'], writer: 'audit' },
} as const

export type StreamName = keyof typeof STREAMS

/** The streams that the trail is made of. */
export const ORIGINS = ['IDENTITY', 'POLICY', 'ATTESTATION', 'DECISIONS', 'EFFECTS'] as const
export type Origin = (typeof ORIGINS)[number]

/** A place in a stream. Its text form is `IDENTITY:1234`. */
export type StreamPosition = { stream: string; sequence: number }

export const formatPosition = ({ stream, sequence }: StreamPosition): string => `${stream}:${sequence}`

/** Reads `IDENTITY:1234`; undefined when the text is not a position. */
export function parsePosition(text: string): StreamPosition | undefined {
  const found = /^([A-Z]+(?:\/[0-9]+)?):([0-9]{1,15})$/.exec(text)
  return found ? { stream: found[1] as string, sequence: Number(found[2]) } : undefined
}
