/** What the extension types (decimal, ipaddr, datetime, duration) have in common: immutable, and equal by key. */
export abstract class Extension {
  /** Its name in a schema. */
  abstract readonly type: string

  /** Same for equal values only, over all extension types. */
  abstract readonly key: string

  equals(other: Extension): boolean {
    return this.key === other.key
  }
}
