/** What was approved to run: compositions, signed models, images, PCR values of machines. */

import { PcrBank, PcrValues } from '@credence/contracts/attestation/kinds'
import { toolManifestDigest } from '@credence/contracts/attestation/tools'
import type { ReferenceValue } from '@credence/contracts/gen/credence/attestation/v1/attestation'
import type { Command } from 'commander'
import { toTable, touched } from '../attestation/words.ts'
import { Usage } from '../failure.ts'
import { digestIn, fileIn, modelIn, programIn, toolsIn, withParts } from '../measured-parts.ts'
import { harmless, say, toJson } from '../print.ts'
import { readJson } from '../read-json.ts'
import type { Options, Run } from '../run.ts'

type Value = NonNullable<ReferenceValue['value']>

type Type = {
  name: Value['$case']
  description: string
  /** Adds what has to be named. */
  options(command: Command): Command
  read(options: Options): Promise<Value> | Value
}

const TYPES: Type[] = [
  {
    name: 'composition',
    description: 'what an agent is made of, measured from its files',
    options: (command) =>
      withParts(command)
        .requiredOption('--prompt <file>', 'the system prompt')
        .requiredOption('--tools <file>', 'the tools: {"servers": [{"server", "list"}]}, or an answer to tools/list'),
    read: compositionOf,
  },
  {
    name: 'model',
    description: 'a signed model, by its signed statement',
    options: (command) =>
      command
        .option('--model-bundle <file>', 'the signature of the model (OpenSSF Model Signing)')
        .option('--model-digest <sha256>', 'instead: SHA-256 of the signed statement')
        .option('--signer <anchor>', 'the trust anchor that must have signed it; any that is approved otherwise'),
    read: modelOf,
  },
  {
    name: 'image',
    description: 'a container image',
    options: (command) => command.requiredOption('--digest <sha256>', 'as registries name it: sha256:…'),
    read: ({ digest = '' }) => ({ $case: 'image', value: { digest: digestIn(digest, '--digest') } }),
  },
  {
    name: 'pcrs',
    description: 'what a machine has started, as its TPM recorded it',
    options: (command) =>
      command
        .requiredOption('--values <file>', 'JSON: {"0": "<hexadecimal>", "7": …}')
        .option('--bank <name>', 'sha256 or sha384', 'sha256'),
    read: pcrsOf,
  },
]

export function addReferenceCommands(program: Command, run: Run): void {
  const reference = program.command('reference').description('approved values of what agents run on')
  const approve = reference.command('approve').description('approves a value for agents of a blueprint')
  for (const type of TYPES)
    type
      .options(approve.command(`${type.name} <blueprint>`).description(type.description))
      .requiredOption('--label <text>', 'what to call it, for people; no personal data')
      .action(
        run('security', async ({ attestation }, [blueprint = ''], options) => {
          const approved = { id: '', label: options.label ?? '', approvedBy: '', withdrawn: false, withdrawnBy: '' }
          const value = await type.read(options)
          const { referenceId } = await attestation.approveReferenceValue({
            reference: { ...approved, blueprint, value },
          })
          say(`Approved as ${referenceId}.`)
        }),
      )
  reference
    .command('withdraw <id>')
    .description('agents that run on it are refused from the next call on, and quarantined')
    .requiredOption('--reason <text>', 'why; it goes into the record')
    .action(
      run('security', async ({ attestation }, [referenceId = ''], { reason = '' }) => {
        const { agents } = await attestation.withdrawReferenceValue({ referenceId, reason })
        say(`Withdrawn. ${touched(agents, 'quarantined')}`)
      }),
    )
  reference
    .command('list [blueprint]')
    .description('of one blueprint, or of all')
    .option('--withdrawn', 'withdrawn ones too')
    .option('--json', 'as JSON')
    .action(
      run('security', async ({ attestation }, [blueprint = ''], { withdrawn, json }) => {
        const found: ReferenceValue[] = []
        let pageToken = ''
        do {
          const wanted = { blueprint, withdrawn: Boolean(withdrawn), pageSize: 500, pageToken }
          const page = await attestation.listReferenceValues(wanted)
          found.push(...page.references)
          pageToken = page.nextPageToken
        } while (pageToken)
        if (json) return say(toJson(found))
        if (found.length === 0) return say('There is none: no agent can be affirmed.')
        say(toTable(['id', 'blueprint', 'type', 'value', 'label', 'approved by'], found.map(rowOf)))
      }),
    )
}

async function compositionOf(options: Options): Promise<Value> {
  const [program, model] = [await programIn(options), await modelIn(options)]
  if (!program) throw new Usage('Name the program: --program <file> or --program-digest <sha256>.')
  if (!model) throw new Usage('Name the model: --model <file>, --model-bundle <file> or --model-digest <sha256>.')
  const prompt = await fileIn(options.prompt ?? '')
  const toolManifest = toolManifestDigest(toolsIn(options.tools ?? ''))
  const value = { program: program.digest, prompt: prompt.digest, toolManifest, model: model.digest }
  return { $case: 'composition', value }
}

async function modelOf({ signer = '', ...options }: Options): Promise<Value> {
  const model = await modelIn(options)
  if (!model) throw new Usage('Name the signed model: --model-bundle <file> or --model-digest <sha256>.')
  return { $case: 'model', value: { statementDigest: model.digest, signer } }
}

function pcrsOf({ values: file = '', bank: name = '' }: Options): Value {
  const bank = PcrBank.safeParse(name)
  if (!bank.success) throw new Usage('--bank must be sha256 or sha384.')
  const values = PcrValues.safeParse(readJson(file))
  if (!values.success) throw new Usage(`${file} must be like {"0": "<64 or 96 hexadecimal digits>", "7": …}.`)
  const byIndex = Object.entries(values.data).map(([index, value]) => [Number(index), value])
  return { $case: 'pcrs', value: { bank: bank.data, values: Object.fromEntries(byIndex) } }
}

const short = (digest: string): string => digest.slice(0, 12)

function rowOf({ id, blueprint, label, value, approvedBy, withdrawn, withdrawnBy }: ReferenceValue): string[] {
  const said = () => {
    if (value?.$case === 'composition') {
      const { program, prompt, toolManifest, model } = value.value
      return `program ${short(program)} prompt ${short(prompt)} tools ${short(toolManifest)} model ${short(model)}`
    }
    if (value?.$case === 'model')
      return `statement ${short(value.value.statementDigest)}${value.value.signer ? ` by ${value.value.signer}` : ''}`
    if (value?.$case === 'image') return `sha256:${short(value.value.digest)}`
    return value ? `${value.value.bank} of PCR ${Object.keys(value.value.values).join(' ')}` : ''
  }
  const by = withdrawn ? `${approvedBy}; withdrawn by ${withdrawnBy}` : approvedBy
  return [id, blueprint, value?.$case ?? '', said(), harmless(label), by]
}
