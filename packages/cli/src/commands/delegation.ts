/** What people let agents do. */
import { GrantDelegationRequest } from '@credence/contracts/gen/credence/identity/v1/identity'
import type { Command } from 'commander'
import { say, toJson } from '../print.ts'
import { readJson } from '../read-json.ts'
import type { Run } from '../run.ts'

export function addDelegationCommands(program: Command, run: Run): void {
  const delegation = program.command('delegation').description('what people let agents do')
  delegation
    .command('grant <agent>')
    .description('gives an agent a part of your authority')
    .requiredOption('--details <file>', 'RFC 9396 authorization details, JSON')
    .requiredOption('--because <text>', 'the purpose; it goes into the record')
    .option('--hours <number>', 'how long', '8')
    .option('--depth <number>', 'how often it may be passed on', '0')
    .option('--narrow', 'what does not fit is cut away and told, instead of refused')
    .action(
      run('me', async ({ identity }, [agentId], options) => {
        const answer = await identity.grantDelegation(
          GrantDelegationRequest.fromPartial({
            agentId: agentId ?? '',
            authorizationDetails: readJson(options.details ?? ''),
            purpose: options.because ?? '',
            lifetimeSeconds: BigInt(Math.round(Number(options.hours) * 3600)),
            maximumDepth: Number(options.depth),
            narrow: Boolean(options.narrow),
          }),
        )
        say(toJson(answer))
      }),
    )
  delegation
    .command('list')
    .description('yours; of an agent or another person when you oversee')
    .option('--agent <id>', 'those that this agent holds', '')
    .option('--human <id>', 'those of this person (a pseudonym)', '')
    .option('--live', 'without those that no longer count')
    .action(
      run('me', async ({ identity }, _args, options) => {
        const about = { humanId: options.human ?? '', agentId: options.agent ?? '', liveOnly: Boolean(options.live) }
        let pageToken = ''
        do {
          const page = await identity.listDelegations({ ...about, pageSize: 500, pageToken })
          for (const { id, agentId, end, expiresAt, purpose } of page.delegations)
            say(`${id}  ${agentId}  ${end || `until ${expiresAt?.toISOString()}`}  ${purpose}`)
          pageToken = page.nextPageToken
        } while (pageToken)
      }),
    )
  delegation
    .command('show <id>')
    .action(
      run('me', async ({ identity }, [id]) =>
        say(toJson(await identity.getDelegation({ delegationId: id ?? '', notBefore: [] }))),
      ),
    )
  delegation
    .command('revoke <id>')
    .requiredOption('--reason <text>', 'why; it goes into the record')
    .action(
      run('me', async ({ identity }, [id], options) => {
        const { endedDelegationIds } = await identity.revokeDelegation({
          delegationId: id ?? '',
          reason: options.reason ?? '',
        })
        say(`Ended ${endedDelegationIds.join(', ')}.`)
      }),
    )
}
