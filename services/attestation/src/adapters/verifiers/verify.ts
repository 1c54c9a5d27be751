/** One piece of evidence by the verifier of its kind. No verdict without every check: what breaks, or takes too long, has refused. */
import { type Log, messageOf } from '@credence/shared/log'
import type { Evidenced, PieceKind, Verified, Verifier, Verifiers, Verify } from '../../api/verifier.ts'
import type { Pool } from './pool.ts'
import { ON_MAIN_THREAD } from './verifiers.ts'

/** What a piece may take, waiting for its turn not counted. */
export const VERIFICATION_MS = 5_000

const TIMED_OUT = { refused: 'verification_timed_out' }
const FAILED = { refused: 'verifier_failed' }

export function createVerify({ verifiers, pool, log }: { verifiers: Verifiers; pool: Pool; log: Log }): Verify {
  async function elsewhere<K extends PieceKind>(
    kind: K,
    content: Uint8Array,
    about: Evidenced<K>,
  ): Promise<Verified<K>> {
    // A view would be sent with all that lies beside it: a request of megabytes for each of its pieces.
    const answer = await pool.run({ kind, content: new Uint8Array(content), about: about as never })
    if ('timedOut' in answer) {
      log.error('verifier timed out', { type: kind })
      return TIMED_OUT
    }
    if ('verified' in answer) return answer.verified as Verified<K>
    log.error('verifier failed', { type: kind, error: answer.failed })
    return FAILED
  }
  return async (kind, content, about) => {
    const verifier = verifiers[kind] as Verifier<typeof kind> | undefined
    if (!verifier) return { refused: 'kind_unknown' }
    if (content.byteLength > verifier.maximumBytes) return { refused: 'evidence_too_large' }
    return ON_MAIN_THREAD.has(kind) ? here(verifier, content, about, log) : elsewhere(kind, content, about)
  }
}

/** For verifiers that ask others: they take their time without taking ours. */
async function here<K extends PieceKind>(
  verifier: Verifier<K>,
  content: Uint8Array,
  about: Evidenced<K>,
  log: Log,
): Promise<Verified<K>> {
  let timer: NodeJS.Timeout | undefined
  const tooLong = new Promise<Verified<K>>((resolve) => {
    timer = setTimeout(() => resolve(TIMED_OUT), VERIFICATION_MS)
  })
  try {
    return await Promise.race([verifier.verify(content, about), tooLong])
  } catch (error) {
    log.error('verifier failed', { type: verifier.kind, error: messageOf(error) })
    return FAILED
  } finally {
    clearTimeout(timer)
  }
}
