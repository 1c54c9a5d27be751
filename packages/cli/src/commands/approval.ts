/** Acts that wait for a person. */
import type { Approval } from '@credence/contracts/gen/credence/policy/v1/policy'
import type { Command } from 'commander'
import { harmless, say, toJson, toLines } from '../print.ts'
import type { Run } from '../run.ts'

export function addApprovalCommands(program: Command, run: Run): void {
  const approval = program.command('approval').description('acts that wait for a person')
  approval
    .command('list')
    .description('those that you may answer; all of them when you oversee')
    .option('--all', 'answered and expired ones too, the newest first')
    .option('--json', 'all that you may see of them, as JSON')
    .action(
      run('approver', async ({ policy }, _args, options) => {
        let pageToken = ''
        do {
          const page = await policy.listApprovals({ all: Boolean(options.all), pageSize: 100, pageToken })
          for (const one of page.approvals) say(options.json ? toJson(one) : lineOf(one))
          pageToken = page.nextPageToken
        } while (pageToken)
      }),
    )
  approval
    .command('show <id>')
    .description('what exactly is to be done, who asks, for whom, and why')
    .option('--json', 'as JSON')
    .action(
      run('approver', async ({ policy }, [approvalId = ''], options) => {
        const { approval: one } = await policy.getApproval({ approvalId, waitSeconds: 0, notBefore: [] })
        if (one) say(options.json ? toJson(one) : describe(one))
      }),
    )
  const answer = (name: string, description: string, approve: boolean) =>
    approval
      .command(`${name} <id>`)
      .description(description)
      .option('--comment <text>', 'why; kept beside the act, not in the record', '')
      .action(
        run('approver', async ({ policy }, [approvalId = ''], { comment = '' }) => {
          const { approval: one, position } = await policy.answerApproval({ approvalId, approve, comment })
          if (!one) return
          say(describe(one))
          say(`${approve ? 'Approved' : 'Refused'} at ${position}; it is ${word(one.state)}.`)
        }),
      )
  answer('approve', 'lets exactly this act happen, once, before the deadline', true)
  answer('refuse', 'ends it: this act will not happen', false)
}

const word = (state: string): string => state.replace('APPROVAL_STATE_', '').toLowerCase()
const resourceOf = ({ resource }: Approval): string => `${resource?.type ?? ''}::${resource?.id ?? ''}`

const lineOf = (one: Approval): string =>
  [
    one.id,
    word(one.state).padEnd(8),
    `${one.action} ${resourceOf(one)}`,
    ...(one.amount ? [`${one.amount.value} ${one.amount.currency}`] : []),
    `by ${one.agentId} for ${one.humanId}`,
    `until ${one.expiresAt?.toISOString() ?? ''}`,
  ].join('  ')

/** What the agent wrote stands last, under its own heading: nothing of it is checked. */
function describe(one: Approval): string {
  const { amount } = one
  const lines = toLines([
    ['approval', one.id],
    ['state', `${word(one.state)}, ${one.approvedBy.length} of ${one.persons} (${one.approver})`],
    ['action', one.action],
    ['resource', `${resourceOf(one)} (${one.resource?.sensitivity ?? ''})`],
    ['at', one.location],
    ['amount', amount && `${amount.value} ${amount.currency}`],
    ['arguments', harmless(one.arguments)],
    ['asked by', one.agentId],
    ['for', one.humanId],
    ['under', `${one.grantId}, because of ${one.policyId}`],
    ['approved by', one.approvedBy.join(', ')],
    ['refused by', one.refusedBy],
    ['deadline', one.expiresAt?.toISOString()],
  ])
  const words = toLines([
    ['task', harmless(one.purpose)],
    ['reason', harmless(one.statement)],
  ])
  return `${lines}\nThe agent says (not checked):\n${words || '  nothing'}`
}
