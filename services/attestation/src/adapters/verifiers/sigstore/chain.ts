/** The path from a signer’s certificate to an authority of ours (RFC 5280 §6.1). The system’s trust store plays no part. */
import { type Certificate, mayIssue } from './certificates.ts'

/** Certificates between the signer’s and the authority. */
const MAX_INTERMEDIATES = 4

/**
 * Why no path from the leaf to one of the roots holds at this time; undefined when one does.
 * @param between what may stand in between: of no weight by itself, whoever sent it
 * @returns `chain_untrusted`, `algorithm_weak`, `certificate_expired` or `certificate_not_yet_valid`
 */
export function chainFault(
  leaf: Certificate,
  about: { between: readonly Certificate[]; roots: readonly Certificate[]; now: Date },
): string | undefined {
  const faults = pathsFrom([leaf], about).map((path) => pathFault(path, about.now))
  return faults.length === 0 ? 'chain_untrusted' : faults.includes(undefined) ? undefined : faults[0]
}

type Path = readonly Certificate[]

function pathsFrom(path: Path, about: { between: readonly Certificate[]; roots: readonly Certificate[] }): Path[] {
  const lower = path.at(-1) as Certificate
  const issues = (upper: Certificate) => mayIssue(upper, path.length - 1) && isIssuedBy(lower, upper)
  const complete = about.roots.filter(issues).map((root) => [...path, root])
  if (path.length > MAX_INTERMEDIATES) return complete
  const longer = about.between.filter((upper) => !path.includes(upper) && issues(upper))
  return [...complete, ...longer.flatMap((upper) => pathsFrom([...path, upper], about))]
}

function pathFault(path: Path, now: Date): string | undefined {
  // A root is trusted as it stands here, whatever it signed itself with.
  const weak = path.some(({ strongKey, stronglySigned }, at) => !strongKey || (at < path.length - 1 && !stronglySigned))
  if (weak) return 'algorithm_weak'
  if (path.some(({ notBefore }) => notBefore > now)) return 'certificate_not_yet_valid'
  if (path.some(({ notAfter }) => notAfter < now)) return 'certificate_expired'
  return undefined
}

const isIssuedBy = (lower: Certificate, upper: Certificate): boolean => {
  try {
    return lower.node.checkIssued(upper.node) && lower.node.verify(upper.node.publicKey)
  } catch {
    return false
  }
}
