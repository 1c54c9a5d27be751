/**
 * Verifies an attestation result offline, for relying parties: an EAR (draft-ietf-rats-ear-04) as a JWT, and its form of
 * 2023 (`tag:github.com,2023:veraison/ear`). Nothing counts that has no end, no signature, or a status that is not a word.
 */
import { unauthenticated } from '@credence/contracts/errors'
import { EarStatus } from '@credence/contracts/events/values'
import type { TrustBundle } from '@credence/shared/spiffe/bundle'
import { verifySignedByService } from '@credence/shared/spiffe/signed-jwt'
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTPayload, jwtVerify } from 'jose'
import { z } from 'zod'

export type AttestationResult = {
  profile: string
  /** The worst of what is said of the whole and of its parts. */
  status: EarStatus
  /** AR4SI trustworthiness vector: of each category the worst value that is claimed. */
  vector: Record<string, number>
  /** By label; Credence labels them by the kind of evidence. */
  submodules: Record<string, { status: EarStatus; vector: Record<string, number>; policyIds: string[]; nonce?: string }>
  /** RFC 7638 thumbprint of the key that the appraised one holds (RFC 7800): whoever shows the result must prove it. */
  keyThumbprint: string | undefined
  issuer: string | undefined
  subject: string | undefined
  issuedAt: Date
  expiresAt: Date
}

/** Whose word counts: the trust domain’s attestation service, or a verifier whose keys are known. */
export type Verifier = { bundle: TrustBundle } | { keys: JSONWebKeySet }

export type Expected = Verifier & {
  now: Date
  /** How old a result may be; needed for one that does not say when it ends. */
  maximumAgeSeconds?: number
  /** Who is reading; a result that names an audience has to name this one (RFC 7519 §4.1.3). */
  audience?: string
  /** RFC 7638 thumbprint of the key by which its bearer proved itself. */
  keyThumbprint?: string
}

const PROFILE_04 = 'tag:ietf.org,2026:rats/ear#04'
const PROFILE_2023 = 'tag:github.com,2023:veraison/ear'
const ALGORITHMS = ['ES256', 'ES384', 'ES512', 'EdDSA', 'PS256', 'PS384', 'PS512']
/** How far clocks may be apart. */
const SKEW_SECONDS = 5

const Vector = z.record(z.string(), z.int().min(-128).max(127))
const Nonce = z.string().min(8).max(88)
const Whole = {
  iat: z.int(),
  exp: z.int().optional(),
  nbf: z.int().optional(),
  iss: z.string().optional(),
  sub: z.string().optional(),
  aud: z.union([z.string(), z.array(z.string())]).optional(),
  cnf: z.object({ jkt: z.string().optional() }).optional(),
}
const VerifierId = z.object({ developer: z.string(), build: z.string() })
const atLeastOne = (submodules: object) => Object.keys(submodules).length > 0

/** Unknown claims are ignored (§5). */
const Ear04 = z.object({
  ...Whole,
  eat_profile: z.literal(PROFILE_04),
  ear_status: EarStatus.optional(),
  ear_verifier_id: VerifierId,
  submods: z
    .record(
      z.string(),
      z.object({
        ear_status: EarStatus,
        ear_trustworthiness_vector: Vector.optional(),
        ear_appraisal_policy_ids: z.array(z.string()).min(1).optional(),
        eat_nonce: Nonce.optional(),
      }),
    )
    .refine(atLeastOne),
})
const Ear2023 = z.object({
  ...Whole,
  eat_profile: z.literal(PROFILE_2023),
  'ear.verifier-id': VerifierId,
  submods: z
    .record(
      z.string(),
      z.object({
        'ear.status': EarStatus,
        'ear.trustworthiness-vector': Vector.optional(),
        'ear.appraisal-policy-id': z.string().optional(),
      }),
    )
    .refine(atLeastOne),
})
type Submodules = AttestationResult['submodules']

/**
 * @param ear compact serialization
 * @throws CredenceError `unauthenticated` with a reason that begins with `attestation_result_`, or that of verifyX509Svid
 */
export async function verifyAttestationResult(ear: string, expected: Expected): Promise<AttestationResult> {
  const claims = await signedClaims(ear, expected)
  const { said, status, submodules } = read(claims)
  const { issuedAt, expiresAt } = timesOf(said, expected)
  const audiences = [said.aud ?? []].flat()
  if (audiences.length > 0 && !audiences.includes(expected.audience ?? ''))
    throw refused('audience', 'it was made for somebody else')
  const keyThumbprint = said.cnf?.jkt
  if (expected.keyThumbprint !== undefined && keyThumbprint !== expected.keyThumbprint)
    throw refused('key', 'it is about the holder of another key')
  return {
    profile: said.eat_profile,
    status: worstOf([...(status ? [status] : []), ...Object.values(submodules).map((one) => one.status)]),
    vector: combined(Object.values(submodules).map(({ vector }) => vector)),
    submodules,
    keyThumbprint,
    issuer: said.iss,
    subject: said.sub,
    issuedAt,
    expiresAt,
  }
}

