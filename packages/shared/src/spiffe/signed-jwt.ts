/**
 * JWTs that a service signs with its X.509-SVID, whose chain stands in the header (`x5c`, RFC 7515 §4.1.6). Whoever has the
 * trust domain's bundle can verify one offline, for as long as they like; no other key has to be published.
 */
import { createPrivateKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { type CredenceError, unauthenticated } from '@credence/contracts/errors'
import { decodeJwt, decodeProtectedHeader, errors, type JWTPayload, jwtVerify, SignJWT } from 'jose'
import type { TlsFiles } from '../rpc/tls.ts'
import type { TrustBundle } from './bundle.ts'
import { certificatesIn, verifyX509Svid } from './x509-svid.ts'

const ALGORITHMS: Record<string, string> = { ec: 'ES256', ed25519: 'EdDSA', rsa: 'PS256' }

/** Signs claims; `iat` is `now`. */
export type SignAsService = (claims: JWTPayload, about: { typ: string; now: Date }) => Promise<string>

export function createSignAsService(tls: TlsFiles): SignAsService {
  const key = createPrivateKey(readFileSync(tls.keyFile))
  const alg = ALGORITHMS[key.asymmetricKeyType ?? ''] ?? 'ES256'
  const x5c = certificatesIn(readFileSync(tls.certFile, 'utf8')).map((der) => Buffer.from(der).toString('base64'))
  return (claims, { typ, now }) => new SignJWT(claims).setProtectedHeader({ alg, typ, x5c }).setIssuedAt(now).sign(key)
}

/**
 * Verifies one. A certificate lives for hours and what it signs may live longer: it has to have been valid when it signed.
 * @param about.what what it is, for people; reasons begin with it @param about.path whose SVID must have signed
 * @throws CredenceError `unauthenticated` with a reason that begins with `about.what`, or that of verifyX509Svid
 */
export async function verifySignedByService(
  jws: string,
  about: { what: string; typ: string; path: string; bundle: TrustBundle },
): Promise<{ claims: JWTPayload; signer: string }> {
  const refused = (reason: string, why: string): CredenceError =>
    unauthenticated(`${about.what.replaceAll(' ', '_')}_${reason}`, `The ${about.what} is refused: ${why}.`)
  const { x5c, typ, signedAt } = unverified(jws) ?? {}
  if (!signedAt) throw refused('form', 'it is not a compact JWS')
  if (typ !== about.typ) throw refused('type', `it is not of type ${about.typ}`)
  const [leaf, ...rest] = (x5c ?? []).map((text) => new Uint8Array(Buffer.from(text, 'base64')))
  if (!leaf) throw refused('unsigned', 'it names no certificate')
  const svid = verifyX509Svid([leaf, ...rest], about.bundle, { now: signedAt })
  if (svid.id.path !== about.path) throw refused('signer', `it is signed by ${svid.id.path}, not by ${about.path}`)
  const signer = `spiffe://${svid.id.trustDomain}${svid.id.path}`
  try {
    const algorithms = Object.values(ALGORITHMS)
    // Times are checked by whoever reads it: to some of them an old one is worth something.
    const options = { algorithms, typ: about.typ, issuer: signer, currentDate: signedAt }
    return { claims: (await jwtVerify(jws, svid.certificate.publicKey, options)).payload, signer }
  } catch (error) {
    if (error instanceof errors.JOSEError) throw refused('signature', 'its signature does not fit')
    throw error
  }
}

/** What it says before it is verified. */
function unverified(jws: string): { x5c?: string[]; typ?: string; signedAt: Date } | undefined {
  try {
    const { x5c, typ } = decodeProtectedHeader(jws)
    const signedAt = new Date(Number(decodeJwt(jws).iat) * 1000)
    if (Number.isNaN(signedAt.getTime())) return undefined
    return { ...(x5c ? { x5c } : {}), ...(typ ? { typ } : {}), signedAt }
  } catch {
    return undefined
  }
}
