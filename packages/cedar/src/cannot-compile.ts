/** The engine does not know how to run a policy exactly; whoever asked can fall back to cedar-wasm, and should say so. */
export class CannotCompile extends Error {
  override name = 'CannotCompile'
  readonly policy: string
  /** Where in the policy, as a path into its JSON form. */
  readonly expression: string

  constructor(policy: string, expression: string, problem: string) {
    super(`policy ${JSON.stringify(policy)}, ${expression}: ${problem}`)
    this.policy = policy
    this.expression = expression
  }
}
