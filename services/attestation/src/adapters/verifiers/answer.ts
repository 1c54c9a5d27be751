/** What a worker of the pool does: one piece of evidence after the other. */
import { parentPort } from 'node:worker_threads'
import { messageOf } from '@credence/shared/log'
import type { Evidenced, PieceKind, Verified, Verifier, Verifiers } from '../../api/verifier.ts'

export type Task = { kind: PieceKind; content: Uint8Array; about: Evidenced }
export type Answer = { verified: Verified<PieceKind> } | { failed: string }

/** A worker’s first message: it has loaded what it needs. */
export const READY = 'ready'

export function answerIn(verifiers: Verifiers): void {
  parentPort?.on('message', ({ kind, content, about }: Task) => {
    void answer(verifiers[kind] as Verifier<PieceKind> | undefined, content, about).then((one) =>
      parentPort?.postMessage(one),
    )
  })
  parentPort?.postMessage(READY)
}

async function answer(
  verifier: Verifier<PieceKind> | undefined,
  content: Uint8Array,
  about: Evidenced,
): Promise<Answer> {
  if (!verifier) return { verified: { refused: 'kind_unknown' } }
  try {
    return { verified: await verifier.verify(bytes(content), { ...about, binding: bytes(about.binding) } as never) }
  } catch (error) {
    return { failed: messageOf(error) }
  }
}

/** A clone of a Buffer arrives as a plain array. */
const bytes = ({ buffer, byteOffset, byteLength }: Uint8Array): Buffer => Buffer.from(buffer, byteOffset, byteLength)
