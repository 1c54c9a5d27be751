/** A Sigstore bundle (sigstore_bundle.proto, version 0.3) around a DSSE envelope: taken apart, nothing in it believed yet. */
import { z } from 'zod'

export type Refused = { refused: string; detail?: string }

/** Who a bundle says signed it. None of it is trusted: it only tells which of our anchors to try. */
export type NamedSigner = { by: 'key'; hint?: string } | { by: 'certificate'; chain: Buffer[]; logged: boolean }

export type SignedBundle = {
  payload: Buffer
  payloadType: string
  signature: Buffer
  signer: NamedSigner
  /** As it was sent, for the library that verifies transparency logs. */
  json: unknown
}

/** The two spellings of version 0.3. Earlier versions put certificates elsewhere and are refused. */
const MEDIA_TYPES = [
  'application/vnd.dev.sigstore.bundle.v0.3+json',
  'application/vnd.dev.sigstore.bundle+json;version=0.3',
] as const
const MAX_CERTIFICATE = 24 * 1024
/** The leaf and what stands between it and our anchor. */
const MAX_CHAIN = 6
const MAX_LOG_ENTRIES = 4

const Certificate = z.object({ rawBytes: z.base64().min(1).max(MAX_CERTIFICATE) })
const Material = z.object({
  // Before version 1.1 the reference signer put the key itself here; it is read over, never used.
  publicKey: z.object({ hint: z.string().max(1024).optional() }).optional(),
  x509CertificateChain: z.object({ certificates: z.array(Certificate).min(1).max(MAX_CHAIN) }).optional(),
  certificate: Certificate.optional(),
  tlogEntries: z.array(z.looseObject({})).max(MAX_LOG_ENTRIES).nullish(),
  timestampVerificationData: z.looseObject({}).nullish(),
})
const Bundle = z.strictObject({
  mediaType: z.enum(MEDIA_TYPES),
  verificationMaterial: Material,
  dsseEnvelope: z.strictObject({
    payload: z.base64().min(1),
    payloadType: z.string().min(1).max(256),
    // More than one signature would leave open whose word it is.
    signatures: z.array(z.strictObject({ sig: z.base64().min(1).max(2048), keyid: z.string().nullish() })).length(1),
  }),
})

/**
 * Takes a bundle apart.
 * @param source its bytes, or what they hold when they stand inside other JSON
 * @returns its parts, or `bundle_media_type` (another format or version), `evidence_malformed`
 */
export function readBundle(source: Uint8Array | object): SignedBundle | Refused {
  const json = source instanceof Uint8Array ? parseJson(source) : source
  if (json === undefined) return { refused: 'evidence_malformed', detail: 'bundle is not JSON' }
  const parsed = Bundle.safeParse(json)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    return issue?.path[0] === 'mediaType'
      ? { refused: 'bundle_media_type' }
      : { refused: 'evidence_malformed', detail: `bundle: ${issue?.path.join('.')}` }
  }
  const { dsseEnvelope, verificationMaterial } = parsed.data
  const signer = signerOf(verificationMaterial)
  const [signature] = dsseEnvelope.signatures
  if (!signer || !signature) return { refused: 'evidence_malformed', detail: 'bundle names no signer, or several' }
  return {
    payload: Buffer.from(dsseEnvelope.payload, 'base64'),
    payloadType: dsseEnvelope.payloadType,
    signature: Buffer.from(signature.sig, 'base64'),
    signer,
    json,
  }
}

/** The value of UTF-8 JSON bytes; undefined when they are not that. */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return undefined
  }
}

function signerOf(material: z.infer<typeof Material>): NamedSigner | undefined {
  const { publicKey, x509CertificateChain, certificate, tlogEntries } = material
  if ([publicKey, x509CertificateChain, certificate].filter((found) => found !== undefined).length !== 1)
    return undefined
  if (publicKey) return { by: 'key', hint: publicKey.hint }
  const all = certificate ? [certificate] : (x509CertificateChain?.certificates ?? [])
  return {
    by: 'certificate',
    chain: all.map(({ rawBytes }) => Buffer.from(rawBytes, 'base64')),
    logged: (tlogEntries ?? []).length > 0,
  }
}
