/** Certificates that an anchor holds. */
import { certificatesIn } from '@credence/shared/spiffe/x509-svid'

/** @returns DER of each; none for a text that cannot be decoded: it vouches for nobody, and breaks no verifier */
export function anchorCertificates(pem: string): Uint8Array[] {
  try {
    return certificatesIn(pem)
  } catch {
    return []
  }
}
