/** A Sigstore instance of one's own: an authority that certifies for minutes, and a transparency log of one entry each time. */
import { createHash, createPublicKey, sign } from 'node:crypto'
import { type Algorithm, type BundleJson, type CertificateWishes, certify, newSigner, signBundle } from './signers.ts'

const LOG_NAME = 'log.sigstore.example'
const MINUTES_MS = 60_000
const sha256 = (...parts: (string | Uint8Array)[]): Buffer => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

export type SignWishes = {
  /** When the log saw the signature. */
  at: Date
  /** When the certificate begins; it lasts ten minutes. */
  certifiedAt?: Date
  names?: CertificateWishes['names']
  algorithm?: Algorithm
  certificate?: CertificateWishes
}

export async function openSigstoreInstance(from: Date) {
  const root = await certify({ ca: true, subject: 'CN=Own Sigstore', from })
  const log = await newSigner()
  const logKey = createPublicKey(log.publicPem).export({ type: 'spki', format: 'der' })
  const logId = sha256(logKey)

  /** What the log gives back for an entry: its promise, and its proof in a tree of this entry alone. */
  function logged(bundle: BundleJson, at: Date): object {
    const { payload, signatures } = bundle.dsseEnvelope as { payload: string; signatures: { sig: string }[] }
    const body = Buffer.from(
      JSON.stringify({
        apiVersion: '0.0.1',
        kind: 'dsse',
        spec: {
          payloadHash: { algorithm: 'sha256', value: sha256(Buffer.from(payload, 'base64')).toString('hex') },
          signatures: signatures.map(({ sig }) => ({ signature: sig })),
        },
      }),
    )
    const integratedTime = Math.floor(at.getTime() / 1000)
    const promised = { body: body.toString('base64'), integratedTime, logID: logId.toString('hex'), logIndex: 0 }
    const rootHash = sha256(Buffer.from([0]), body)
    const note = `${LOG_NAME}\n1\n${rootHash.toString('base64')}\n`
    const noted = Buffer.concat([logId.subarray(0, 4), sign('sha256', Buffer.from(note), log.privateKey)])
    return {
      logIndex: '0',
      logId: { keyId: logId.toString('base64') },
      kindVersion: { kind: 'dsse', version: '0.0.1' },
      integratedTime: String(integratedTime),
      inclusionPromise: {
        signedEntryTimestamp: sign('sha256', Buffer.from(JSON.stringify(promised)), log.privateKey).toString('base64'),
      },
      inclusionProof: {
        logIndex: '0',
        rootHash: rootHash.toString('base64'),
        treeSize: '1',
        hashes: [],
        checkpoint: { envelope: `${note}\n— ${LOG_NAME} ${noted.toString('base64')}\n` },
      },
      canonicalizedBody: body.toString('base64'),
    }
  }

  return {
    trustedRoot: JSON.stringify({
      mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
      tlogs: [
        {
          baseUrl: `https://${LOG_NAME}`,
          hashAlgorithm: 'SHA2_256',
          publicKey: {
            rawBytes: logKey.toString('base64'),
            keyDetails: 'PKIX_ECDSA_P256_SHA_256',
            validFor: { start: from.toISOString() },
          },
          logId: { keyId: logId.toString('base64') },
        },
      ],
      certificateAuthorities: [
        {
          subject: { organization: 'Own Sigstore', commonName: 'Own Sigstore' },
          uri: 'https://authority.sigstore.example',
          certChain: { certificates: [{ rawBytes: Buffer.from(root.certificate.rawData).toString('base64') }] },
          validFor: { start: from.toISOString() },
        },
      ],
      ctlogs: [],
      timestampAuthorities: [],
    }),
    /** A bundle as `cosign` or `model_signing sign sigstore` would leave it. */
    sign: async (
      payload: string,
      { at, certifiedAt = at, names, algorithm, certificate }: SignWishes,
    ): Promise<BundleJson> => {
      const until = new Date(certifiedAt.getTime() + 10 * MINUTES_MS)
      const leaf = await certify({ by: root, from: certifiedAt, until, names, algorithm, ...certificate })
      const bundle = await signBundle(payload, leaf, { chain: [leaf] })
      return { ...bundle, verificationMaterial: { ...bundle.verificationMaterial, tlogEntries: [logged(bundle, at)] } }
    },
  }
}
