/** TPMS_CREATION_DATA (TPM 2.0 Part 2 §15.1): under which parent a key was made. */
import { hashNamed, MOST_DIGEST, MOST_NAME } from './algorithms.ts'
import { readPcrSelections } from './pcr-selection.ts'
import { malformed, reader, unwrap } from './reader.ts'

export type CreationData = {
  /** A name, or the four bytes of the handle of a hierarchy when the key is a primary one. */
  parentName: Uint8Array
  parentQualifiedName: Uint8Array
  outsideInfo: Uint8Array
}

const WHAT = 'creation data'
const MOST_CREATION_DATA = 1_024
const NONE = 0x0010
const HANDLE_BYTES = 4

/** The TPMS_CREATION_DATA inside a TPM2B_CREATION_DATA: what a creation hash is made of. @throws TpmFault */
export const unwrapCreationData = (bytes: Uint8Array): Uint8Array => unwrap(bytes, MOST_CREATION_DATA, WHAT)

/** Parses a TPMS_CREATION_DATA. @throws TpmFault */
export function parseCreationData(bytes: Uint8Array): CreationData {
  const read = reader(bytes, WHAT)
  readPcrSelections(read, WHAT)
  read.sized(MOST_DIGEST) // pcrDigest
  read.u8() // locality
  const parentAlgorithm = read.u16()
  const parentName = read.sized(MOST_NAME)
  const parentQualifiedName = read.sized(MOST_NAME)
  const outsideInfo = read.sized(MOST_NAME)
  read.end()
  if (parentAlgorithm === NONE) {
    if (parentName.byteLength !== HANDLE_BYTES) throw malformed(WHAT, 'the parent is neither a key nor a hierarchy')
  } else hashNamed(parentAlgorithm, WHAT)
  return { parentName, parentQualifiedName, outsideInfo }
}
