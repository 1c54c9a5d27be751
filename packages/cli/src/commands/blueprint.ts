/** Blueprints: made, listed, withdrawn, and who answers for them; and what their autonomous agents may do. */
import { CreateBlueprintRequest, GrantMandateRequest } from '@credence/contracts/gen/credence/identity/v1/identity'
import type { Command } from 'commander'
import { say, toJson } from '../print.ts'
import { readJson } from '../read-json.ts'
import type { Run } from '../run.ts'

const WHY = 'why; it goes into the record'

export function addBlueprintCommands(program: Command, run: Run): void {
  const blueprint = program.command('blueprint').description('classes of agents')
  blueprint
    .command('create <file>')
    .description('makes a blueprint from a JSON file; you become its sponsor')
    .action(
      run('sponsor', async ({ identity }, [file]) =>
        say(toJson(await identity.createBlueprint(CreateBlueprintRequest.fromPartial(readJson(file ?? ''))))),
      ),
    )
  blueprint.command('list').action(
    run('auditor', async ({ identity }) => {
      let pageToken = ''
      do {
        const page = await identity.listBlueprints({ pageSize: 500, pageToken })
        for (const { name, purpose, withdrawn } of page.blueprints)
          say(`${name}${withdrawn ? ' (withdrawn)' : ''}  ${purpose}`)
        pageToken = page.nextPageToken
      } while (pageToken)
    }),
  )
  blueprint
    .command('show <name>')
    .action(
      run('auditor', async ({ identity }, [name]) => say(toJson(await identity.getBlueprint({ name: name ?? '' })))),
    )
  blueprint
    .command('withdraw <name>')
    .description('no agent of it gets, passes on or uses anything, until it is restored')
    .requiredOption('--reason <text>', WHY)
    .action(
      run('sponsor', async ({ identity }, [name], { reason }) => {
        const { position } = await identity.withdrawBlueprint({ name: name ?? '', reason: reason ?? '' })
        say(`Withdrawn at ${position}.`)
      }),
    )
  blueprint
    .command('restore <name>')
    .description('brings back what had not otherwise ended')
    .requiredOption('--reason <text>', WHY)
    .action(
      run('sponsor', async ({ identity }, [name], { reason }) => {
        const { position } = await identity.restoreBlueprint({ name: name ?? '', reason: reason ?? '' })
        say(`Restored at ${position}.`)
      }),
    )
  blueprint
    .command('sponsor <name> [human]')
    .description('asks somebody (a pseudonym) to become its sponsor; without one, you accept what you were asked')
    .action(
      run('sponsor', async ({ identity }, [name, human]) => {
        if (human) {
          await identity.proposeSponsor({ name: name ?? '', sponsor: human })
          say(`${human} is asked, and is the sponsor once they accept.`)
        } else {
          const { blueprint: now } = await identity.acceptSponsorship({ name: name ?? '' })
          say(`You (${now?.sponsor}) answer for ${name}.`)
        }
      }),
    )

  const mandate = program.command('mandate').description('what autonomous agents may do')
  mandate
    .command('grant <blueprint>')
    .description('signs off what autonomous agents of a blueprint may do')
    .requiredOption('--details <file>', 'RFC 9396 authorization details, JSON')
    .requiredOption('--because <text>', 'the purpose; it goes into the record')
    .option('--hours <number>', 'how long', '8')
    .option('--depth <number>', 'how often it may be passed on', '0')
    .action(
      run('sponsor', async ({ identity }, [name], options) => {
        const answer = await identity.grantMandate(
          GrantMandateRequest.fromPartial({
            blueprint: name ?? '',
            authorizationDetails: readJson(options.details ?? ''),
            purpose: options.because ?? '',
            lifetimeSeconds: BigInt(Math.round(Number(options.hours) * 3600)),
            maximumDepth: Number(options.depth),
          }),
        )
        say(toJson(answer))
      }),
    )
  mandate
    .command('revoke <id>')
    .description('ends a mandate, and every delegation drawn from it')
    .requiredOption('--reason <text>', WHY)
    .action(
      run('sponsor', async ({ identity }, [id], { reason }) => {
        const { endedDelegationIds } = await identity.revokeMandate({ mandateId: id ?? '', reason: reason ?? '' })
        say(`Ended ${[id, ...endedDelegationIds].join(', ')}.`)
      }),
    )
}
