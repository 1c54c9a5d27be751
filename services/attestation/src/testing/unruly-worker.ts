/** A worker of the pool whose verifiers misbehave, each in its own way. */
import { answerIn } from '../adapters/verifiers/answer.ts'
import type { Verifiers } from '../api/verifier.ts'

const never = (): never => {
  for (;;) {
    // As a parser might that does not get on.
  }
}
const fill = (): never => {
  const held: unknown[] = []
  for (;;) held.push(new Array(1_000_000).fill(held.length))
}
const of = <K extends keyof Verifiers>(kind: K, verify: () => never) => ({
  kind,
  maximumBytes: 1_000,
  verify: async () => verify(),
})

answerIn({
  'tpm2-quote': of('tpm2-quote', never),
  'model-signing': of('model-signing', () => {
    throw new Error('broken')
  }),
  'container-image': of('container-image', fill),
  'spiffe-svid': of('spiffe-svid', () => process.exit(3)),
  'kubernetes-sat': {
    kind: 'kubernetes-sat',
    maximumBytes: 1_000,
    verify: async () => ({ refused: 'anchor_unknown' }),
  },
} as Verifiers)
