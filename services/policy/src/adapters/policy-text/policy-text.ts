/** Reads the text of a version back from the stream. */
import { unavailable } from '@credence/contracts/errors'
import { versionOf } from '@credence/policies/version'
import type { Bus } from '@credence/shared/bus/connect'
import { readCommit } from '@credence/shared/event-store/read-commit'
import type { Places } from '../../projections/policysets.ts'

/** @throws CredenceError `unavailable` when the stream cannot be read, or does not hold what the version names */
export const createReadText =
  (bus: Bus) =>
  async (version: string, places: Places): Promise<{ policies: string; schema: string }> => {
    const read = async (sequences: readonly number[]): Promise<string> => {
      const parts = await Promise.all(sequences.map((sequence) => partAt(bus, sequence)))
      return parts.join('')
    }
    const source = { policies: await read(places.policies), schema: await read(places.schema) }
    if (versionOf(source) !== version)
      throw unavailable('policies_unreadable', `The text of policies ${version} is not what its name says.`)
    return source
  }

async function partAt(bus: Bus, sequence: number): Promise<string> {
  const commit = await readCommit(bus, 'POLICY', sequence)
  if (!commit) throw unavailable('policies_unreadable', `POLICY:${sequence} is gone.`)
  for (const { type, data } of commit.facts) if (type === 'credence.policy.policyset.text_added.v1') return data.text
  throw unavailable('policies_unreadable', `POLICY:${sequence} holds no part of a text.`)
}
