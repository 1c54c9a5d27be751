/**
 * What the tools of an agent are, as digests: one for each tool, over every field of its definition (name, title,
 * description, both schemas, annotations, `_meta`, icons, and whatever a later MCP revision adds), and one for all.
 * A tool belongs to the server that offers it: the same name on another server is another tool.
 */
import { hash } from 'node:crypto'
import canonicalize from 'canonicalize'
import { z } from 'zod'
import { Sha256 } from '../events/values.ts'
import { type Read, readExactJson } from './exact-json.ts'

export const TOOL_LIMITS = { tools: 256, bytes: 256 * 1024, depth: 64 } as const

/** Who offers tools: a URL, a SPIFFE ID or a name, in printable ASCII, so that no two look alike. */
export const ToolServer = z
  .string()
  .regex(/^[\x21-\x7e]{1,200}$/, 'must be 1 to 200 printable ASCII characters, like "https://mcp.example/mcp"')

/** The server of tools that are part of the agent's program. */
export const LOCAL_TOOLS = 'local'

const ToolName = z.string().regex(/^[^\p{C}]{1,128}$/u, 'must be 1 to 128 characters, none of them a control character')

/** One tool, by server and name, and the digest of its definition. */
export const ToolDigest = z.strictObject({ server: ToolServer, name: ToolName, digest: Sha256 })
export type ToolDigest = z.infer<typeof ToolDigest>

/** SHA-256 over the RFC 8785 form of the whole definition. @throws Error when it holds what JSON cannot say */
export const toolDigest = (definition: object): string => hash('sha256', canonicalize(definition) ?? '', 'hex')

/** SHA-256 over the RFC 8785 form of the list, sorted by server and name (UTF-16 code units, like RFC 8785 §3.2.3). */
export const toolManifestDigest = (tools: readonly ToolDigest[]): string =>
  hash(
    'sha256',
    canonicalize(sortTools(tools).map(({ server, name, digest }) => ({ server, name, digest }))) ?? '',
    'hex',
  )

export const sortTools = (tools: readonly ToolDigest[]): ToolDigest[] =>
  tools.toSorted((a, b) => order(a.server, b.server) || order(a.name, b.name))

const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** Tools of the same name on more than one server: a model may take one for the other. */
export function shadowedNames(tools: readonly ToolDigest[]): string[] {
  const names = tools.map(({ name }) => name)
  return [...new Set(names.filter((name, at) => names.indexOf(name) !== at))]
}

/** A definition is an object with a name; what else it holds is hashed as it stands, and not judged. */
const Named = z.looseObject({ name: ToolName })
const Tool = z.custom<{ name: string }>((value) => Named.safeParse(value).success)

/**
 * Result of `tools/list` (MCP, up to revision 2026-07-28), alone or in its JSON-RPC response. Members beside the tools that
 * MCP knows say nothing of a tool; any other is refused, for it could tell an agent what no digest covers.
 */
const Result = z.strictObject({
  tools: z.array(Tool),
  nextCursor: z.string().nullish(),
  _meta: z.unknown().optional(),
  resultType: z.literal('complete').optional(),
  ttlMs: z.number().optional(),
  cacheScope: z.string().optional(),
})
const Response = z.strictObject({ jsonrpc: z.literal('2.0'), id: z.union([z.string(), z.number()]), result: Result })
const Page = z.union([Result, Response.transform(({ result }) => result)])
type Page = z.infer<typeof Page>

const Pages = z.union([Page.transform((page) => [page]), z.array(Page).min(1)])

/** Several servers, each with its answer to `tools/list`, or with all pages of it in their order. */
const Servers = z.strictObject({ servers: z.array(z.strictObject({ server: ToolServer, list: Pages })) })

/**
 * Reads a file of tools: `{ "servers": [{ "server", "list" }] }`, or one server's answer to `tools/list`, or an array of
 * its pages. Codes: `tools_malformed`, `tools_too_many`, `tools_incomplete` (a page is missing), `tool_twice`, and those of
 * `readExactJson`. Throws nothing.
 * @param server whose tools they are when the file names no server
 */
export function readTools(bytes: Uint8Array, server: string = LOCAL_TOOLS): Read<ToolDigest[]> {
  const json = readExactJson(bytes, TOOL_LIMITS)
  if (json.refused) return json
  const file = Servers.safeParse(json.value)
  if (file.success) return digestsOf(file.data.servers)
  const one = z.strictObject({ server: ToolServer, list: Pages }).safeParse({ server, list: json.value })
  if (one.success) return digestsOf([one.data])
  return {
    refused: 'tools_malformed',
    detail: 'is neither {"servers": [{"server", "list"}]} nor an answer to tools/list',
  }
}

function digestsOf(servers: { server: string; list: Page[] }[]): Read<ToolDigest[]> {
  if (servers.some(({ list }) => !isComplete(list)))
    return { refused: 'tools_incomplete', detail: 'is not every page of an answer to tools/list' }
  const tools = servers.flatMap(({ server, list }) =>
    list.flatMap((page) => page.tools.map((tool) => ({ server, name: tool.name, digest: toolDigest(tool) }))),
  )
  if (tools.length > TOOL_LIMITS.tools)
    return { refused: 'tools_too_many', detail: `holds more than ${TOOL_LIMITS.tools} tools` }
  const fault = toolListFault(tools)
  return fault ? { refused: fault, detail: 'names one tool of one server twice' } : { value: sortTools(tools) }
}

/** Each page but the last names the next one. */
const isComplete = (pages: Page[]): boolean =>
  pages.every(({ nextCursor }, at) => (typeof nextCursor === 'string') === at < pages.length - 1)

/** `tool_twice` when a server offers one name twice: which of them is called? */
export function toolListFault(tools: readonly ToolDigest[]): 'tool_twice' | undefined {
  const keys = new Set(tools.map(({ server, name }) => `${server} ${name}`))
  return keys.size < tools.length ? 'tool_twice' : undefined
}
