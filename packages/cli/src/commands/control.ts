/** Named networks and attestation, as security operators and sponsors use them. */
import { AttestationStatus } from '@credence/contracts/gen/credence/attestation/v1/attestation'
import { measure } from '@credence/sdk/agent/measure'
import type { Command } from 'commander'
import { say, toJson } from '../print.ts'
import type { Run } from '../run.ts'

export function addControlCommands(program: Command, run: Run): void {
  program
    .command('location')
    .description('named networks')
    .command('define <name>')
    .description('names a network for conditions')
    .requiredOption('--range <cidr...>', 'IPv4 or IPv6 ranges')
    .option('--trusted', 'sensitive data may be used from there')
    .action(
      run('security', async (clients, [name], options) => {
        const ranges = [options.range ?? []].flat()
        say(
          toJson(await clients.policy.defineLocation({ name: name ?? '', ranges, trusted: Boolean(options.trusted) })),
        )
      }),
    )
  program
    .command('profile')
    .description('what evidence is needed')
    .command('define <blueprint>')
    .description('what evidence agents of a blueprint must show')
    .option('--hours <number>', 'how long a result counts', '12')
    .action(
      run('security', async (clients, [blueprint], options) => {
        const answer = await clients.attestation.defineProfile({
          blueprint: blueprint ?? '',
          requiredKinds: ['software'],
          worstAcceptableStatus: AttestationStatus.ATTESTATION_STATUS_WARNING,
          maximumAgeSeconds: BigInt(Math.round(Number(options.hours) * 3600)),
        })
        say(`Version ${answer.version}.`)
      }),
    )
  program
    .command('reference')
    .description('approved compositions')
    .command('approve <blueprint>')
    .description('approves what an agent is made of, measured from its files')
    .requiredOption('--program <file>')
    .requiredOption('--prompt <file>')
    .requiredOption('--tools <file>')
    .requiredOption('--model <file>')
    .requiredOption('--label <text>', 'what to call it')
    .action(
      run('security', async (clients, [blueprint], options) => {
        const { program: code, prompt, tools, model, label } = options as Record<string, string>
        const files = { program: code ?? '', prompt: prompt ?? '', toolManifest: tools ?? '', model: model ?? '' }
        const measured = await measure(files)
        const composition = { ...measured, toolManifest: measured.tool_manifest }
        const answer = await clients.attestation.approveReferenceValue({
          blueprint: blueprint ?? '',
          composition,
          label: label ?? '',
        })
        say(`Approved as ${answer.referenceId}.`)
      }),
    )
}
