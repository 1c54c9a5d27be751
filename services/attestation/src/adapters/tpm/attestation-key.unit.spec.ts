/** Attestation keys of the recorded TPM, and keys that are wrong in one thing each. */
import { createHash } from 'node:crypto'
import { tpmEnrolmentBinding } from '@credence/contracts/attestation/binding'
import { describe, expect, it } from 'vitest'
import { AUDIENCE } from '../../testing/tpm.ts'
import { ATTESTING, forgedKey, forgedSignature, type KeyOptions, u8, u16, u32, u64 } from '../../testing/tpm-forge.ts'
import { evidenceOf, RECORDED, recorded } from '../../testing/tpm2-quotes/recorded.ts'
import { attestationKeyOf } from './attestation-key.ts'
import { ATTRIBUTE, nameOf, qualifiedNameOf } from './public-area.ts'
import { wrap } from './reader.ts'

const code = (work: () => unknown): string | undefined => {
  try {
    work()
    return undefined
  } catch (error) {
    return (error as { code?: string }).code
  }
}

describe.each(RECORDED)('the recorded attestation key %s', (name) => {
  const one = recorded(name)
  const evidence = evidenceOf(one)
  const binding = tpmEnrolmentBinding({ ...one.agent, audience: AUDIENCE })

  it('TPM 2.0 Part 1 §16, has the names that the TPM gives it', () => {
    const key = attestationKeyOf(evidence, binding)
    expect(Buffer.from(key.name).toString('hex')).toBe(one.record.ak_name)
    expect(Buffer.from(key.qualifiedName).toString('hex')).toBe(one.record.ak_qualified_name)
  })

  it('is not another agent’s, nor for another service', () => {
    const other = tpmEnrolmentBinding({ ...one.agent, keyThumbprint: 'another', audience: AUDIENCE })
    const elsewhere = tpmEnrolmentBinding({ ...one.agent, audience: 'spiffe://b.example/service/attestation' })
    expect(code(() => attestationKeyOf(evidence, other))).toBe('binding_invalid')
    expect(code(() => attestationKeyOf(evidence, elsewhere))).toBe('binding_invalid')
    expect(code(() => attestationKeyOf(evidence, new Uint8Array()))).toBe('binding_invalid')
  })

  it('is refused with any part of its creation changed', () => {
    for (const part of ['attestationPublic', 'creationData', 'creationAttest', 'creationSignature'] as const) {
      const bytes = evidence[part]
      for (const at of bytes.keys()) {
        const changed = Uint8Array.from(bytes)
        changed[at]! ^= 1 << (at % 8)
        expect(
          code(() => attestationKeyOf({ ...evidence, [part]: changed }, binding)),
          `${part} ${at}`,
        ).toBeDefined()
      }
    }
  })

  it('is refused with a quote in place of its creation', () => {
    const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'base64url'))
    const quoted = {
      creationAttest: bytes(one.content.attest),
      creationSignature: bytes(one.content.signature),
    }
    expect(code(() => attestationKeyOf({ ...evidence, ...quoted }, binding))).toBe('attest_wrong_type')
  })
})

const BINDING = Buffer.alloc(32, 5)
const ENDORSEMENT = u32(0x4000000b)
const PARENT = nameOf('sha256', Buffer.from('a parent'))

type Parts = {
  key?: KeyOptions
  magic?: number
  type?: number
  name?: Uint8Array
  hash?: Uint8Array
  extraData?: Uint8Array
  parent?: Uint8Array
  above?: Uint8Array
  signer?: Uint8Array
  data?: Uint8Array
}

/** A key that certifies its creation, right in everything but what is asked. */
function created(parts: Parts = {}) {
  const key = forgedKey(parts.key)
  const { parent = PARENT, above = qualifiedNameOf('sha256', ENDORSEMENT, parent) } = parts
  const algorithm = parent.byteLength === 4 ? 0x10 : 0x0b
  const data =
    parts.data ??
    Buffer.concat([u32(0), wrap(Buffer.alloc(32)), u8(1), u16(algorithm), wrap(parent), wrap(above), u16(0)])
  const { magic = 0xff544347, type = 0x801a, name = key.name, extraData = BINDING } = parts
  const { hash = createHash('sha256').update(data).digest(), signer = qualifiedNameOf('sha256', above, key.name) } =
    parts
  const clock = [u64(5n), u32(1), u32(0), u8(1), u64(7n)]
  const attest = Buffer.concat([u32(magic), u16(type), wrap(signer), wrap(extraData), ...clock, wrap(name), wrap(hash)])
  const evidence = {
    attestationPublic: wrap(key.area),
    creationData: wrap(data),
    creationAttest: attest,
    creationSignature: forgedSignature(key, attest),
  }
  return code(() => attestationKeyOf(evidence, BINDING))
}

describe('CVE-2021-3406: what is enrolled is a key that only signs what the TPM made', () => {
  it('a key that is right in everything passes, below a key of the hierarchy or as a primary one', () => {
    expect(created()).toBeUndefined()
    expect(created({ parent: ENDORSEMENT, above: ENDORSEMENT })).toBeUndefined()
    expect(created({ key: { type: 'rsa', scheme: 'rsapss' } })).toBeUndefined()
  })

  it('CVE-2024-29038: a key without one of these attributes is refused', () => {
    for (const name of ['fixedTpm', 'fixedParent', 'sensitiveDataOrigin', 'restricted', 'sign'] as const)
      expect(created({ key: { attributes: ATTESTING & ~ATTRIBUTE[name] } }), name).toBe('attestation_key_unsuitable')
    expect(created({ key: { attributes: ATTESTING | ATTRIBUTE.decrypt } })).toBe('attestation_key_unsuitable')
  })

  const faults: [name: string, refused: string, parts: Parts][] = [
    ['of 1024 bits', 'algorithm_weak', { key: { type: 'rsa', bits: 1024 } }],
    ['that signs over SHA-1', 'algorithm_weak', { key: { hash: 'sha1' } }],
    ['whose creation no TPM attests', 'attest_not_generated', { magic: 0 }],
    ['whose creation is attested as something else', 'attest_wrong_type', { type: 0x8017 }],
    ['whose certificate is of another key', 'creation_invalid', { name: PARENT }],
    ['whose certificate is of other data', 'creation_invalid', { hash: Buffer.alloc(32) }],
    ['that certifies itself for nobody', 'binding_invalid', { extraData: Buffer.alloc(0) }],
    ['of the owner’s hierarchy', 'attestation_key_hierarchy', { parent: u32(0x40000001), above: u32(0x40000001) }],
    [
      'below the owner’s hierarchy',
      'attestation_key_hierarchy',
      { above: qualifiedNameOf('sha256', u32(0x40000001), PARENT) },
    ],
    ['of no hierarchy', 'attestation_key_hierarchy', { parent: u32(0x40000007), above: u32(0x40000007) }],
    ['that stands elsewhere', 'creation_invalid', { signer: PARENT }],
    ['whose creation data is cut off', 'evidence_malformed', { data: Buffer.alloc(12) }],
  ]
  it.each(faults)('a key %s is refused', (_name, refused, parts) => expect(created(parts)).toBe(refused))
})
