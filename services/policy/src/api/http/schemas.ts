/** What is sent and answered, as JSON Schema (2020-12). Members that are not named here are ignored, as the standard says. */
import { SEMANTICS } from '../semantics.ts'

type Schema = Readonly<Record<string, unknown>>

const HIDDEN = '\\u0000-\\u001f\\u007f-\\u009f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff'

/** Text without control and direction characters. */
const word = (most = 256): Schema => ({
  type: 'string',
  minLength: 1,
  maxLength: most,
  pattern: `^[^${HIDDEN}]+$`,
})
const orEmpty = (schema: Schema): Schema => ({ anyOf: [schema, { const: '' }] })
const object = (properties: Record<string, Schema>, required: string[] = []): Schema => ({
  type: 'object',
  properties,
  ...(required.length > 0 ? { required } : {}),
})
const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` })
const list = (items: Schema, most: number): Schema => ({ type: 'array', items, maxItems: most })

/** Two colons separate type and id elsewhere. */
const typeName: Schema = { ...word(), pattern: `^(?!.*::)[^${HIDDEN}]+$` }
const flag: Schema = { type: 'boolean' }
const open: Schema = { type: 'object' }

const resourceProperties: Schema = {
  type: 'object',
  description: 'What the schema of the policies declares for this type, at most 16,384 characters of JSON.',
  properties: {
    sensitivity: {
      enum: ['public', 'internal', 'confidential', 'restricted'],
      description: 'When it is absent, the resource counts as restricted.',
    },
  },
}

const page = object({
  token: { type: 'string', description: '`next_token` of the page before; everything else must be repeated.' },
  limit: { type: 'integer', minimum: 0, description: 'At most 100 results come on a page; 50 unless said.' },
  properties: open,
})

const context: Schema = object({
  grant_id: orEmpty({
    ...word(128),
    description: '`grant_id` of the access token. Without it there is no grant, and so no allow.',
  }),
  token_id: orEmpty({ ...word(128), description: '`jti` of the access token.' }),
  audience: orEmpty({ ...word(), description: 'The resource server: `aud` of the access token.' }),
  source_address: {
    anyOf: [{ type: 'string', format: 'ipv4' }, { type: 'string', format: 'ipv6' }, { const: '' }],
    description: 'Where the agent’s socket is, as the enforcement point saw it.',
  },
  amount: object(
    {
      currency: { type: 'string', pattern: '^[A-Z]{3}$' },
      value: { type: 'string', pattern: '^[0-9]{1,15}(\\.[0-9]{1,6})?$' },
    },
    ['currency', 'value'],
  ),
  arguments: {
    type: 'object',
    description:
      'Arguments of the act, at most 16,384 characters of JSON. Or tell them as `action.properties`, not both.',
  },
  not_before: list({ type: 'string', pattern: '^(IDENTITY|ATTESTATION|POLICY):[0-9]{1,15}$' }, 8),
  supported_obligations: list({ type: 'string' }, 32),
  credence_details: flag,
  credence_receipt: flag,
  approval: object({ id: word(128) }, ['id']),
})

const entities = {
  subject: object({ type: word(), id: word(), properties: open }, ['type', 'id']),
  action: object({ name: word(128), properties: open }, ['name']),
  resource: object({ type: typeName, id: word(), properties: resourceProperties }, ['type', 'id']),
  context,
}
const wanted = {
  subject: object({ type: word(), properties: open }, ['type']),
  resource: object({ type: typeName, properties: resourceProperties }, ['type']),
}

const obligation = object({ id: word(), type: word(), properties: open }, ['id', 'type', 'properties'])
const reason = object({ code: { type: 'string' }, message: { type: 'string' } }, ['code', 'message'])
const instant: Schema = { type: 'string', format: 'date-time' }
const uri: Schema = { type: 'string', format: 'uri' }

const decisionContext = object({
  decision_id: { type: 'string' },
  position: { type: 'string' },
  reasons: { type: 'array', items: reason },
  obligations: { type: 'array', items: obligation },
  relied_until: instant,
  receipt: { type: 'string' },
  evaluation_id: { type: 'string' },
  evaluated_at: instant,
  reason: { type: 'string' },
  access_request: object({ endpoint: uri, expires_at: instant, display: open }, ['expires_at']),
  approval: object({ id: { type: 'string' } }, ['id']),
  next_action: { enum: ['request', 'none'] },
  error: object({ status: { type: 'integer' }, message: { type: 'string' } }, ['status', 'message']),
})

const results = (item: Schema): Schema =>
  object(
    {
      page: object({ next_token: { type: 'string' }, count: { type: 'integer', minimum: 0 } }, ['next_token']),
      results: list(item, 100),
    },
    ['results'],
  )

const EVALUATION_ID = '^dec_[0-9a-z]{26}@[A-Z]+(/[0-9]+)?:[0-9]{1,15}$'

export const schemas = {
  EvaluationRequest: object(entities, ['subject', 'action', 'resource']),
  EvaluationsRequest: {
    ...object({
      ...entities,
      evaluations: list(open, 100),
      options: object({
        evaluations_semantic: { enum: [...SEMANTICS] },
      }),
    }),
    anyOf: [
      { required: ['subject', 'action', 'resource'] },
      { required: ['evaluations'], properties: { evaluations: { minItems: 1 } } },
    ],
  },
  SubjectSearchRequest: object({ ...entities, subject: wanted.subject, page }, ['subject', 'action', 'resource']),
  ResourceSearchRequest: object({ ...entities, resource: wanted.resource, page }, ['subject', 'action', 'resource']),
  ActionSearchRequest: object({ subject: entities.subject, resource: entities.resource, context, page }, [
    'subject',
    'resource',
  ]),
  Decision: object({ decision: flag, context: decisionContext }, ['decision']),
  Decisions: object({ evaluations: { type: 'array', minItems: 1, items: ref('Decision') } }, ['evaluations']),
  SubjectResults: results(object({ type: { const: 'agent' }, id: word(), properties: open }, ['type', 'id'])),
  ResourceResults: results(object({ type: word(), id: word(), properties: open }, ['type', 'id'])),
  ActionResults: results(object({ name: word(128), properties: open }, ['name'])),
  AccessRequest: object(
    {
      ...entities,
      context: object({
        grant_id: orEmpty(word(128)),
        audience: orEmpty(word()),
        business_justification: orEmpty(word(500)),
      }),
      denial: object({ evaluation_id: { type: 'string', pattern: EVALUATION_ID }, expires_at: instant }, [
        'evaluation_id',
      ]),
    },
    ['subject', 'action', 'resource', 'denial'],
  ),
  AccessTask: object(
    {
      task: object(
        {
          id: { type: 'string' },
          status: { enum: ['pending', 'approved', 'denied', 'expired'] },
          status_endpoint: uri,
          expires_at: instant,
          progress: object({ current_step: { type: 'integer' }, total_steps: { type: 'integer' } }),
        },
        ['id', 'status', 'status_endpoint'],
      ),
      result: object(
        {
          mode: { const: 'reevaluate' },
          approval: object({ id: { type: 'string' }, approved_until: instant }, ['id', 'approved_until']),
        },
        ['mode', 'approval'],
      ),
    },
    ['task'],
  ),
  Metadata: object(
    {
      policy_decision_point: uri,
      access_evaluation_endpoint: uri,
      access_evaluations_endpoint: uri,
      search_subject_endpoint: uri,
      search_resource_endpoint: uri,
      search_action_endpoint: uri,
      access_request_endpoint: uri,
      supported_obligations: { type: 'array', items: { type: 'string' } },
      capabilities: { type: 'array', items: { type: 'string' } },
    },
    ['policy_decision_point', 'access_evaluation_endpoint'],
  ),
  Problem: object(
    { type: { type: 'string' }, title: { type: 'string' }, status: { type: 'integer' }, detail: { type: 'string' } },
    ['type', 'title', 'status', 'detail'],
  ),
} satisfies Record<string, Schema>
