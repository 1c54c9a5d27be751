/** Distinct requests of a company's agents, one for each grant: most are allowed, and some ask for too much. */
import { createHash } from 'node:crypto'
import type { Company, GrantOf } from './company.ts'
import { ROLE } from './rules/cerbos.ts'
import type { Asked } from './rules/rule.ts'

export type AskedWith = Asked & { grant: string; token: string; sourceAddress: string }

/** How many of a hundred ask for what, when they do what their blueprint is for. */
const WORK: Record<string, readonly [verb: string, share: number][]> = {
  reader: [
    ['read', 75],
    ['list', 25],
  ],
  editor: [
    ['read', 45],
    ['list', 10],
    ['create', 15],
    ['change', 25],
    ['delete', 5],
  ],
  reporter: [
    ['read', 55],
    ['list', 25],
    ['export', 20],
  ],
}
const BEYOND: Record<string, string> = { reader: 'change', editor: 'export', reporter: 'delete' }
const SENSITIVITIES: readonly [string, number][] = [
  ['public', 20],
  ['internal', 60],
  ['confidential', 15],
  ['restricted', 5],
]
const BEYOND_SHARE = 4
const ELSEWHERE_SHARE = 8
const HELD_SHARE = 1

/** In the order of the grants. The same company gives the same requests. */
export const requestsOf = ({ grants }: Company): AskedWith[] => grants.map(request)

function request({ id, agent, application }: GrantOf): AskedWith {
  const digest = createHash('sha256').update(id).digest()
  const percent = (at: number) => (digest.readUInt16BE(at) / 0x1_0000) * 100
  const role = agent.blueprint.slice(agent.blueprint.lastIndexOf('-') + 1)
  const verb = percent(0) < BEYOND_SHARE ? BEYOND[role] : pick(WORK[role] ?? [], percent(2))
  const elsewhere = percent(6) < ELSEWHERE_SHARE
  const host = `${digest[8]}.${digest[9]}`
  return {
    agent: agent.id,
    blueprint: agent.blueprint,
    attestationStatus: agent.attestationStatus,
    action: `${application.name}.${verb}`,
    resourceType: application.resourceType,
    resourceId: percent(10) < HELD_SHARE ? application.held : digest.toString('hex', 12, 22),
    sensitivity: pick(SENSITIVITIES, percent(4)),
    location: application.location,
    trusted: !elsewhere,
    sourceAddress: elsewhere ? `198.18.${host}` : `10.7.${host}`,
    grant: id,
    token: digest.toString('base64url', 10, 26),
  }
}

function pick(shares: readonly [string, number][], percent: number): string {
  let left = percent
  for (const [value, share] of shares) {
    left -= share
    if (left < 0) return value
  }
  return shares.at(-1)?.[0] ?? ''
}

/** AuthZEN Authorization API 1.0 §4: what an enforcement point of Credence asks. Attributes of agents are known there. */
export const authzenBody = (asked: AskedWith): string =>
  JSON.stringify({
    subject: { type: 'agent', id: asked.agent },
    action: { name: asked.action },
    resource: { type: asked.resourceType, id: asked.resourceId, properties: { sensitivity: asked.sensitivity } },
    context: {
      grant_id: asked.grant,
      token_id: asked.token,
      audience: asked.location,
      source_address: asked.sourceAddress,
    },
  })

/** Cerbos keeps no data: what rules look at, and what its record needs, comes with the request. */
export const cerbosBody = (asked: AskedWith): string =>
  JSON.stringify({
    requestId: asked.token,
    principal: {
      id: asked.agent,
      roles: [ROLE],
      attr: {
        blueprint: asked.blueprint,
        grant_id: asked.grant,
        source_address: asked.sourceAddress,
        trusted: asked.trusted,
        attestation: asked.attestationStatus,
      },
    },
    resources: [
      {
        actions: [asked.action],
        resource: {
          kind: asked.resourceType,
          id: asked.resourceId,
          attr: { sensitivity: asked.sensitivity, location: asked.location },
        },
      },
    ],
  })

export const opaBody = (asked: AskedWith): string =>
  JSON.stringify({
    input: {
      subject: { type: 'agent', id: asked.agent, blueprint: asked.blueprint },
      action: asked.action,
      resource: {
        type: asked.resourceType,
        id: asked.resourceId,
        sensitivity: asked.sensitivity,
        location: asked.location,
      },
      context: {
        grant_id: asked.grant,
        token_id: asked.token,
        source_address: asked.sourceAddress,
        trusted: asked.trusted,
        attestation: asked.attestationStatus,
      },
    },
  })
