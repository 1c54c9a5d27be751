/** SLSA provenance v1 (slsa.dev/spec/v1.0/provenance): who built it, and from what. */
import { z } from 'zod'
import type { Refused } from '../sigstore/bundle.ts'

export type Provenance = { builder: string; source: string; sourceDigest?: string }

const MAX_DEPENDENCIES = 1024
/** No blanks and no control characters: such a URI is read differently by different readers. */
const Uri = z
  .string()
  .max(400)
  .regex(/^[\x21-\x7e]+$/)
const Dependency = z.object({
  uri: z.string().max(4096).optional(),
  digest: z.record(z.string().max(64), z.string().max(256)).optional(),
})
const Predicate = z.object({
  buildDefinition: z.object({
    buildType: Uri,
    externalParameters: z.looseObject({
      /** Builders of containers (slsa-github-generator, own ones). */
      source: z.union([Uri, z.looseObject({ uri: Uri, ref: Uri.optional() })]).optional(),
      /** GitHub Actions. */
      workflow: z.looseObject({ repository: Uri, ref: Uri.optional() }).optional(),
      /** Google Cloud Build. */
      buildConfigSource: z.looseObject({ repository: Uri, ref: Uri.optional() }).optional(),
    }),
    resolvedDependencies: z.array(Dependency).max(MAX_DEPENDENCIES).optional(),
  }),
  runDetails: z.object({ builder: z.object({ id: Uri }) }),
})
type Definition = z.infer<typeof Predicate>['buildDefinition']

/**
 * The source is what the builder was asked to build (`externalParameters`), with its ref behind an `@` where it names one.
 * A list of dependencies is no answer to that: anything may stand in it; only where it has a single entry does it count.
 * @returns builder and source, or `provenance_malformed`, `source_unknown`, `source_ambiguous`
 */
export function readProvenance(predicate: unknown): Provenance | Refused {
  const parsed = Predicate.safeParse(predicate)
  if (!parsed.success) return { refused: 'provenance_malformed', detail: parsed.error.issues[0]?.path.join('.') }
  const { buildDefinition, runDetails } = parsed.data
  const asked = askedFor(buildDefinition)
  if (asked.length > 1) return { refused: 'source_ambiguous' }
  const source = asked[0] ?? onlyDependency(buildDefinition)
  if (!source || !Uri.safeParse(source).success) return { refused: 'source_unknown' }
  const sourceDigest = digestOf(source, buildDefinition)
  return { builder: runDetails.builder.id, source, ...(sourceDigest && { sourceDigest }) }
}

function askedFor({ externalParameters: { source, workflow, buildConfigSource } }: Definition): string[] {
  const places = [
    typeof source === 'string' ? { uri: source } : source,
    workflow && { uri: workflow.repository, ref: workflow.ref },
    buildConfigSource && { uri: buildConfigSource.repository, ref: buildConfigSource.ref },
  ].filter((place) => place !== undefined)
  return [...new Set(places.map(({ uri, ref }) => withRef(uri, ref)))]
}

/** A ref that already stands in the URI is not said twice. */
const withRef = (uri: string, ref: string | undefined): string => {
  if (ref === undefined || uri.endsWith(`@${ref}`)) return uri
  return `${uri}@${ref}`
}

function onlyDependency({ resolvedDependencies = [] }: Definition): string | undefined {
  const [only, ...others] = resolvedDependencies
  return others.length === 0 ? only?.uri : undefined
}

function digestOf(source: string, { resolvedDependencies = [] }: Definition): string | undefined {
  const bare = (uri: string) => uri.replace(/^git\+/, '')
  const found = resolvedDependencies.find(({ uri }) => uri !== undefined && bare(uri) === bare(source))
  return found?.digest?.gitCommit ?? found?.digest?.sha1 ?? found?.digest?.sha256
}
