/** A reference value: proto ↔ contract. */
import { Reference, type ReferenceValue as Value } from '@credence/contracts/attestation/trust'
import type { ReferenceValue as ReferenceMessage } from '@credence/contracts/gen/credence/attestation/v1/attestation'
import { checked, converted, type Path, refuseGiven } from './converted.ts'

const GIVEN = ['id', 'approvedBy', 'approvedAt', 'withdrawn', 'withdrawnBy']
type Case = NonNullable<ReferenceMessage['value']>
/** What is approved, before it has an id. */
export type Wanted = Omit<Reference, 'reference'>

export const ReferenceField = converted((message: ReferenceMessage, fault): Wanted | undefined => {
  refuseGiven(message, GIVEN, fault)
  const { blueprint, label, value } = message
  if (!value) return void fault(['value'], 'must be one of composition, model, image, pcrs')
  const wanted = { blueprint, label, value: valueFrom(value) }
  // `value` is the oneof: the proto names the case.
  const named = ([first = '', ...rest]: Path): Path => [first === 'value' ? value.$case : first, ...rest]
  return checked(Reference.omit({ reference: true }), wanted, { path: [], fault, named })
})

function valueFrom(of: Case): object {
  switch (of.$case) {
    case 'composition': {
      const { program, prompt, toolManifest, model } = of.value
      return { type: 'composition', program, prompt, tool_manifest: toolManifest, model }
    }
    case 'model': {
      const { statementDigest, signer } = of.value
      return { type: 'model', statement_digest: statementDigest, ...(signer ? { signer } : {}) }
    }
    case 'image':
      return { type: 'image', digest: of.value.digest }
    case 'pcrs':
      return { type: 'pcrs', bank: of.value.bank, values: of.value.values }
  }
}

export const referenceMessage = (
  { reference, blueprint, label, value }: Reference,
  said: Pick<ReferenceMessage, 'approvedBy' | 'approvedAt' | 'withdrawn' | 'withdrawnBy'>,
): ReferenceMessage => ({ id: reference, blueprint, label, value: caseOf(value), ...said })

function caseOf(value: Value): Case {
  switch (value.type) {
    case 'composition': {
      const { program, prompt, tool_manifest: toolManifest, model } = value
      return { $case: 'composition', value: { program, prompt, toolManifest, model } }
    }
    case 'model':
      return { $case: 'model', value: { statementDigest: value.statement_digest, signer: value.signer ?? '' } }
    case 'image':
      return { $case: 'image', value: { digest: value.digest } }
    case 'pcrs': {
      const values = Object.fromEntries(Object.entries(value.values).map(([index, hex]) => [Number(index), hex]))
      return { $case: 'pcrs', value: { bank: value.bank, values } }
    }
  }
}
