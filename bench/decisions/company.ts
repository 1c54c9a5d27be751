/**
 * A company that has so many policies: applications, blueprints, agents and grants, the same at every run. One policy
 * is the whole company's; each application has nine of its own. How many policies can match one request does not depend on how
 * many there are.
 */
import { createHash } from 'node:crypto'
import { TypeID } from 'typeid-js'
import type { Condition, Rule } from './rules/rule.ts'

export type Application = {
  /** Begins the names of its actions, such as `calendar.read`. */
  name: string
  resourceType: string
  /** The resource server. */
  location: string
  /** The blueprints of the agents that read, edit and report. */
  blueprints: readonly [reader: string, editor: string, reporter: string]
  /** The one resource that nobody deletes. */
  held: string
}
export type AgentOf = {
  id: string
  blueprint: string
  attestationStatus: 'affirming' | 'warning'
  /** Ids of reference values on which its result rests. */
  references?: readonly string[]
}
/** Covers `<application>.*` on `<resource type>::*` at the location of the application. */
export type GrantOf = { id: string; agent: AgentOf; application: Application }
export type Company = {
  rules: Rule[]
  applications: Application[]
  blueprints: string[]
  agents: AgentOf[]
  grants: GrantOf[]
  /** Where source addresses are trusted: requests come from here or from elsewhere. */
  trustedRange: string
}
export type CompanySize = { policies: number; agents: number; grants: number }

const OF_THE_COMPANY = 1
const OF_AN_APPLICATION = 9
const MAX_TRIOS = 20
const KINDS = [
  ['calendar', 'CalendarEvent'],
  ['customers', 'Customer'],
  ['invoices', 'Invoice'],
  ['orders', 'Order'],
  ['payments', 'Payment'],
  ['tickets', 'Ticket'],
  ['contracts', 'Contract'],
  ['candidates', 'Candidate'],
  ['shipments', 'Shipment'],
  ['documents', 'Document'],
] as const
const TRIO = ['reader', 'editor', 'reporter'] as const
const FIRST_DAY = Date.UTC(2026, 10, 1)

/** @throws RangeError when so many policies cannot be made of whole applications: take 10, 1,000 or 10,000 */
export function companyOf(size: CompanySize): Company {
  const count = (size.policies - OF_THE_COMPANY) / OF_AN_APPLICATION
  if (!Number.isInteger(count) || count < 1)
    throw new RangeError(
      `${size.policies} policies are not ${OF_THE_COMPANY} and ${OF_AN_APPLICATION} for each application`,
    )
  const trios = Math.min(count, MAX_TRIOS)
  const applications = Array.from({ length: count }, (_, number) => application(number, trios))
  const blueprints = Array.from({ length: trios }, (_, trio) => trioOf(trio)).flat()
  const agents = Array.from({ length: size.agents }, (_, number) => agent(number, blueprints))
  const grants = Array.from({ length: size.grants }, (_, number): GrantOf => {
    const position = number % size.agents
    // Agents work with the applications that know their blueprint.
    const trio = Math.floor((position % blueprints.length) / TRIO.length)
    const round = Math.floor(number / size.agents) + Math.floor(position / blueprints.length)
    const fitting = Math.ceil((count - trio) / trios)
    const chosen = applications[trio + (round % fitting) * trios]
    const holder = agents[position]
    if (!chosen || !holder) throw new RangeError('a grant needs an agent and an application')
    return { id: idOf('grt', number), agent: holder, application: chosen }
  })
  const rules = [...rulesOfTheCompany(), ...applications.flatMap(rulesOf)]
  return { rules, applications, blueprints, agents, grants, trustedRange: '10.0.0.0/8' }
}

/** A TypeID like those of `newId`, but always the same for the same number. */
export function idOf(prefix: string, number: number): string {
  const bytes = createHash('sha256').update(`${prefix} ${number}`).digest().subarray(0, 16)
  bytes.writeUIntBE(FIRST_DAY + number, 0, 6)
  bytes[6] = 0x70 | ((bytes[6] ?? 0) & 0x0f)
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f)
  return TypeID.fromUUIDBytes(prefix, bytes).toString()
}

const trioOf = (trio: number): [string, string, string] =>
  TRIO.map((role) => `unit-${String(trio + 1).padStart(2, '0')}-${role}`) as [string, string, string]

function application(number: number, trios: number): Application {
  const [kind, type] = KINDS[number % KINDS.length] ?? KINDS[0]
  const unit = Math.floor(number / KINDS.length)
  const name = unit === 0 ? kind : `${kind}-${unit}`
  return {
    name,
    resourceType: unit === 0 ? type : `${type}${unit}`,
    location: `https://${name}.acme.example`,
    blueprints: trioOf(number % trios),
    held: `held-${number}`,
  }
}

const agent = (number: number, blueprints: string[]): AgentOf => ({
  id: idOf('agt', number),
  blueprint: blueprints[number % blueprints.length] ?? '',
  attestationStatus: number % 37 === 0 ? 'warning' : 'affirming',
})

const rulesOfTheCompany = (): Rule[] => [
  {
    id: 'sensitive-data-from-trusted-networks-only',
    effect: 'forbid',
    actions: [],
    when: [
      { of: 'resource.sensitivity', in: ['confidential', 'restricted'] },
      { of: 'context.location.trusted', is: false },
    ],
  },
]

function rulesOf({ name, resourceType, location, blueprints, held }: Application): Rule[] {
  const [reader, editor, reporter] = blueprints
  const here: Condition = { of: 'resource.location', in: [location] }
  const trusted: Condition = { of: 'context.location.trusted', is: true }
  const notAffirming: Condition = { of: 'context.attestation.status', notIn: ['affirming'] }
  const by = (...names: string[]): Condition => ({ of: 'principal.blueprint', in: names })
  const of = (...names: string[]): Condition => ({ of: 'resource.sensitivity', in: names })
  const rule = (effect: Rule['effect'], id: string, verbs: string[], ...when: Condition[]): Rule => ({
    id: `${name}-${id}`,
    effect,
    actions: verbs.map((verb) => `${name}.${verb}`),
    resourceType,
    when,
  })
  return [
    rule('permit', 'read', ['read'], by(reader, editor, reporter), here),
    rule('permit', 'list', ['list'], by(reader, editor, reporter), here),
    rule('permit', 'create', ['create'], by(editor), here),
    rule('permit', 'change', ['change'], by(editor), { of: 'resource.sensitivity', notIn: ['restricted'] }),
    rule('permit', 'delete', ['delete'], by(editor), of('public', 'internal'), trusted),
    rule('permit', 'export', ['export'], by(reporter), trusted),
    rule('forbid', 'changes-by-affirming-agents', ['change', 'delete'], notAffirming),
    rule('forbid', 'restricted-exports-by-attested-agents', ['export'], of('restricted'), {
      of: 'context.attestation.status',
      notIn: ['affirming', 'warning'],
    }),
    { ...rule('forbid', 'legal-hold', ['delete']), resourceId: held },
  ]
}
