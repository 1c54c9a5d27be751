/** SPIFFE IDs (SPIFFE-ID §2): `spiffe://<trust domain><path>`, compared byte by byte. */
import { unauthenticated } from '@credence/contracts/errors'

export type SpiffeId = {
  id: string
  trustDomain: string
  /** Begins with a slash; empty for the trust domain itself. */
  path: string
}

const SCHEME = 'spiffe://'
/** §2.3: validators accept up to 2,048 bytes; a trust domain has at most 255. */
const MAX_BYTES = 2_048
const TRUST_DOMAIN = /^[a-z0-9._-]{1,255}$/
const SEGMENT = /^[a-zA-Z0-9._-]+$/

export const isTrustDomain = (text: string): boolean => TRUST_DOMAIN.test(text)

/**
 * Reads a SPIFFE ID. There is no second spelling of one: no port, user, query, fragment, percent sign, upper-case domain,
 * empty or dotted segment, nor a slash at the end.
 * @throws CredenceError `unauthenticated`, `spiffe_id_malformed`
 */
export function parseSpiffeId(text: string): SpiffeId {
  const refuse = (why: string) => unauthenticated('spiffe_id_malformed', `This is not a SPIFFE ID: ${why}.`)
  if (!text.startsWith(SCHEME)) throw refuse(`it must begin with ${SCHEME}`)
  if (Buffer.byteLength(text) > MAX_BYTES) throw refuse(`it has more than ${MAX_BYTES} bytes`)
  const rest = text.slice(SCHEME.length)
  const slash = rest.indexOf('/')
  const trustDomain = slash < 0 ? rest : rest.slice(0, slash)
  const path = slash < 0 ? '' : rest.slice(slash)
  if (!isTrustDomain(trustDomain))
    throw refuse('its trust domain must be 1 to 255 lower-case letters, digits, dots, dashes and underscores')
  for (const segment of path.split('/').slice(1))
    if (!SEGMENT.test(segment) || segment === '.' || segment === '..')
      throw refuse(
        'every segment of its path must be letters, digits, dots, dashes and underscores, not empty, . or ..',
      )
  return { id: text, trustDomain, path }
}

/** The name of a workload in an SVID: a SPIFFE ID with a path, of the trust domain whose bundle is at hand. */
export function workloadIdOf(text: string, trustDomain: string): SpiffeId {
  const id = parseSpiffeId(text)
  if (id.path === '') throw unauthenticated('spiffe_id_without_path', 'A trust domain itself is no workload.')
  if (id.trustDomain !== trustDomain)
    throw unauthenticated(
      'trust_domain_mismatch',
      `The SVID is of ${id.trustDomain}; this bundle is of ${trustDomain}.`,
    )
  return id
}
