/** The Cedar schema: what policies may speak of. The request of a decision and this must say the same. */

/** Stands for every action that no policy names; Cedar wants actions declared, and ours are open. */
const ANY_OTHER = 'any other'

const ENTITIES = `entity Agent = {
  blueprint: String,
  kind: String,
  autonomy: String,
  model_provider: String,
  model_name: String,
  depth: Long,
};
entity Resource = {
  type: String,
  sensitivity: String,
  location: String,
};
`

/**
 * The schema in Cedar's own syntax. All actions apply to the same types, so a policy that fits the declared ones fits
 * every other.
 * @param actions those that the policies name
 */
export const schemaFor = (actions: readonly string[]): string => `${ENTITIES}action ${[...actions, ANY_OTHER]
  .map((action) => JSON.stringify(action))
  .join(', ')} appliesTo {
  principal: Agent,
  resource: Resource,
  context: {
    location: { name: String, trusted: Bool },
    attestation: { status: String },
    audience: String,
  },
};
`
