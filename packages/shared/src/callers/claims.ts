/** What an identity provider's claims say of a person: which claim is the name, and which are the groups. */
import { z } from 'zod'

/** The name of a claim, or the way to a member inside one: `["realm_access", "roles"]`. */
const Claim = z.union([z.string().min(1), z.array(z.string().min(1)).min(1).max(4)])
type Claim = z.infer<typeof Claim>

export const ClaimNames = z.strictObject({
  issuer: z.url(),
  name: Claim.default('name'),
  /** All of them count; each may hold one group or a list. */
  groups: z.array(Claim).max(8).default(['groups']),
})
export type ClaimNames = z.infer<typeof ClaimNames>

/** What is read when the configuration says nothing of an issuer. */
export const usualClaims = (issuer: string): ClaimNames => ({ issuer, name: 'name', groups: ['groups'] })

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

function valueAt(claims: object, claim: Claim): unknown {
  let value: unknown = claims
  for (const step of [claim].flat()) value = isObject(value) && Object.hasOwn(value, step) ? value[step] : undefined
  return value
}

const texts = (value: unknown): string[] => [value].flat().filter((one) => typeof one === 'string')

/** @param claims of a token or of user information that was verified */
export function readClaims(names: ClaimNames, claims: object): { name: string; groups: string[] } {
  const [name = ''] = texts(valueAt(claims, names.name))
  return { name, groups: [...new Set(names.groups.flatMap((claim) => texts(valueAt(claims, claim))))] }
}

/** True when the claims say something of each: nothing needs to be asked elsewhere. */
export const tellsAll = (names: ClaimNames, claims: object): boolean =>
  valueAt(claims, names.name) !== undefined && names.groups.some((claim) => valueAt(claims, claim) !== undefined)
