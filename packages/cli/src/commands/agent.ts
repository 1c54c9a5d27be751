/** Agents: found, held, restored, ended. */
import { ListAgentsRequest } from '@credence/contracts/gen/credence/identity/v1/identity'
import type { Clients } from '@credence/sdk/clients'
import type { Command } from 'commander'
import { Usage } from '../failure.ts'
import { say, toJson } from '../print.ts'
import type { Options, Run } from '../run.ts'

const WHY = 'why; it goes into the record'

export function addAgentCommands(program: Command, run: Run): void {
  const agent = program.command('agent').description('agent instances')
  agent
    .command('list')
    .description('finds agents, the longest registered first: --where state=active labels.team=billing purpose=Sorts*')
    .option('--where <field=value...>', 'all must fit; a star at the end of a value stands for any end')
    .option('--unused-days <number>', 'those that got no token for so long')
    .option('--without-sponsor', 'those whose sponsor has left')
    .option('--without-owner', 'those whose owner has left')
    .option('--json', 'all that is known of them, as JSON')
    .action(
      run('auditor', async ({ identity }, _args, options) => {
        const filter = filterOf(options)
        let pageToken = ''
        do {
          const page = await identity.listAgents(ListAgentsRequest.fromPartial({ filter, pageSize: 500, pageToken }))
          for (const one of page.agents)
            say(
              options.json ? toJson(one) : `${one.id}  ${word(one.state).padEnd(11)}  ${one.blueprint}  ${one.purpose}`,
            )
          pageToken = page.nextPageToken
        } while (pageToken)
      }),
    )
  agent
    .command('show <id>')
    .action(
      run('auditor', async ({ identity }, [id]) =>
        say(toJson(await identity.getAgent({ agentId: id ?? '', notBefore: [] }))),
      ),
    )
  const change = (name: string, session: string, description: string, by: Change) =>
    agent
      .command(`${name} <id>`)
      .description(description)
      .requiredOption('--reason <text>', WHY)
      .action(
        run(session, async ({ identity }, [id], options) => {
          const { agent: now, position } = await by(identity, { agentId: id ?? '', reason: options.reason ?? '' })
          say(`${id} is ${word(now?.state ?? '')} at ${position}.`)
        }),
      )
  change('suspend', 'security', 'holds an agent until it is restored', (identity, about) =>
    identity.suspendAgent(about),
  )
  change('quarantine', 'security', 'holds an agent that is suspected', (identity, about) =>
    identity.quarantineAgent(about),
  )
  change('restore', 'security', 'lifts a suspension or a quarantine', (identity, about) => identity.restoreAgent(about))

  const end = (name: string, session: string, description: string, by: End) =>
    agent
      .command(`${name} <id>`)
      .description(description)
      .requiredOption('--reason <text>', WHY)
      .action(
        run(session, async ({ identity }, [id], options) => {
          const { endedAgentIds, position } = await by(identity, { agentId: id ?? '', reason: options.reason ?? '' })
          say(`Ended ${endedAgentIds.join(', ')} at ${position}.`)
        }),
      )
  end('retire', 'sponsor', 'its work is done: ends it and everything below it, for good', (identity, about) =>
    identity.retireAgent(about),
  )
  end('kill', 'security', 'ends an agent and everything below it, for good, from the next call on', (identity, about) =>
    identity.revokeAgent(about),
  )
}

type About = { agentId: string; reason: string }
type Identity = Clients['identity']
type Change = (identity: Identity, about: About) => ReturnType<Identity['suspendAgent']>
type End = (identity: Identity, about: About) => ReturnType<Identity['revokeAgent']>

const word = (state: string): string => state.replace('AGENT_STATE_', '').toLowerCase()

function filterOf(options: Options) {
  const days = options.unusedDays === undefined ? undefined : Number(options.unusedDays)
  if (days !== undefined && !(days >= 0)) throw new Usage('--unused-days must be a number of days.')
  const terms = [options.where ?? []].flat().map((term) => {
    const at = term.indexOf('=')
    if (at < 1) throw new Usage(`--where ${term}: must be like state=active`)
    return { field: term.slice(0, at), value: term.slice(at + 1) }
  })
  return {
    terms,
    ...(days === undefined ? {} : { unusedSince: new Date(Date.now() - days * 86_400_000) }),
    withoutSponsor: Boolean(options.withoutSponsor),
    withoutOwner: Boolean(options.withoutOwner),
  }
}
