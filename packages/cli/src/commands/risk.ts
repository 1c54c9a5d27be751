/** What speaks against agents. */
import { RiskLevel } from '@credence/contracts/gen/credence/policy/v1/policy'
import type { Command } from 'commander'
import { Usage } from '../failure.ts'
import { harmless, say, toJson } from '../print.ts'
import type { Run } from '../run.ts'

const LEVELS = ['low', 'medium', 'high', 'critical']

export function addRiskCommands(program: Command, run: Run): void {
  const risk = program.command('risk').description('what speaks against agents')
  risk
    .command('raise <agent>')
    .description('says that something speaks against an agent; decisions know it at once')
    .requiredOption('--code <word>', 'what it is about, like unusual_hours; the same again replaces it')
    .requiredOption('--level <level>', LEVELS.join(', '))
    .requiredOption('--because <text>', 'for people; it goes into the record')
    .option('--decay-hours <number>', 'after so long it counts one level less', '24')
    .action(
      run('security', async ({ policy }, [agentId = ''], options) => {
        const { level: name = '', code = '', because = '' } = options
        if (!LEVELS.includes(name)) throw new Usage(`--level must be one of ${LEVELS.join(', ')}.`)
        const { level, position } = await policy.raiseRisk({
          agentId,
          code,
          level: RiskLevel[`RISK_LEVEL_${name.toUpperCase()}` as keyof typeof RiskLevel],
          explanation: because,
          decaySeconds: secondsOf(options.decayHours),
        })
        say(`The risk of ${agentId} is ${word(level)} at ${position}.`)
      }),
    )
  risk
    .command('clear <agent>')
    .description('takes a signal back')
    .requiredOption('--code <word>', 'as it was raised')
    .option('--source <id>', 'who raised it: a SPIFFE ID or a pseudonym; without it, you', '')
    .action(
      run('security', async ({ policy }, [agentId = ''], { code = '', source = '' }) => {
        const { position } = await policy.clearRisk({ agentId, code, source })
        say(`Cleared at ${position}.`)
      }),
    )
  risk
    .command('show <agent>')
    .description('the risk of an agent now, with what still counts')
    .option('--json', 'as JSON')
    .action(
      run('security', async ({ policy }, [agentId = ''], options) => {
        const answer = await policy.getRisk({ agentId, notBefore: [] })
        if (options.json) return say(toJson(answer))
        say(word(answer.level))
        for (const { code, level, source, raisedAt, decaySeconds, explanation } of answer.signals)
          say(
            `  ${code}  ${word(level)} since ${raisedAt?.toISOString() ?? ''}, one less each ${decaySeconds} s  ${source}  ${harmless(explanation)}`,
          )
      }),
    )
}

const word = (level: string): string =>
  level.endsWith('UNSPECIFIED') ? 'none' : level.replace('RISK_LEVEL_', '').toLowerCase()

function secondsOf(hours: string | undefined): bigint {
  const seconds = Math.round(Number(hours) * 3_600)
  if (!(seconds >= 1)) throw new Usage('--decay-hours must be a number of hours, at least 0.001.')
  return BigInt(seconds)
}
