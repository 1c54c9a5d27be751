/** The Cedar engine alone: evaluations with 10, 1,000 and 10,000 policies beside cedar-wasm, and random cases held against it. */
import {
  preparsePolicySet,
  type StatefulAuthorizationCall,
  schemaToJson,
  statefulIsAuthorized,
} from '@cedar-policy/cedar-wasm/nodejs'
import { type Answer, compile, type Engine, type Policy, type Request } from '@credence/cedar/engine'
import type { Entities } from '@credence/cedar/entity'
import { entityStore } from '@credence/cedar/entity-store'
import { readContext, readEntities } from '@credence/cedar/read'
import { readSchema, type Schema } from '@credence/cedar/schema'
import { type CompanyRequest, companyPolicies, companyRequests, SCHEMA } from './engine-company.ts'
import { heldAgainstOracle } from './engine-oracle.ts'
import { type Figures, percentile, printReport, rounded } from './report.ts'

const SIZES = [10, 1_000, 10_000]
const REQUESTS = 2_000

type Speed = { perSecond: number; p50: number; p99: number }
type Prepared = { request: Request; entities: Entities }

export type EngineMeasured = { rows: [string, string][]; figures: Figures; disagreements: string[] }

export async function measureEngine(quick: boolean): Promise<EngineMeasured> {
  const schema = companySchema()
  const rows: [string, string][] = []
  const speeds = new Map<number, Speed>()
  let differing = 0
  for (const size of SIZES) {
    const policies = companyPolicies(size)
    // Through JSON, so that their strings are as they come from outside.
    const requests: CompanyRequest[] = JSON.parse(JSON.stringify(companyRequests(REQUESTS, size)))
    const prepared = requests.map((request) => prepare(request, schema))
    const started = performance.now()
    const engine = compile(policies, schema)
    const compiled = performance.now() - started
    const answers = prepared.map(({ request, entities }) => engine.evaluate(request, entities))
    const ours = measure(engine, prepared, quick ? 50_000 : 500_000)
    const general = measure(compile(policies), prepared, quick ? 50_000 : 500_000)
    const oracle = measureOracle(policies, requests, answers, quick ? 40 : 400)
    differing += oracle.differing
    speeds.set(size, ours)
    const name = `${size.toLocaleString('en')} policies`
    rows.push([`${name}, by environment`, `${show(ours)}   compiled in ${Math.round(compiled)} ms`])
    rows.push([`${name}, no schema`, show(general)])
    rows.push([`${name}, cedar-wasm, preparsed`, show(oracle)])
  }
  const random = await heldAgainstOracle(quick ? 20_000 : 1_000_000)
  const [small, large] = [speeds.get(10), speeds.get(10_000)]
  if (!small || !large) throw new Error('a size was not measured')
  rows.push(['10,000 policies of 10, evaluations a second', `${rounded(large.perSecond / small.perSecond, 2)}`])
  rows.push([
    'random evaluations held against cedar-wasm',
    `${random.evaluations.toLocaleString('en')} requests (${random.pairs.toLocaleString('en')} policy evaluations; ${random.allowed.toLocaleString('en')} allowed, ${random.withErrors.toLocaleString('en')} with failing policies) in ${Math.round(random.seconds)} s, seed ${random.seed}`,
  ])
  rows.push(['disagreements', `${random.disagreements.length + differing}`])
  return {
    rows,
    figures: {
      engine_per_s: Math.round(large.perSecond),
      engine_p50_us: rounded(large.p50, 2),
      engine_p99_us: rounded(large.p99, 2),
      engine_10_per_s: Math.round(small.perSecond),
      policies_10000_vs_10: rounded(large.perSecond / small.perSecond, 2),
      oracle_evaluations: random.evaluations,
      oracle_disagreements: random.disagreements.length + differing,
    },
    disagreements: random.disagreements,
  }
}

