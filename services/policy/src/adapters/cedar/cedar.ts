/** The engine behind the versions of the policies: read and checked in a worker that may die, evaluated here. */
import { precondition } from '@credence/contracts/errors'
import type { ReadSource } from '@credence/policies/check'
import { inWorker } from '@credence/policies/in-worker'
import { load } from '@credence/policies/load'
import type { Finding } from '@credence/policies/policies'
import { WASM } from '@credence/policies/wasm'
import { sha256 } from '@credence/shared/digest'
import type { PolicyEngine, Source } from '../../reactions/policies.ts'

export const cedarEngine: PolicyEngine = {
  check: async (version, source) => {
    const { findings, read } = await inWorker({ kind: 'check', source })
    const nothing = { findings, policyIds: [], schemaDigest: '', checker: WASM }
    if (!read) return nothing
    const policyIds = read.policies.map(({ id }) => id)
    return { ...nothing, policyIds, schemaDigest: sha256(read.schemaText), loaded: load(version, read) }
  },
  prepare: async (version, source, validated) => {
    const asChecked = validated?.engine === WASM ? await readAs(source, validated.schema_digest) : undefined
    if (asChecked) return load(version, asChecked)
    const { read, findings } = await inWorker({ kind: 'check', source })
    if (!read) throw refused(`Policies ${version} do not pass the checks of this release`, findings)
    return load(version, read)
  },
  texts: async (source) => {
    const { read, findings } = await inWorker({ kind: 'texts', source })
    if (!read) throw refused('A version that does not parse cannot be compared', findings)
    return new Map(read.policies.map(({ id, text = '' }) => [id, text]))
  },
}

/** A version that was checked by the same checker; undefined when it was checked against another schema. */
async function readAs(source: Source, digest: string): Promise<ReadSource | undefined> {
  const { read } = await inWorker({ kind: 'read', source })
  return read && sha256(read.schemaText) === digest ? read : undefined
}

const refused = (what: string, findings: readonly Finding[]) => {
  const [first] = findings
  const why = first ? `${first.policy ? `${first.policy}: ` : ''}${first.message}` : ''
  return precondition('policies_do_not_load', `${what}: ${why}`)
}
