/** The engine behind the versions of the policies: read and checked in a worker that may die, evaluated here. */
import { precondition } from '@credence/contracts/errors'
import { inWorker, type Outcome } from '@credence/policies/in-worker'
import { load } from '@credence/policies/load'
import type { Finding } from '@credence/policies/policies'
import { WASM } from '@credence/policies/wasm'
import { sha256 } from '@credence/shared/digest'
import type { PolicyEngine, Source } from '../../reactions/policies.ts'

/** Name and version of what checks policies. */
export const CHECKER = WASM

/** @throws CredenceError `unavailable` when too many checks wait already */
export const checkPolicies = (source: Source): Promise<Outcome> => inWorker({ kind: 'check', source })

/** What a check found in the schema, as an event names it. */
export const schemaDigest = (schemaText: string): string => sha256(schemaText)

export const cedarEngine: PolicyEngine = {
  prepare: async (version, source, validated) => {
    const asChecked = validated?.engine === CHECKER && (await readAs(source, validated.schema_digest))
    if (asChecked) return load(version, asChecked)
    const { read, findings } = await checkPolicies(source)
    if (!read) throw refused(version, findings)
    return load(version, read)
  },
}

/** A version that was checked by the same checker; undefined when it was checked against another schema. */
async function readAs(source: Source, digest: string): Promise<Outcome['read']> {
  const { read } = await inWorker({ kind: 'read', source })
  return read && schemaDigest(read.schemaText) === digest ? read : undefined
}

const refused = (version: string, findings: readonly Finding[]) => {
  const [first] = findings
  const why = first ? `${first.policy ? `${first.policy}: ` : ''}${first.message}` : ''
  return precondition('policies_do_not_load', `Policies ${version} do not pass the checks of this release: ${why}`)
}
