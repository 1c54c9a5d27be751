/**
 * When a signing key is published, when it signs and when it goes: told from the keys' times of making alone, so that
 * every replica that sees the same keys comes to the same answer, and none has to lead.
 *
 *   made ──lead──▶ signs ──rotation──▶ the next one signs ──overlap──▶ destroyed
 *   └────────────────────── published ─────────────────────────────┘
 */

/** Keys of one use and one algorithm. */
export type DatedKey = { kid: string; createdAt: Date }

export type KeySchedule = {
  /** A key is followed by another after this time. */
  rotationSeconds: number
  /** A key is published for this time before it signs, so that all who verify have seen it. */
  leadSeconds: number
  /** A key stays published for this time after its last signature: longer than anything that it signed lives. */
  overlapSeconds: number
}

const at = (key: DatedKey, seconds: number): number => key.createdAt.getTime() + seconds * 1000

/** Oldest first; keys that two replicas made at one moment have an order as well. */
const inOrder = <Key extends DatedKey>(keys: readonly Key[]): Key[] =>
  keys.toSorted((a, b) => a.createdAt.getTime() - b.createdAt.getTime() || (a.kid < b.kid ? -1 : 1))

/** The key that signs now: the newest that was published long enough; at the very beginning, the oldest there is. */
export function currentKey<Key extends DatedKey>(
  keys: readonly Key[],
  { leadSeconds }: KeySchedule,
  now: Date,
): Key | undefined {
  const ordered = inOrder(keys)
  return ordered.findLast((key) => at(key, leadSeconds) <= now.getTime()) ?? ordered[0]
}

/** From when on a key signs. */
export function signsFrom(key: DatedKey, keys: readonly DatedKey[], { leadSeconds }: KeySchedule): Date {
  return inOrder(keys)[0]?.kid === key.kid ? key.createdAt : new Date(at(key, leadSeconds))
}

/** Whether another key has to be made. */
export function isRotationDue(keys: readonly DatedKey[], { rotationSeconds }: KeySchedule, now: Date): boolean {
  const newest = inOrder(keys).at(-1)
  return !newest || at(newest, rotationSeconds) <= now.getTime()
}

/** Keys by which signatures are verified now: those that sign, that will, and that did. */
export function publishedKeys<Key extends DatedKey>(keys: readonly Key[], schedule: KeySchedule, now: Date): Key[] {
  const { leadSeconds, overlapSeconds } = schedule
  const ordered = inOrder(keys)
  // A key has signed until its successor did, and for so long after that something of it may be about.
  return ordered.filter((_key, index) => {
    const successor = ordered[index + 1]
    return !successor || at(successor, leadSeconds + overlapSeconds) > now.getTime()
  })
}

/** Keys to destroy. */
export function finishedKeys<Key extends DatedKey>(keys: readonly Key[], schedule: KeySchedule, now: Date): Key[] {
  const published = new Set(publishedKeys(keys, schedule, now))
  return keys.filter((key) => !published.has(key))
}

/**
 * The last time that what is published changed, in epoch milliseconds: a key came, or the one before it went. It never
 * goes back, for what went is told by its successor.
 */
export function lastChange(keys: readonly DatedKey[], schedule: KeySchedule, now: Date): number {
  const { leadSeconds, overlapSeconds } = schedule
  const changes = keys.flatMap((key) => [at(key, 0), at(key, leadSeconds + overlapSeconds)])
  return Math.max(0, ...changes.filter((time) => time <= now.getTime()))
}
