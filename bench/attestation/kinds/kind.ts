/** A kind of evidence to measure: its verifier over a genuine piece, and the bare signature check inside it. */
import { type KeyObject, verify, type X509Certificate } from 'node:crypto'

export type Subject = {
  /** Name in the figures: the kind, and which form of it where there are several. */
  name: string
  /** What the bare check is. */
  algorithm: string
  /** The whole verifier. Whether it took the piece. */
  verify(): Promise<boolean>
  /** The signature alone: key ready, bytes ready. */
  bare(): boolean
}

/** A verifier that answers with claims has taken the piece. */
export const took = (answer: object): boolean => !('refused' in answer)

/** ECDSA as JWS writes it (RFC 7518 §3.4), or RSASSA-PKCS1-v1_5: over header and payload of a compact JWS. */
export function bareJws(jws: string, key: KeyObject): () => boolean {
  const [header = '', payload = '', signed = ''] = jws.split('.')
  const data = Buffer.from(`${header}.${payload}`)
  const signature = Buffer.from(signed, 'base64url')
  return () => verify('sha256', data, { key, dsaEncoding: 'ieee-p1363' }, signature)
}

/** A certificate’s signature by its issuer’s key. */
export const bareCertificate =
  (certificate: X509Certificate, issuer: KeyObject): (() => boolean) =>
  () =>
    certificate.verify(issuer)
