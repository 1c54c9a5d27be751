/** What an enforcement point tells of one act, and how it is told apart from every other act. */

/** Exactly one act. Two acts that differ in anything here are two acts. */
export type Act = {
  agent: string
  grant: string
  action: string
  resource: { type: string; id: string }
  /** The resource server. */
  audience: string
  amount?: { currency: string; value: string } | undefined
  /** JSON object text, as it was told; undefined or empty when none were. */
  arguments?: string | undefined
}

/** What was told of an act and must not stand in the record, by the decision that it was told to. */
export type Told = {
  amount?: { currency: string; value: string } | undefined
  /** JSON object text. */
  arguments?: string | undefined
  /** JSON object text: what the enforcement point knows of the resource. */
  properties?: string | undefined
  /** Why, in the agent's words. */
  statement?: string | undefined
  /** What people wrote as they answered. */
  comments?: { human: string; text: string }[] | undefined
}

/** Kept for 30 days, for all replicas, where it can be erased. */
export type Acts = {
  /**
   * Keyed SHA-256 (HMAC, RFC 2104) of the RFC 8785 form of an act, 64 hexadecimal digits: the same on every replica, and
   * nothing that could be guessed backwards from the record.
   * @throws CredenceError `invalid_argument` for arguments that two readers could read as two different things
   */
  digest(act: Act): string
  /** @throws CredenceError `unavailable` */
  keep(decision: string, told: Told): Promise<void>
  /** Undefined when nothing was told, or it was erased. @throws CredenceError `unavailable` */
  told(decision: string): Promise<Told | undefined>
  /** Erases it. @throws CredenceError `unavailable` */
  erase(decision: string): Promise<void>
}
