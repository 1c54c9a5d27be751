/** Why something does not verify. */
export class VerificationFailed extends Error {
  readonly code: 'malformed' | 'unknown_key' | 'bad_signature' | 'not_included' | 'not_consistent'

  constructor(code: VerificationFailed['code'], message: string) {
    super(message)
    this.name = 'VerificationFailed'
    this.code = code
  }
}