async function signedClaims(ear: string, by: Verifier): Promise<JWTPayload> {
  if ('bundle' in by) {
    const about = { what: 'attestation result', typ: 'eat+jwt', path: '/service/attestation', bundle: by.bundle }
    return (await verifySignedByService(ear, about)).claims
  }
  try {
    // Its times are checked below, by the caller’s clock.
    const options = { algorithms: ALGORITHMS, currentDate: new Date(0), clockTolerance: Number.MAX_SAFE_INTEGER }
    return (await jwtVerify(ear, createLocalJWKSet(by.keys), options)).payload
  } catch (error) {
    if (error instanceof errors.JOSEError) throw refused('signature', 'its signature does not fit')
    throw error
  }
}

function read(claims: JWTPayload): {
  said: z.infer<typeof Ear04> | z.infer<typeof Ear2023>
  status: EarStatus | undefined
  submodules: Submodules
} {
  const { eat_profile: profile } = claims
  const parsed = profile === PROFILE_2023 ? Ear2023.safeParse(claims) : Ear04.safeParse(claims)
  if (!parsed.success) {
    const fields = parsed.error.issues.map(({ path }) => path.join('.')).join(', ')
    throw refused('form', `it does not hold what an attestation result holds (${fields})`)
  }
  const said = parsed.data
  const submodules: Submodules = {}
  if (said.eat_profile === PROFILE_2023)
    for (const [label, one] of Object.entries(said.submods)) {
      const policy = one['ear.appraisal-policy-id']
      const policyIds = policy === undefined ? [] : [policy]
      submodules[label] = part(one['ear.status'], one['ear.trustworthiness-vector'], policyIds)
    }
  else
    for (const [label, one] of Object.entries(said.submods))
      submodules[label] = {
        ...part(one.ear_status, one.ear_trustworthiness_vector, one.ear_appraisal_policy_ids ?? []),
        ...(one.eat_nonce ? { nonce: one.eat_nonce } : {}),
      }
  return { said, status: 'ear_status' in said ? said.ear_status : undefined, submodules }
}

/** §3.1: a status is never better than the worst of the vector. */
function part(status: EarStatus, vector: Record<string, number> = {}, policyIds: string[]): Submodules[string] {
  if (Object.values(vector).some((value) => RANK[tierOf(value)] > RANK[status]))
    throw refused('status', 'its status is better than its trustworthiness vector')
  return { status, vector, policyIds }
}

function timesOf(
  { iat, exp, nbf }: { iat: number; exp?: number | undefined; nbf?: number | undefined },
  { now, maximumAgeSeconds }: Expected,
): { issuedAt: Date; expiresAt: Date } {
  const seconds = now.getTime() / 1000
  const ends = [
    ...(exp === undefined ? [] : [exp]),
    ...(maximumAgeSeconds === undefined ? [] : [iat + maximumAgeSeconds]),
  ]
  if (ends.length === 0) throw refused('endless', 'it does not say when it ends, and no greatest age was given')
  if (Math.max(iat, nbf ?? iat) > seconds + SKEW_SECONDS) throw refused('not_yet_valid', 'it is from the future')
  const end = Math.min(...ends)
  if (end <= seconds) throw refused('expired', 'its time is over')
  return { issuedAt: new Date(iat * 1000), expiresAt: new Date(end * 1000) }
}

const RANK: Record<EarStatus, number> = { affirming: 0, warning: 1, none: 2, contraindicated: 3 }
const worstOf = (all: EarStatus[]): EarStatus => all.reduce((a, b) => (RANK[a] >= RANK[b] ? a : b), 'affirming')

/** AR4SI §3.2; what claims nothing harms nothing. */
function tierOf(value: number): EarStatus {
  const size = value < 0 ? -value - 1 : value
  if (size < 32) return 'affirming'
  return size < 96 ? 'warning' : 'contraindicated'
}

function combined(vectors: Record<string, number>[]): Record<string, number> {
  const all: Record<string, number> = {}
  for (const vector of vectors)
    for (const [category, value] of Object.entries(vector)) {
      const held = all[category]
      const worse = held === undefined || RANK[tierOf(value)] > RANK[tierOf(held)]
      if (worse || (RANK[tierOf(value)] === RANK[tierOf(held)] && Math.abs(value) > Math.abs(held)))
        all[category] = value
    }
  return all
}

const refused = (reason: string, why: string) =>
  unauthenticated(`attestation_result_${reason}`, `The attestation result is refused: ${why}.`)
