/** Certificates of endorsement keys and of those who issue them, read strictly (RFC 5280; TCG EK Credential Profile for TPM 2.0). */
import 'reflect-metadata'
import { X509Certificate } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import { malformed, TpmFault, weak } from './reader.ts'

export type Certificate = {
  node: X509Certificate
  notBefore: Date
  notAfter: Date
  ca: boolean
  pathLength: number | undefined
  /** Undefined: no key usage is named. */
  usages: number | undefined
  /** Undefined: none is named. */
  extendedUsages: string[] | undefined
  /** Directory names among the subject alternative names: make and model of a TPM. */
  directoryNames: string[]
}

const WHAT = 'certificate'
const MOST_BYTES = 8_192
const OID = {
  basicConstraints: '2.5.29.19',
  keyUsage: '2.5.29.15',
  extendedKeyUsage: '2.5.29.37',
  subjectAltName: '2.5.29.17',
}
/** What is processed here, and so may be critical (RFC 5280 §4.2). A TPM’s make and model may stand in a critical name. */
const PROCESSED = Object.values(OID)
const LEAST_RSA_BITS = 2_048
const CURVES = ['prime256v1', 'secp384r1', 'secp521r1']

/**
 * @param der one certificate; EK certificates in a TPM may be padded behind their end
 * @throws TpmFault `evidence_malformed` (no certificate, an extension twice, an unknown one critical), `algorithm_weak`
 */
export function readCertificate(der: Uint8Array): Certificate {
  if (der.byteLength > MOST_BYTES) throw malformed(WHAT, `it is larger than ${MOST_BYTES} bytes`)
  try {
    return read(der)
  } catch (error) {
    if (error instanceof TpmFault) throw error
    throw malformed(WHAT, 'it cannot be read')
  }
}

function read(der: Uint8Array): Certificate {
  const node = new X509Certificate(der)
  const parsed = new x509.X509Certificate(new Uint8Array(node.raw))
  const types = parsed.extensions.map(({ type }) => type)
  if (new Set(types).size !== types.length) throw malformed(WHAT, 'an extension stands there twice')
  if (parsed.extensions.some(({ type, critical }) => critical && !PROCESSED.includes(type)))
    throw malformed(WHAT, 'an unknown extension is critical')
  refuseWeak(node, parsed)
  const extension = <T>(oid: string) => parsed.extensions.find(({ type }) => type === oid) as T | undefined
  const constraints = extension<x509.BasicConstraintsExtension>(OID.basicConstraints)
  const usage = extension<x509.KeyUsagesExtension>(OID.keyUsage)
  const extended = extension<x509.ExtendedKeyUsageExtension>(OID.extendedKeyUsage)
  const names = extension<x509.SubjectAlternativeNameExtension>(OID.subjectAltName)
  return {
    node,
    notBefore: parsed.notBefore,
    notAfter: parsed.notAfter,
    ca: constraints?.ca === true,
    pathLength: constraints?.pathLength,
    usages: usage?.usages,
    extendedUsages: extended?.usages.map(String),
    directoryNames: (names?.names.items ?? []).flatMap(({ type, value }) => (type === 'dn' ? [value] : [])),
  }
}

function refuseWeak(node: X509Certificate, parsed: x509.X509Certificate): void {
  const { hash } = parsed.signatureAlgorithm as { hash?: { name?: string } }
  if (hash?.name === 'SHA-1' || hash?.name === 'MD5') throw weak(WHAT, 'its signature is over a weak hash')
  const { modulusLength, namedCurve } = node.publicKey.asymmetricKeyDetails ?? {}
  if (modulusLength !== undefined ? modulusLength < LEAST_RSA_BITS : !CURVES.includes(namedCurve ?? ''))
    throw weak(WHAT, 'its key must be RSA of 2048 bits or more, or on P-256, P-384 or P-521')
}
