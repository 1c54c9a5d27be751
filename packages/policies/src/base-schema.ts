/**
 * The part of the Cedar schema that is Credence's own: who asks, and what is known of the question. It is part of every
 * version of the policies. `request.ts` builds exactly this; the two say the same.
 */
export const BASE_SCHEMA = `namespace Credence {
  type Place = { name: String, trusted: Bool };
  type Attestation = {
    status: String,
    kinds: Set<String>,
    age?: duration,
    program?: String,
    model?: String,
    prompt?: String,
    tool_manifest?: String,
    model_grade?: String,
  };
  type Context = {
    now: datetime,
    location: Credence::Place,
    enforcement_point: { id: String, location: Credence::Place },
    audience: String,
    attestation: Credence::Attestation,
    risk: { level: Long, codes: Set<String> },
    delegation: { depth: Long },
    human?: { id: String, groups: Set<String> },
    sign_in?: { acr?: String, amr: Set<String>, age: duration },
    task?: { purpose: String, trigger: { type: String, source: String } },
    amount?: { currency: String, value: decimal },
  };
}
entity Blueprint;
entity Agent in [Blueprint] = {
  blueprint: String,
  kind: String,
  autonomy: String,
  purpose: String,
  owner: String,
  sponsor: String,
  model: { provider: String, name: String, version: String, digest: String },
  depth: Long,
} tags String;
entity Resource = { type: String, sensitivity: String, location: String };
`

/** Resource type of everything that the platform's schema does not declare. */
export const RESOURCE = 'Resource'

/** Names that a platform's schema cannot declare. */
export const OUR_TYPES: readonly string[] = ['Agent', 'Blueprint', RESOURCE, 'Action', 'Credence']

/** Attributes that every resource type gets from Credence. */
export const RESOURCE_ATTRIBUTES = ['type', 'sensitivity', 'location'] as const

/** Stands for every action that neither the platform's schema nor a policy names; Cedar wants actions declared. */
export const ANY_OTHER = 'any other'

/** What an enforcement point can ask about: as authorization details write it. */
export const ACTION_ID = /^[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*)+$/
