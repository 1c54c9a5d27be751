/**
 * What an agent is made of, as its builder says it: an in-toto Statement v1 about the program, whose predicate names the
 * other parts. Signed in a DSSE envelope in a Sigstore bundle v0.3 it is evidence of the kind `agent-manifest`.
 */
import canonicalize from 'canonicalize'
import { z } from 'zod'
import { type Composition, Prose, Sha256, Slug } from '../events/values.ts'
import { type Read, readExactJson } from './exact-json.ts'
import { sortTools, TOOL_LIMITS, ToolDigest, toolListFault, toolManifestDigest } from './tools.ts'

export const AGENT_MANIFEST = {
  predicateType: 'https://credence.dev/agent-manifest/v1',
  statementType: 'https://in-toto.io/Statement/v1',
  payloadType: 'application/vnd.in-toto+json',
  bytes: 256 * 1024,
  depth: 8,
  /** Servers, names and digests of all tools together, as JSON: they stand in the result, and an event holds 60,000 bytes. */
  toolBytes: 20 * 1024,
} as const

const Name = z.string().regex(/^[^\p{C}]{1,256}$/u, 'must be 1 to 256 characters, none of them a control character')

/** As it stands, not trimmed: what is read is what was signed. */
const Label = z.string().refine((text) => Prose.safeParse(text).data === text, 'must be 1 to 500 characters of text')

const DigestSet = z.strictObject({ sha256: Sha256 })
const Described = z.strictObject({ name: Name, digest: DigestSet })

/** Unknown members are refused: a part that nobody compares would be signed for nothing. */
const Predicate = z.strictObject({
  blueprint: Slug,
  label: Label,
  prompt: Described,
  model: Described,
  tools: z.array(z.strictObject({ ...ToolDigest.shape, digest: DigestSet })).max(TOOL_LIMITS.tools),
  policyVersion: Sha256.optional(),
})

const Statement = z.strictObject({
  _type: z.literal(AGENT_MANIFEST.statementType),
  subject: z.tuple([Described]),
  predicateType: z.literal(AGENT_MANIFEST.predicateType),
  predicate: Predicate,
})

export type Part = { name: string; digest: string }

export type AgentManifest = {
  blueprint: string
  /** What the builder calls this version. */
  label: string
  program: Part
  prompt: Part
  model: Part
  tools: ToolDigest[]
  /** Version of the policies that the agent was told it runs under. */
  policyVersion?: string | undefined
}

/** The statement, in its RFC 8785 form: one manifest, one text. @throws Error when the manifest breaks a limit */
export function writeAgentManifest(manifest: AgentManifest): Buffer {
  const { program, prompt, model, tools, blueprint, label, policyVersion } = manifest
  const statement = Statement.parse({
    _type: AGENT_MANIFEST.statementType,
    subject: [described(program)],
    predicateType: AGENT_MANIFEST.predicateType,
    predicate: {
      blueprint,
      label,
      prompt: described(prompt),
      model: described(model),
      tools: sortTools(tools).map((tool) => ({ ...tool, digest: { sha256: tool.digest } })),
      ...(policyVersion ? { policyVersion } : {}),
    },
  })
  const fault = toolsFault(tools)
  if (fault) throw new Error(fault.detail)
  return Buffer.from(canonicalize(statement) ?? '')
}

const described = ({ name, digest }: Part) => ({ name, digest: { sha256: digest } })

/**
 * Reads the payload of the envelope, whoever wrote it. Codes: `statement_type`, `predicate_type`, `subjects_not_one`,
 * `tool_twice`, `tools_too_many`, `evidence_too_large`, `statement_malformed`. Throws nothing.
 */
export function readAgentManifest(payload: Uint8Array): Read<AgentManifest> {
  const json = readExactJson(payload, AGENT_MANIFEST)
  if (json.refused === 'json_too_large') return { refused: 'evidence_too_large', detail: json.detail }
  if (json.refused) return { refused: 'statement_malformed', detail: `The statement ${json.detail}.` }
  const { data, error } = Statement.safeParse(json.value)
  if (error) return faultOf(json.value, error)
  const { predicate, subject } = data
  const tools = predicate.tools.map((tool) => ({ ...tool, digest: tool.digest.sha256 }))
  const fault = toolsFault(tools)
  if (fault) return fault
  const part = ({ name, digest }: z.infer<typeof Described>): Part => ({ name, digest: digest.sha256 })
  const { blueprint, label, prompt, model, policyVersion } = predicate
  const parts = { program: part(subject[0]), prompt: part(prompt), model: part(model) }
  return { value: { blueprint, label, ...parts, tools, ...(policyVersion ? { policyVersion } : {}) } }
}

function toolsFault(tools: readonly ToolDigest[]): Fault | undefined {
  if (toolListFault(tools)) return { refused: 'tool_twice', detail: 'One tool of one server stands there twice.' }
  if (Buffer.byteLength(JSON.stringify(tools)) <= AGENT_MANIFEST.toolBytes) return undefined
  return { refused: 'tools_too_many', detail: `The list of tools is longer than ${AGENT_MANIFEST.toolBytes} bytes.` }
}

const Outline = z.looseObject({ _type: z.string(), predicateType: z.string(), subject: z.array(z.unknown()) })

type Fault = { refused: string; detail: string }

/** The plainest thing that is wrong. Where is told, values are not. */
function faultOf(value: unknown, error: z.ZodError): Fault {
  const { data: outline } = Outline.safeParse(value)
  if (outline && outline._type !== AGENT_MANIFEST.statementType)
    return { refused: 'statement_type', detail: `The _type is not ${AGENT_MANIFEST.statementType}.` }
  if (outline && outline.predicateType !== AGENT_MANIFEST.predicateType)
    return { refused: 'predicate_type', detail: `The predicateType is not ${AGENT_MANIFEST.predicateType}.` }
  if (outline && outline.subject.length !== 1)
    return { refused: 'subjects_not_one', detail: 'The statement must be about one program.' }
  // Paths of what is known: a member that is not has its name in the message, never in the path.
  return { refused: 'statement_malformed', detail: `The statement is wrong at "${error.issues[0]?.path.join('.')}".` }
}

/** What the manifest says that the agent is made of, as attestation compares it. */
export const compositionOf = ({ program, prompt, model, tools }: AgentManifest): Composition => ({
  program: program.digest,
  prompt: prompt.digest,
  tool_manifest: toolManifestDigest(tools),
  model: model.digest,
})
