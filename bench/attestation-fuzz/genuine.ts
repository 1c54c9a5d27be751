/** Genuine input in its parts, so that what lies inside an encoding can be mutated as well as the encoding. */

/** How a part is read: what mutations make sense for it. */
export type Form = 'bytes' | 'json' | 'der'
export type Part = { bytes: Buffer; form: Form }
export type Genuine = { parts: readonly Part[]; whole(parts: readonly Buffer[]): Buffer }

export const part = (bytes: Uint8Array | string, form: Form): Part => ({ bytes: Buffer.from(bytes as string), form })

/** Input that is mutated as it stands. */
export const plain = (bytes: Uint8Array | string, form: Form): Genuine => ({
  parts: [part(bytes, form)],
  whole: ([bytes = Buffer.alloc(0)]) => bytes,
})

/** A compact JWS by its header, its payload and its signature. @param within what it stands in */
export const jws = (text: string, within: (jws: string) => string = (jws) => jws): Genuine => ({
  parts: text.split('.').map((piece, index) => part(Buffer.from(piece, 'base64url'), index < 2 ? 'json' : 'bytes')),
  whole: (parts) => Buffer.from(within(parts.map((bytes) => bytes.toString('base64url')).join('.'))),
})

type Raw = { rawBytes: string }
export type BundleJson = {
  dsseEnvelope: { payload: string; payloadType: string; signatures: { sig: string }[] }
  verificationMaterial: { certificate?: Raw; x509CertificateChain?: { certificates: Raw[] } }
}

/** A Sigstore bundle by what was signed, the signature, and its certificates. @param within what it stands in */
export function signedBundle(bundle: BundleJson, within: (bundle: object) => object = (bundle) => bundle): Genuine {
  const { dsseEnvelope, verificationMaterial } = bundle
  const { certificate, x509CertificateChain } = verificationMaterial
  const certificates = certificate ? [certificate] : (x509CertificateChain?.certificates ?? [])
  const base64 = (text: string) => Buffer.from(text, 'base64')
  return {
    parts: [
      part(base64(dsseEnvelope.payload), 'json'),
      part(base64(dsseEnvelope.signatures[0]?.sig ?? ''), 'der'),
      ...certificates.map(({ rawBytes }) => part(base64(rawBytes), 'der')),
    ],
    whole: ([payload, signature, ...ders]) => {
      const [first, ...rest] = ders.map((der) => ({ rawBytes: der.toString('base64') }))
      const material = certificate
        ? { certificate: first }
        : { x509CertificateChain: { certificates: [first, ...rest] } }
      const envelope = {
        ...dsseEnvelope,
        payload: payload?.toString('base64'),
        signatures: [{ ...dsseEnvelope.signatures[0], sig: signature?.toString('base64') }],
      }
      const changed = { ...verificationMaterial, ...(first ? material : {}) }
      return Buffer.from(JSON.stringify(within({ ...bundle, verificationMaterial: changed, dsseEnvelope: envelope })))
    },
  }
}
