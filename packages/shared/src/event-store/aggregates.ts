/** States of all aggregates of one kind, folded in memory from their stream, and the way to change one. */

import { CredenceError } from '@credence/contracts/errors'
import type { Fact } from '@credence/contracts/events/catalog'
import type { StreamName } from '@credence/contracts/streams'
import type { Bus } from '../bus/connect.ts'
import { createTurns } from '../turns.ts'
import { append } from './append.ts'
import { type Actor, aggregateOf, type Correlation, newCommit } from './commit.ts'
import type { Follower } from './follow.ts'
import type { ReadModel } from './read-model.ts'
import type { Share } from './sharing.ts'

/** An aggregate, as the domain writes it: state and what each fact makes of it. */
export type Evolution<State> = { initialState: State; evolve: (state: State, fact: Fact) => State }

export type Aggregates<State> = Omit<ReadModel, 'load'> & {
  /** State and last sequence of one aggregate; the initial state and 0 when there is none. */
  get(id: string): { state: State; sequence: number }
  all(): IterableIterator<[id: string, state: State]>
  /** Folds one commit; others than this kind's are passed over. */
  apply: ReadModel['apply']
  /** Takes back what `dump` gave. @returns the state */
  load(entry: unknown): State
  subject(id: string): string
}

/**
 * Aggregates of one kind of one service, for example `aggregates('identity', 'agent', agent)`.
 * @param share makes of what many states have in common one value (sharing.ts)
 */
export function aggregates<State>(
  service: string,
  kind: string,
  evolution: Evolution<State>,
  share: Share = (state) => state,
): Aggregates<State> {
  type Entry = { id: string; state: State; sequence: number }
  const entries = new Map<string, Entry>()
  const none = { state: evolution.initialState, sequence: 0 }
  /** What was asked for last: a decision asks for the same agent, task and so on several times in a row. */
  let lastId: string | undefined
  let last: { state: State; sequence: number } = none
  const states = function* (): IterableIterator<[string, State]> {
    for (const [id, { state }] of entries) yield [id, state]
  }
  return {
    name: `${service}/${kind}`,
    get: (id) => {
      if (id !== lastId) {
        last = entries.get(id) ?? none
        lastId = id
      }
      return last
    },
    all: states,
    subject: (id) => `credence.${service}.${kind}.${id}`,
    apply: (commit) => {
      if (!commit.subject.startsWith(`${kind}/`)) return
      const id = commit.subject.slice(kind.length + 1)
      const before = entries.get(id) ?? none
      const state = share(commit.facts.reduce(evolution.evolve, before.state))
      entries.set(id, { id, state, sequence: commit.sequence })
      lastId = undefined
    },
    dump: () => [...entries.values()],
    load: (entry) => {
      const one = entry as Entry
      share(one.state)
      entries.set(one.id, one)
      lastId = undefined
      return one.state
    },
    clear: () => {
      entries.clear()
      lastId = undefined
    },
  }
}

/** What a writer has to know of aggregates. */
export type Writable<State> = Pick<Aggregates<State>, 'get' | 'subject'>

export type Writer = {
  /**
   * Decides on the current state and appends what was decided, as one commit. A conflict with another writer is decided
   * again on the newer state. Deciding nothing appends nothing.
   * @returns the facts, and the position from which they can be read
   */
  execute<State, F extends Fact>(of: Writable<State>, command: Command<State, F>): Promise<Written<F>>
  /** Appends without an expectation, for logs that have no state (tokens, decisions). */
  record<F extends Fact>(subject: string, facts: F[], about: About): Promise<Written<F>>
}

export type About = { actor: Actor; correlation?: Correlation; causation?: string; now: Date }
export type Command<State, F extends Fact> = About & { id: string; decide: (state: State) => F[] }
export type Written<F extends Fact> = { facts: F[]; position: string }

const ATTEMPTS = 8
const CATCH_UP_MS = 1_000

/**
 * The writer of one stream. Commands on one aggregate queue up in this process (contention would cost its square); the
 * expected sequence is the fence between processes.
 */
export function createWriter(options: {
  bus: Bus
  follower: Follower
  stream: StreamName
  /** SPIFFE ID of this service. */
  source: string
}): Writer {
  const { bus, follower, stream, source } = options
  const inTurn = createTurns()

  async function attempt<State, F extends Fact>(of: Writable<State>, command: Command<State, F>): Promise<Written<F>> {
    const subject = of.subject(command.id)
    for (let tries = 0; tries < ATTEMPTS; tries++) {
      const { state, sequence } = of.get(command.id)
      const facts = command.decide(state)
      if (facts.length === 0) return { facts, position: `${stream}:${follower.position()}` }
      const commit = newCommit(facts, { ...command, source, subject: aggregateOf(subject) })
      const appended = await append(bus, stream, subject, commit, sequence)
      if (appended.kind !== 'conflict') {
        await follower.reached(appended.sequence, CATCH_UP_MS)
        return { facts, position: `${stream}:${appended.sequence}` }
      }
      const last = await bus.jsm.streams.getMessage(stream, { last_by_subj: subject })
      if (last) await follower.reached(last.seq, CATCH_UP_MS)
    }
    throw new CredenceError('aborted', 'too_contended', 'Others change the same thing at the same time. Try again.')
  }

  return {
    execute: (of, command) => inTurn(of.subject(command.id), () => attempt(of, command)),
    record: async (subject, facts, about) => {
      const commit = newCommit(facts, { ...about, source, subject: aggregateOf(subject) })
      const appended = await append(bus, stream, subject, commit)
      if (appended.kind === 'conflict') throw new CredenceError('internal', 'append_refused', 'The record was refused.')
      return { facts, position: `${stream}:${appended.sequence}` }
    },
  }
}
