import { readFileSync } from 'node:fs'
import { CreateBlueprintRequest } from '@credence/contracts/gen/credence/identity/v1/identity'
import type { Command } from 'commander'
import { Usage } from '../failure.ts'
import { say, toJson } from '../print.ts'
import type { Run } from '../run.ts'

export function addIdentityCommands(program: Command, run: Run): void {
  const blueprint = program.command('blueprint').description('classes of agents')
  blueprint
    .command('create <file>')
    .description('makes a blueprint from a JSON file; you become its sponsor')
    .action(
      run('sponsor', async (clients, [file]) => {
        const answer = await clients.identity.createBlueprint(CreateBlueprintRequest.fromPartial(readJson(file ?? '')))
        say(toJson(answer))
      }),
    )
  blueprint
    .command('show <name>')
    .action(
      run('auditor', async (clients, [name]) => say(toJson(await clients.identity.getBlueprint({ name: name ?? '' })))),
    )

  const agent = program.command('agent').description('agent instances')
  agent
    .command('show <id>')
    .action(
      run('auditor', async (clients, [id]) =>
        say(toJson(await clients.identity.getAgent({ agentId: id ?? '', notBefore: [] }))),
      ),
    )
  agent
    .command('kill <id>')
    .description('ends an agent and everything below it, for good, from the next call on')
    .requiredOption('--reason <text>', 'why; it goes into the record')
    .action(
      run('security', async (clients, [id], options) => {
        const { endedAgentIds, position } = await clients.identity.revokeAgent({
          agentId: id ?? '',
          reason: options.reason ?? '',
        })
        say(`Ended ${endedAgentIds.join(', ')} at ${position}.`)
      }),
    )

  const delegation = program.command('delegation').description('what people let agents do')
  delegation
    .command('grant <agent>')
    .description('gives an agent a part of your authority')
    .requiredOption('--details <file>', 'RFC 9396 authorization details, JSON')
    .requiredOption('--because <text>', 'the purpose; it goes into the record')
    .option('--hours <number>', 'how long', '8')
    .option('--depth <number>', 'how often it may be passed on', '0')
    .action(
      run('me', async (clients, [agentId], options) => {
        const answer = await clients.identity.grantDelegation({
          agentId: agentId ?? '',
          authorizationDetails: readJson(options.details ?? '') as never,
          purpose: options.because ?? '',
          lifetimeSeconds: BigInt(Math.round(Number(options.hours) * 3600)),
          maximumDepth: Number(options.depth),
          notBefore: [],
          narrow: false,
        })
        say(toJson(answer))
      }),
    )
  delegation
    .command('revoke <id>')
    .requiredOption('--reason <text>', 'why; it goes into the record')
    .action(
      run('me', async (clients, [id], options) => {
        const { endedDelegationIds } = await clients.identity.revokeDelegation({
          delegationId: id ?? '',
          reason: options.reason ?? '',
        })
        say(`Ended ${endedDelegationIds.join(', ')}.`)
      }),
    )
}

export function readJson(file: string): never {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as never
  } catch {
    throw new Usage(`${file} cannot be read as JSON.`)
  }
}
