/** Whether a key is an attestation key: made by this TPM, kept in it, and able to sign only what the TPM itself made. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { hashNamed } from './algorithms.ts'
import { parseCreation } from './attest.ts'
import { parseCreationData, unwrapCreationData } from './creation-data.ts'
import { has, nameOf, type PublicArea, parsePublicArea, qualifiedNameOf, unwrapPublic } from './public-area.ts'
import { reader, TpmFault } from './reader.ts'
import { isSignedBy, parseSignature } from './signature.ts'

export type AttestationKey = { area: PublicArea; name: Uint8Array; qualifiedName: Uint8Array; publicArea: Uint8Array }

/** As TPM and tools give them. */
export type CreatedKey = {
  /** TPM2B_PUBLIC. */
  attestationPublic: Uint8Array
  /** TPM2B_CREATION_DATA. */
  creationData: Uint8Array
  /** TPMS_ATTEST of TPM2_CertifyCreation by the key itself. */
  creationAttest: Uint8Array
  /** TPMT_SIGNATURE over it. */
  creationSignature: Uint8Array
}

/** TPM_RH_ENDORSEMENT (Part 2 §7.4): keys below another hierarchy report counters that are shifted by a secret (Part 1 §36.7). */
const ENDORSEMENT = Buffer.from([0x40, 0x00, 0x00, 0x0b])

/**
 * @param binding what the certification must carry: it ties the key to the agent that enrols it
 * @throws TpmFault `attestation_key_unsuitable` (an attribute is missing: not restricted, not fixed to the TPM, may decrypt,
 * …), `creation_invalid`, `signature_invalid`, `binding_invalid`, `attestation_key_hierarchy`, and those of the parsers
 */
export function attestationKeyOf(created: CreatedKey, binding: Uint8Array): AttestationKey {
  const publicArea = unwrapPublic(created.attestationPublic)
  const area = parsePublicArea(publicArea)
  refuseUnsuitable(area)
  const { creationAttest } = created
  if (!isSignedBy(area, parseSignature(created.creationSignature), creationAttest))
    throw new TpmFault('signature_invalid', 'creation attestation: it was not signed by the key')
  const attest = parseCreation(creationAttest)
  const data = unwrapCreationData(created.creationData)
  const name = nameOf(area.nameAlgorithm, publicArea)
  const hash = createHash(area.nameAlgorithm).update(data).digest()
  if (!same(attest.name, name) || !same(attest.creationHash, hash))
    throw new TpmFault('creation_invalid', 'creation attestation: it is of another key')
  if (!same(attest.extraData, binding))
    throw new TpmFault('binding_invalid', 'creation attestation: it is not bound to this agent')
  return { area, name, qualifiedName: qualifiedName(data, area, { name, signer: attest.qualifiedSigner }), publicArea }
}

/** go-attestation calls this list CheckAKParameters; each of these was missing from some verifier once. */
function refuseUnsuitable(area: PublicArea): void {
  const must = ['fixedTpm', 'fixedParent', 'sensitiveDataOrigin', 'restricted', 'sign'] as const
  const { scheme, key } = area
  const fits = scheme && (scheme.algorithm === 'ecdsa') === (key.type === 'ecc')
  if (!must.every((attribute) => has(area, attribute)) || has(area, 'decrypt') || area.symmetricBits || !fits)
    throw new TpmFault('attestation_key_unsuitable', 'attestation key: its attributes are not those of one')
}

/** The qualified name that follows from the parent; it must lead to the endorsement hierarchy, and be the one that signed. */
function qualifiedName(data: Uint8Array, area: PublicArea, { name, signer }: { name: Uint8Array; signer: Uint8Array }) {
  const { parentName, parentQualifiedName } = parseCreationData(data)
  const elsewhere = new TpmFault(
    'attestation_key_hierarchy',
    'attestation key: it is not below the endorsement hierarchy',
  )
  const isPrimary = parentName.byteLength === ENDORSEMENT.byteLength
  if (isPrimary && !same(parentName, ENDORSEMENT)) throw elsewhere
  const above = isPrimary ? ENDORSEMENT : qualifiedNameOf(algorithmOf(parentName), ENDORSEMENT, parentName)
  if (!same(parentQualifiedName, above)) throw elsewhere
  const expected = qualifiedNameOf(area.nameAlgorithm, parentQualifiedName, name)
  if (!same(signer, expected))
    throw new TpmFault('creation_invalid', 'creation attestation: its signer stands elsewhere')
  return expected
}

/** A name begins with the number of its hash. */
const algorithmOf = (name: Uint8Array) => hashNamed(reader(name, 'parent').u16(), 'parent')

/** In constant time for values of one length. */
export const same = (a: Uint8Array, b: Uint8Array): boolean => a.byteLength === b.byteLength && timingSafeEqual(a, b)
