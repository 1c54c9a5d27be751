/** From what a case says to what policies are asked. */
import type { Composition, RiskLevel } from '@credence/contracts/events/values'
import type { PolicyInput } from '../policies.ts'
import type { GivenPart } from './format.ts'

const LEVELS: readonly ('none' | RiskLevel)[] = ['none', 'low', 'medium', 'high', 'critical']
const NOW = '2026-01-05T12:00:00.000Z'
const DIGEST = '0'.repeat(64)

/** Members of objects are merged, so a case says only what is different; null takes a part away. */
export function merged(defaults: GivenPart, given: GivenPart): GivenPart {
  return merge(defaults, given) as GivenPart
}

function merge(target: unknown, change: unknown): unknown {
  if (!isObject(target) || !isObject(change)) return change
  const result: Record<string, unknown> = { ...target }
  for (const [name, value] of Object.entries(change)) result[name] = name in result ? merge(result[name], value) : value
  return result
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** @throws Error for a number that JSON in JavaScript does not carry exactly */
export function inputOf(given: GivenPart): PolicyInput {
  const { agent = {}, resource = {}, human, sign_in, task, amount, attestation, location, risk = {} } = given
  const now = new Date(given.now ?? NOW)
  const told = toldText(given.arguments ?? undefined)
  const properties = toldText(resource.properties)
  return {
    now,
    agent: {
      agent: agent.id ?? 'agt_00000000000000000000000000',
      blueprint: agent.blueprint ?? 'some-blueprint',
      purpose: agent.purpose ?? 'Some purpose',
      owner: agent.owner ?? 'hum_owner',
      sponsor: agent.sponsor ?? 'hum_sponsor',
      kind: agent.kind ?? 'ephemeral',
      autonomy: agent.autonomy ?? 'delegated',
      model: { provider: 'some', name: 'model', version: '1', digest: DIGEST, ...agent.model },
      labels: agent.labels ?? {},
      prompt_digest: DIGEST,
      tool_manifest_digest: DIGEST,
    },
    depth: given.depth ?? 0,
    ...(human && { human: { human: human.id ?? 'hum_someone', groups: human.groups ?? [] } }),
    ...(sign_in && {
      signIn: {
        ...(sign_in.acr !== undefined && { acr: sign_in.acr }),
        ...(sign_in.amr && { amr: sign_in.amr }),
        at: new Date(now.getTime() - sign_in.age_seconds * 1000).toISOString(),
      },
    }),
    ...(task && { task: { purpose: task.purpose ?? 'Some task', trigger: triggerOf(task.trigger) } }),
    action: given.action ?? 'some.action',
    resource: {
      type: resource.type ?? 'Something',
      id: resource.id ?? '1',
      sensitivity: resource.sensitivity ?? 'internal',
      ...(properties !== undefined && { properties }),
    },
    audience: given.audience ?? 'https://resource.example',
    ...(told !== undefined && { arguments: told }),
    ...(amount && { amount }),
    location: placeOf(location),
    enforcementPoint: {
      id: given.enforcement_point?.id ?? 'spiffe://example/enforcement-point',
      location: placeOf(given.enforcement_point?.location),
    },
    ...(attestation && { attestation: attestationOf(attestation) }),
    risk: { level: LEVELS.indexOf(risk.level ?? 'none'), codes: risk.codes ?? [] },
  }
}

const placeOf = (place: GivenPart['location'] = {}) => ({
  name: place.name ?? 'unknown',
  trusted: place.trusted ?? false,
})

const triggerOf = ({ type, source }: { type?: string | undefined; source?: string | undefined } = {}) => ({
  type: (type ?? 'message') as 'message',
  source: source ?? 'https://somewhere.example',
  id: '1',
  digest: DIGEST,
})

function attestationOf(attestation: NonNullable<GivenPart['attestation']>) {
  const { status = 'affirming', kinds = ['software'], age_seconds = 60, model_grade, ...digests } = attestation
  const composition: Partial<Composition> = {}
  for (const part of ['program', 'model', 'prompt', 'tool_manifest'] as const) {
    const digest = digests[part]
    if (digest !== undefined) composition[part] = digest
  }
  return {
    status,
    kinds,
    age: age_seconds * 1000,
    composition,
    ...(model_grade !== undefined && { modelGrade: model_grade }),
  }
}

function toldText(told: string | Record<string, unknown> | undefined): string | undefined {
  if (told === undefined || typeof told === 'string') return told
  return JSON.stringify(told, (name, value) => {
    if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value))
      throw new Error(`"${name}" is past 2^53: write the whole object as JSON text, so that it stays exact`)
    return value
  })
}