export async function benchEngine(quick: boolean): Promise<void> {
  const { rows, figures, disagreements } = await measureEngine(quick)
  printReport({
    name: 'engine',
    method: [
      `${REQUESTS} distinct requests in turn, entities and context read before; one thread; percentiles include one reading of the clock, about 0.05 µs`,
      'cedar-wasm: policies preparsed, entities and context given as JSON with each call, as its interface wants it',
      'policies of a company: by team, folder, blueprint, purpose, ticket, tenant, place; names about as rare in each set',
      'random: each request decided by cedar-wasm once, and by this engine with its index and without; decision, reasons and failing policies compared; two worker threads',
    ],
    rows,
    figures,
  })
  for (const disagreement of disagreements.slice(0, 3)) process.stderr.write(`${disagreement.slice(0, 500)}\n`)
}

const show = ({ perSecond, p50, p99 }: Speed): string =>
  `${Math.round(perSecond).toLocaleString('en')} /s   p50 ${rounded(p50, 2)} µs   p99 ${rounded(p99, 2)} µs`

function companySchema(): Schema {
  const json = schemaToJson(SCHEMA)
  if (json.type === 'failure') throw new Error(json.errors.map(({ message }) => message).join('; '))
  return readSchema(json.json)
}

function prepare({ principal, action, resource, context, entities }: CompanyRequest, schema: Schema): Prepared {
  const store = entityStore(readEntities(JSON.stringify(entities), schema), schema)
  return {
    request: { principal, action, resource, context: readContext(JSON.stringify(context), { schema, action }) },
    entities: store,
  }
}

function measure(engine: Engine, prepared: readonly Prepared[], evaluations: number): Speed {
  const run = (count: number, each: (of: Prepared) => void) => {
    for (let index = 0; index < count; index++) each(prepared[index % prepared.length] as Prepared)
  }
  const evaluate = ({ request, entities }: Prepared) => engine.evaluate(request, entities)
  run(Math.min(evaluations, 100_000), evaluate)
  const started = performance.now()
  run(evaluations, evaluate)
  const seconds = (performance.now() - started) / 1_000
  const samples: number[] = []
  run(Math.min(evaluations, 200_000), (of) => {
    const from = performance.now()
    evaluate(of)
    samples.push((performance.now() - from) * 1_000)
  })
  return { perSecond: evaluations / seconds, p50: percentile(samples, 0.5), p99: percentile(samples, 0.99) }
}

/** Its speed, and how many of its answers to the same requests are others than ours. */
function measureOracle(
  policies: readonly Policy[],
  requests: readonly CompanyRequest[],
  answers: readonly Answer[],
  milliseconds: number,
): Speed & { differing: number } {
  const staticPolicies = Object.fromEntries(policies.map(({ id, policy }) => [id, policy]))
  const loaded = preparsePolicySet('company', { staticPolicies } as Parameters<typeof preparsePolicySet>[1])
  if (loaded.type === 'failure') throw new Error(loaded.errors.map(({ message }) => message).join('; '))
  const samples: number[] = []
  let differing = 0
  const started = performance.now()
  for (let index = 0; samples.length < 20 || performance.now() - started < milliseconds * 10; index++) {
    const at = (index * 7) % requests.length
    const call = { ...(requests[at] as CompanyRequest), preparsedPolicySetId: 'company' }
    const from = performance.now()
    const theirs = statefulIsAuthorized(call as unknown as StatefulAuthorizationCall)
    samples.push((performance.now() - from) * 1_000)
    if (theirs.type === 'failure') throw new Error(theirs.errors.map(({ message }) => message).join('; '))
    const { decision, permits, forbids, errors } = answers[at] as Answer
    const mine = [decision, ...(decision === 'allow' ? permits : forbids).toSorted(), ...errors.map((of) => of.policy)]
    const { diagnostics } = theirs.response
    const wanted = [
      theirs.response.decision,
      ...diagnostics.reason.toSorted(),
      ...diagnostics.errors.map(({ policyId }) => policyId),
    ]
    if (JSON.stringify(mine) !== JSON.stringify(wanted)) differing++
  }
  const total = samples.reduce((sum, sample) => sum + sample, 0)
  return {
    perSecond: (samples.length / total) * 1_000_000,
    p50: percentile(samples, 0.5),
    p99: percentile(samples, 0.99),
    differing,
  }
}
