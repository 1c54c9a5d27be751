/** By which event each person left: to be named as the cause of what follows. */
import type { RecordedCommit } from '@credence/shared/event-store/commit'

export function createDepartures() {
  const events = new Map<string, string>()
  return {
    name: 'identity/departures',
    apply: (commit: RecordedCommit): void => {
      for (const { type, data } of commit.facts)
        if (type === 'credence.identity.human.deactivated.v1') events.set(data.human, commit.id)
    },
    dump: (): [human: string, event: string][] => [...events],
    load: (entry: unknown): void => {
      const [human, event] = entry as [string, string]
      events.set(human, event)
    },
    clear: (): void => events.clear(),
    departureOf: (human: string): string | undefined => events.get(human),
  }
}
