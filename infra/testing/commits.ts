/** Commits as they come out of a stream: written and read by the very functions that do it in service. */
import type { Fact } from '@credence/contracts/events/catalog'
import type { StreamName } from '@credence/contracts/streams'
import { decodeCommit, encodeCommit, newCommit, type RecordedCommit } from '@credence/shared/event-store/commit'
import { NOW } from './facts.ts'

export function recordedCommit(stream: StreamName, sequence: number, subject: string, facts: Fact[]): RecordedCommit {
  const source = `spiffe://acme.example/service/${stream.toLowerCase()}`
  const commit = newCommit(facts, { actor: { kind: 'workload', id: source }, source, subject, now: NOW })
  const { headers, payload } = encodeCommit(commit)
  const service = stream.toLowerCase()
  const message = { subject: `credence.${service}.${subject.replace('/', '.')}`, headers, data: payload }
  return decodeCommit(message, stream, sequence)
}
