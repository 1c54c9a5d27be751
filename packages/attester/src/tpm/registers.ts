/** Registers of a TPM, as tpm2-tools write them: values one behind the other, in the order of their indices. */
export type Selection = { bank: 'sha256' | 'sha384'; pcrs: readonly number[] }

const DIGEST_BYTES = { sha256: 32, sha384: 48 }

/** @param selection.pcrs ascending @returns by index, lower-case hexadecimal */
export function registersIn(values: Buffer, { bank, pcrs }: Selection): Record<string, string> {
  const size = DIGEST_BYTES[bank]
  return Object.fromEntries(
    pcrs.map((pcr, index) => [pcr, values.subarray(index * size, (index + 1) * size).toString('hex')]),
  )
}
