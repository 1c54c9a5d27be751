/** Decisions made again, and the grants that they are about. */
import type { Command } from 'commander'
import { EXIT } from '../failure.ts'
import { harmless, say, toJson, toLines } from '../print.ts'
import type { Run } from '../run.ts'

export function addDecisionCommands(program: Command, run: Run): void {
  const decision = program.command('decision').description('decisions, made again from what was recorded')
  decision
    .command('replay <decision>')
    .description('recomputes a decision from its record, the policies and what it knew; it must come out the same')
    .option(
      '--position <place>',
      'where its record lies, like DECISIONS:123; without it, it is searched among the newest',
      '',
    )
    .option('--json', 'as JSON')
    .action(
      run('auditor', async ({ policy }, [decisionId = ''], options) => {
        const answer = await policy.replayDecision(
          { decisionId, position: options.position ?? '' },
          { deadlineMs: 60_000 },
        )
        if (!answer.agrees) process.exitCode = EXIT.error
        if (options.json) return say(toJson(answer))
        const { agrees, recordedOutcome, recordedReasons, recomputedOutcome, recomputedReasons, differences } = answer
        say(agrees ? `${decisionId} comes out the same again.` : `${decisionId} does NOT come out the same again.`)
        say(
          toLines([
            ['recorded', [recordedOutcome, ...recordedReasons].join(' ')],
            ['recomputed', [recomputedOutcome, ...recomputedReasons].join(' ')],
            ['policies', answer.policyVersion],
            ['engine', answer.engine],
            ['snapshot', answer.snapshotDigest],
          ]),
        )
        for (const difference of differences) say(`  ✗ ${harmless(difference)}`)
      }),
    )

  const grant = program.command('grant').description('what agents may do now, task by task')
  grant
    .command('list')
    .description('live grants, the newest first')
    .option('--agent <id>', 'of this agent only', '')
    .option('--all', 'ended and expired ones too')
    .option('--json', 'as JSON')
    .action(
      run('security', async ({ policy }, _args, options) => {
        const answer = await policy.listGrants({
          agentId: options.agent ?? '',
          all: Boolean(options.all),
          pageSize: 0,
          pageToken: '',
        })
        if (options.json) return say(toJson(answer))
        if (answer.grants.length === 0) say('There is none.')
        for (const { grant: one, agentId, purpose, ended, uses } of answer.grants) {
          say(
            `${one?.id}  ${agentId}  ${ended || `until ${one?.expiresAt?.toISOString() ?? ''}`}  ${harmless(purpose)}`,
          )
          for (const [index, { actions, resources, locations, limits }] of (
            one?.authorizationDetails ?? []
          ).entries()) {
            const use = uses.find(({ detail }) => detail === index)
            const used =
              use &&
              ` (used ${use.count}${limits?.count ? ` of ${limits.count}` : ''}${use.total ? `, ${use.total.value} ${use.total.currency}` : ''})`
            say(`  ${actions.join(' ')} on ${resources.join(' ')} at ${locations.join(' ')}${used ?? ''}`)
          }
        }
        if (answer.nextPageToken) say('There are more; --json names the page.')
      }),
    )
}
