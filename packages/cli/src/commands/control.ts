/** Named networks, as security operators use them. */
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
}
