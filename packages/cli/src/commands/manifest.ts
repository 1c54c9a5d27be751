/** What an agent is made of, for a builder's CI: measured, signed, checked. No server is asked. */
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { openManifest } from '@credence/attester/manifest/open'
import { ManifestError, signManifest } from '@credence/attester/manifest/sign'
import {
  type AgentManifest,
  compositionOf,
  type Part,
  writeAgentManifest,
} from '@credence/contracts/attestation/agent-manifest'
import { readTools, toolManifestDigest } from '@credence/contracts/attestation/tools'
import { Composition } from '@credence/contracts/events/values'
import type { Command } from 'commander'
import { z } from 'zod'
import { EXIT, Usage } from '../failure.ts'
import { digestIn, fileIn, modelIn, programIn, read, toolsIn, withParts } from '../measured-parts.ts'
import { harmless, say, toLines } from '../print.ts'

type Options = Record<string, string | undefined>

export function addManifestCommands(program: Command): void {
  const manifest = program.command('manifest').description('what an agent is made of, signed by its builder')
  withParts(
    manifest
      .command('create <blueprint>')
      .description('measures the parts of an agent, and writes the statement to sign')
      .requiredOption('--label <text>', 'what to call this version')
      .requiredOption('--prompt <file>', 'the system prompt')
      .requiredOption('--tools <file>', 'the tools: {"servers": [{"server", "list"}]}, or an answer to tools/list'),
  )
    .option('--policy-version <sha256>', 'version of the policies that the agent is told')
    .option('--out <file>', 'where to write it; standard output otherwise')
    .action(async (blueprint: string, options: Options) => {
      const { label = '', policyVersion, prompt = '', tools = '' } = options
      const parts = { program: await programIn(options), model: await modelIn(options) }
      const { program, model } = parts
      if (!program) throw new Usage('Name the program: --program <file> or --program-digest <sha256>.')
      if (!model) throw new Usage('Name the model: --model <file>, --model-digest <sha256> or --model-bundle <file>.')
      const told = policyVersion === undefined ? {} : { policyVersion: digestIn(policyVersion, '--policy-version') }
      const measured = { program, model, prompt: await fileIn(prompt), tools: toolsIn(tools) }
      write(options.out, `${statementOf({ blueprint, label, ...measured, ...told })}\n`)
    })
  manifest
    .command('tools <server=file...>')
    .description(
      'puts the answers of MCP servers to tools/list into one file; a server with several pages is named for each',
    )
    .option('--out <file>', 'where to write it; standard output otherwise')
    .action((answers: string[], options: Options) => write(options.out, `${toolFile(answers)}\n`))
  manifest
    .command('sign <statement>')
    .description('signs a statement: a DSSE envelope in a Sigstore bundle')
    .requiredOption('--key <file>', 'the builder’s private key: P-256, PKCS#8, PEM')
    .option('--out <file>', 'where to write it; standard output otherwise')
    .action((file: string, { key = '', out }: Options) => {
      write(out, `${signManifest(read(file), privateKeyIn(key))}\n`)
    })
  withParts(
    manifest
      .command('verify <bundle>')
      .description('checks who signed a manifest, shows it, and holds parts of an agent against it')
      .requiredOption('--key <file>', 'the builder’s public key, PEM')
      .option('--prompt <file>', 'the system prompt')
      .option('--tools <file>', 'the tools'),
  ).action(async (file: string, options: Options) => {
    const manifest = openManifest(read(file).toString('utf8'), publicKeyIn(options.key ?? ''))
    say(describe(manifest))
    const changed = await changedParts(manifest, options)
    for (const part of changed) say(`${part.replace('tool_manifest', 'tools')}: not what was signed`)
    if (changed.length > 0) process.exitCode = EXIT.error
  })
}

/** Only parts that were named are compared. */
async function changedParts(manifest: AgentManifest, options: Options): Promise<string[]> {
  const { prompt, tools } = options
  const now: Partial<Composition> = {
    program: (await programIn(options))?.digest,
    prompt: prompt === undefined ? undefined : (await fileIn(prompt)).digest,
    tool_manifest: tools === undefined ? undefined : toolManifestDigest(toolsIn(tools)),
    model: (await modelIn(options))?.digest,
  }
  const signed = compositionOf(manifest)
  return (Object.keys(Composition.shape) as (keyof Composition)[]).filter(
    (part) => now[part] !== undefined && now[part] !== signed[part],
  )
}

function statementOf(manifest: AgentManifest): string {
  try {
    return writeAgentManifest(manifest).toString('utf8')
  } catch (error) {
    throw new Usage(`The manifest breaks a limit: ${error instanceof z.ZodError ? z.prettifyError(error) : error}`)
  }
}

/** Names of others are shown harmlessly: whoever signed it chose them. */
function describe(manifest: AgentManifest): string {
  const { blueprint, label, program, prompt, model, tools, policyVersion } = manifest
  const part = ({ name, digest }: Part) => `${digest}  ${harmless(name)}`
  const lines = toLines([
    ['blueprint', blueprint],
    ['label', harmless(label)],
    ['program', part(program)],
    ['prompt', part(prompt)],
    ['model', part(model)],
    ['tools', `${compositionOf(manifest).tool_manifest}  ${tools.length} of them`],
    ['policies told', policyVersion],
  ])
  return [lines, ...tools.map(({ server, name, digest }) => `    ${digest}  ${harmless(name)} of ${server}`)].join('\n')
}

/** The answers stand in it as they were written: reading and writing them anew could lose what a digest has to see. */
function toolFile(answers: string[]): string {
  const lists = new Map<string, string[]>()
  for (const answer of answers) {
    // A URL may hold an equals sign, a file name hardly does: the last one counts.
    const at = answer.lastIndexOf('=')
    if (at < 1) throw new Usage(`${answer}: must be like https://mcp.example=tools.json`)
    const server = answer.slice(0, at)
    lists.set(server, [...(lists.get(server) ?? []), jsonIn(answer.slice(at + 1))])
  }
  const servers = [...lists].map(
    ([server, pages]) => `{"server":${JSON.stringify(server)},"list":[${pages.join(',')}]}`,
  )
  const text = `{"servers":[${servers.join(',')}]}`
  const { refused, detail } = readTools(Buffer.from(text))
  if (refused) throw new ManifestError(`The file of tools ${detail} (${refused}).`)
  return text
}

/** The text of one JSON value: an answer that closes its list early would speak for another server. */
function jsonIn(file: string): string {
  const text = read(file).toString('utf8')
  try {
    JSON.parse(text)
    return text.trim()
  } catch {
    throw new Usage(`${file} cannot be read as JSON.`)
  }
}

const privateKeyIn = (file: string): KeyObject =>
  keyIn(file, createPrivateKey, 'a private key in PEM, without a password')
const publicKeyIn = (file: string): KeyObject => keyIn(file, createPublicKey, 'a public key in PEM')

function keyIn(file: string, open: (pem: Buffer) => KeyObject, what: string): KeyObject {
  const pem = read(file)
  try {
    return open(pem)
  } catch {
    throw new Usage(`${file} is not ${what}.`)
  }
}

const write = (file: string | undefined, text: string): void =>
  file === undefined ? void process.stdout.write(text) : writeFileSync(file, text)
