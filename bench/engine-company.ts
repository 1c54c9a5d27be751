/** A company's policies, entities and requests for the engine bench: by team, folder, blueprint, purpose, place, tenant. */

import { policyToJson } from '@cedar-policy/cedar-wasm/nodejs'
import type { EntityUid, PolicyJson } from '@credence/cedar/engine'

const TYPES = ['Document', 'Repository', 'Ticket', 'Payment', 'CalendarEvent', 'Mailbox', 'Table', 'Cluster']
const VERBS = ['read', 'list', 'create', 'update', 'delete', 'share', 'export', 'approve']
const SENSITIVITIES = ['public', 'internal', 'confidential', 'restricted']
const PLACES = ['office', 'vpn', 'datacentre', 'home']

export const SCHEMA = `
entity Team in [Team];
entity Blueprint;
entity Agent in [Team, Blueprint] = { "kind": String, "clearance": Long, "provider": String };
entity Folder in [Folder];
${TYPES.map((type) => `entity ${type} in [Folder] = { "sensitivity": String, "tenant": String, "owner": Agent, "cost"?: Long };`).join('\n')}
action "any.view", "any.change";
${TYPES.flatMap((type) =>
  VERBS.map(
    (verb, index) =>
      `action "${type}.${verb}" in [Action::"any.${index < 2 ? 'view' : 'change'}"] appliesTo { principal: Agent, resource: ${type}, context: { "purpose": String, "location": { "name": String, "trusted": Bool }, "attestation": { "tier": Long, "age": Long }, "risk": Long, "ticket"?: String } };`,
  ),
).join('\n')}
`

/** As many teams, folders and so on as make each name about as rare in a large company as in a small one. */
const scale = (policies: number) => Math.max(2, Math.floor(policies / 25))

const RULES: ((index: number, type: string, verb: string) => string)[] = [
  (i, type, verb) =>
    `permit (principal in Team::"team-${i}", action == Action::"${type}.${verb}", resource in Folder::"folder-${i}") when { context.location.trusted };`,
  (i, type) =>
    `permit (principal in Team::"team-${i}", action in Action::"any.view", resource is ${type} in Folder::"folder-${i}") when { resource.sensitivity == "internal" || resource.sensitivity == "public" };`,
  (i, type, verb) =>
    `permit (principal is Agent in Blueprint::"blueprint-${i}", action == Action::"${type}.${verb}", resource is ${type}) when { context.purpose == "purpose-${i}" && context.attestation.tier >= 2 };`,
  (i, type) =>
    `permit (principal is Agent, action in [Action::"${type}.read", Action::"${type}.list"], resource is ${type}) when { resource.tenant == "tenant-${i}" && context.purpose == "purpose-${i}" };`,
  (i, type, verb) =>
    `permit (principal is Agent, action == Action::"${type}.${verb}", resource is ${type}) when { context has ticket && context.ticket == "ticket-${i}" && resource.owner == principal };`,
  (i, type, verb) =>
    `forbid (principal, action == Action::"${type}.${verb}", resource is ${type}) when { resource.tenant == "tenant-${i}" } unless { context.location.name == "${PLACES[i % 4]}" && principal.clearance >= ${i % 5} };`,
  (i) =>
    `forbid (principal in Team::"team-${i}", action in Action::"any.change", resource) when { context.risk > ${30 + (i % 60)} };`,
  (i, type) =>
    `permit (principal == Agent::"agent-${i}", action in Action::"any.change", resource is ${type}) when { resource.sensitivity != "restricted" && principal.kind == "continuous" };`,
]
const FOR_ALL = [
  'forbid (principal, action in Action::"any.change", resource) when { resource.sensitivity == "restricted" && !context.location.trusted };',
  'forbid (principal, action, resource) when { context.attestation.age > 86400 };',
]

export function companyPolicies(count: number): { id: string; policy: PolicyJson }[] {
  const texts = [...FOR_ALL]
  for (let index = 0; texts.length < count; index++) {
    const rule = RULES[index % RULES.length] as (typeof RULES)[number]
    const which = Math.floor(index / RULES.length)
    const type = TYPES[which % TYPES.length] as string
    const verb = VERBS[Math.floor(which / TYPES.length) % VERBS.length] as string
    texts.push(rule(which % scale(count), type, verb))
  }
  return texts.map((text, index) => ({ id: `policy-${index}`, policy: parsed(text) }))
}

function parsed(text: string): PolicyJson {
  const json = policyToJson(text)
  if (json.type === 'failure') throw new Error(json.errors.map(({ message }) => message).join('; '))
  return json.json as PolicyJson
}

export type CompanyRequest = {
  principal: EntityUid
  action: EntityUid
  resource: EntityUid
  context: Record<string, unknown>
  /** Principal and resource with their attributes, and the teams and folders above them. */
  entities: { uid: EntityUid; attrs: Record<string, unknown>; parents: EntityUid[] }[]
}

/** Half of the requests are made so that a rule of their names may match. */
export function companyRequests(count: number, policies: number): CompanyRequest[] {
  const names = scale(policies)
  return Array.from({ length: count }, (_, index) => {
    const own = (index * 7919) % names
    const other = index % 2 === 0 ? own : (own + 1) % names
    const type = TYPES[own % TYPES.length] as string
    const verb = VERBS[Math.floor(own / TYPES.length) % VERBS.length] as string
    const principal = { type: 'Agent', id: `agent-${own}` }
    const resource = { type, id: `resource-${index}` }
    const parents = [{ type: 'Folder', id: `folder-${other}` }]
    return {
      principal,
      action: { type: 'Action', id: `${type}.${verb}` },
      resource,
      context: {
        purpose: `purpose-${other}`,
        location: { name: PLACES[index % 4], trusted: index % 3 !== 0 },
        attestation: { tier: 1 + (index % 3), age: index % 100 === 0 ? 90_000 : 600 },
        risk: index % 50,
        ...(index % 4 === 0 && { ticket: `ticket-${own}` }),
      },
      entities: [
        {
          uid: principal,
          attrs: { kind: index % 2 === 0 ? 'continuous' : 'ephemeral', clearance: index % 5, provider: 'anyone' },
          parents: [
            { type: 'Team', id: `team-${own}` },
            { type: 'Team', id: 'everyone' },
            { type: 'Blueprint', id: `blueprint-${other}` },
          ],
        },
        {
          uid: resource,
          attrs: {
            sensitivity: SENSITIVITIES[index % 4],
            tenant: `tenant-${other}`,
            owner: { __entity: principal },
          },
          parents,
        },
        // cedar-wasm is not given the schema here: the action's group is.
        {
          uid: { type: 'Action', id: `${type}.${verb}` },
          attrs: {},
          parents: [{ type: 'Action', id: `any.${VERBS.indexOf(verb) < 2 ? 'view' : 'change'}` }],
        },
        { uid: parents[0] as EntityUid, attrs: {}, parents: [{ type: 'Folder', id: 'root' }] },
        { uid: { type: 'Team', id: `team-${own}` }, attrs: {}, parents: [{ type: 'Team', id: 'division' }] },
      ],
    }
  })
}
