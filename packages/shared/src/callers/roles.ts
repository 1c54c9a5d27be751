/** Which certificates and which groups of the enterprise's identity providers have which roles: one JSON file. */
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { ConfigurationError } from '../config.ts'
import { messageOf } from '../log.ts'
import { ClaimNames, usualClaims } from './claims.ts'

export const ROLES = [
  'platform',
  'sponsor',
  'security-operator',
  'auditor',
  'enforcement-point',
  'service',
  /** Approves acts that a policy holds back. */
  'approver',
  /** Says that something speaks against an agent. */
  'detector',
] as const
export type Role = (typeof ROLES)[number]

const RoleList = z.array(z.enum(ROLES)).min(1)
const RolesFile = z.strictObject({
  /** An exact SPIFFE ID, or one that ends in a slash and a star. */
  workloads: z.array(
    z.strictObject({
      spiffe_id: z.string().startsWith('spiffe://'),
      roles: RoleList,
      /** Resource servers whose access tokens an enforcement point may introspect; none when absent. */
      audiences: z.array(z.url({ protocol: /^https$/ })).optional(),
      /** How access tokens for these audiences are signed, when what verifies them is old; ES256 when absent. */
      token_algorithm: z.enum(['ES256', 'EdDSA', 'RS256']).optional(),
    }),
  ),
  groups: z.array(z.strictObject({ issuer: z.url(), group: z.string().min(1), roles: RoleList })),
  /** Which claims of an issuer are name and groups; without an entry: `name` and `groups`. */
  claims: z.array(ClaimNames).default([]),
})
export type RolesFile = z.input<typeof RolesFile>

export type Roles = {
  ofWorkload(spiffeId: string): ReadonlySet<Role>
  ofGroups(issuer: string, groups: readonly string[]): ReadonlySet<Role>
  /** How this issuer names what we read of a person. */
  claimsOf(issuer: string): ClaimNames
  /** Audiences of the tokens that it may introspect (RFC 7662 §4). */
  audiencesOf(spiffeId: string): ReadonlySet<string>
  /** How access tokens for this audience are signed. */
  algorithmFor(audience: string): 'ES256' | 'EdDSA' | 'RS256'
}

/** @throws ConfigurationError when the file is missing or says something unknown */
export function readRoles(path: string): Roles {
  let file: z.infer<typeof RolesFile>
  try {
    file = RolesFile.parse(JSON.parse(readFileSync(path, 'utf8')))
  } catch (error) {
    throw new ConfigurationError(`CREDENCE_ROLES_FILE (${path}) cannot be used: ${messageOf(error)}`)
  }
  const fits = (pattern: string, id: string) =>
    pattern.endsWith('/*') ? id.startsWith(pattern.slice(0, -1)) : pattern === id
  const algorithms = algorithmsIn(file, path)
  const entriesOf = (id: string) => file.workloads.filter((entry) => fits(entry.spiffe_id, id))
  return {
    ofWorkload: (id) => new Set(entriesOf(id).flatMap((entry) => entry.roles)),
    audiencesOf: (id) => new Set(entriesOf(id).flatMap((entry) => entry.audiences ?? [])),
    algorithmFor: (audience) => algorithms.get(audience) ?? 'ES256',
    ofGroups: (issuer, groups) => {
      const held = file.groups.filter((entry) => entry.issuer === issuer && groups.includes(entry.group))
      return new Set(held.flatMap((entry) => entry.roles))
    },
    claimsOf: (issuer) => file.claims.find((entry) => entry.issuer === issuer) ?? usualClaims(issuer),
  }
}

/** By audience. @throws ConfigurationError when two entries differ */
function algorithmsIn({ workloads }: z.infer<typeof RolesFile>, path: string) {
  const algorithms = new Map<string, NonNullable<(typeof workloads)[number]['token_algorithm']>>()
  for (const { audiences = [], token_algorithm: algorithm } of workloads)
    for (const audience of algorithm ? audiences : []) {
      const other = algorithms.get(audience)
      if (other !== undefined && other !== algorithm)
        throw new ConfigurationError(
          `CREDENCE_ROLES_FILE (${path}) cannot be used: ${audience} has two values of token_algorithm, ${other} and ${algorithm}`,
        )
      if (algorithm) algorithms.set(audience, algorithm)
    }
  return algorithms
}
