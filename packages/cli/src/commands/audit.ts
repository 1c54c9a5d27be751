import { readFileSync, writeFileSync } from 'node:fs'
import type { ExplainResponse, Explanation, LifeEvent } from '@credence/contracts/gen/credence/audit/v1/audit'
import type { Clients } from '@credence/sdk/clients'
import { verifyTlogProof } from '@credence/sdk/verify/tlog-proof'
import type { Command } from 'commander'
import { Usage } from '../failure.ts'
import { say, toJson, toLines } from '../print.ts'
import type { Run } from '../run.ts'

export function addAuditCommands(program: Command, run: Run): void {
  program
    .command('explain <id>')
    .description('what an agent (agt_…), a task (tsk_…) or a decision (dec_…) did, why, and who authorised it')
    .option('--json', 'print the answer as JSON')
    .action(
      run('auditor', async (clients, [id], options) => {
        const answer = await clients.audit.explain({ about: aboutOf(id ?? ''), notBefore: [] })
        say(options.json ? toJson(answer) : await explanationText(clients, answer))
      }),
    )
  const audit = program.command('audit').description('the trail, and its proofs')
  audit
    .command('records')
    .description('records of the trail, in its order')
    .option('--agent <id>', 'of one agent only', '')
    .option('--from <index>', 'first log index', '0')
    .action(
      run('auditor', async (clients, _, options) => {
        const page = { agentId: options.agent ?? '', firstLogIndex: BigInt(options.from ?? 0), pageSize: 100 }
        const { records } = await clients.audit.listRecords(page)
        for (const record of records)
          say(
            `${String(record.logIndex).padStart(6)}  ${record.time?.toISOString()}  ${record.type}  ${record.subject}`,
          )
      }),
    )
  audit
    .command('prove <index>')
    .description('writes a record and its inclusion proof to two files, which verify offline')
    .option('--out <name>', 'names the files <name>.json and <name>.tlog-proof')
    .action(
      run('auditor', async (clients, [index], options) => {
        const answer = await clients.audit.getInclusionProof({
          record: { $case: 'logIndex', value: BigInt(index ?? 0) },
        })
        const name = options.out ?? `record-${answer.logIndex}`
        writeFileSync(`${name}.json`, answer.entry)
        writeFileSync(`${name}.tlog-proof`, answer.proof)
        say(`Wrote ${name}.json and ${name}.tlog-proof. Verify them anywhere, offline:`)
        say(`  npm run -s credence -- audit verify ${name} --key "${answer.verifierKey}"`)
      }),
    )
  audit
    .command('verify <name>')
    .description('verifies <name>.json against <name>.tlog-proof and the log’s key, offline')
    .requiredOption('--key <vkey>', 'verifier key of the log (C2SP signed note)')
    .action((name: string, options: { key: string }) => {
      const proof = readFileSync(`${name}.tlog-proof`, 'utf8')
      const { index, size, origin } = verifyTlogProof(proof, readFileSync(`${name}.json`), options.key)
      say(
        `Verified: the record is number ${index} of ${size} in the log ${origin}, under a checkpoint signed by its key.`,
      )
    })
  audit
    .command('rebuild-index')
    .description('throws the ClickHouse index away and makes it anew from the trail')
    .action(
      run('security', async (clients) => {
        const { records } = await clients.audit.rebuildIndex({}, { deadlineMs: 600_000 })
        say(`Rebuilt: ${records} records.`)
      }),
    )
}

function aboutOf(id: string) {
  const kinds = { agt: 'agentId', tsk: 'taskId', dec: 'decisionId' } as const
  const $case = kinds[id.slice(0, 3) as keyof typeof kinds]
  if (!$case) throw new Usage('Name an agent (agt_…), a task (tsk_…) or a decision (dec_…).')
  return { $case, value: id }
}

/** The answer as a story, with people's names joined from the directory. */
export async function explanationText(clients: Clients, answer: ExplainResponse): Promise<string> {
  const names = new Map<string, string>()
  for (const id of new Set(answer.explanations.flatMap(({ human, sponsor }) => [human, sponsor]).filter(Boolean)))
    names.set(id, await nameOf(clients, id))
  const life = answer.life.map(lifeText).join('\n')
  return [life, ...answer.explanations.map((line) => explanationLines(line, names))].filter(Boolean).join('\n\n')
}

async function nameOf(clients: Clients, humanId: string): Promise<string> {
  const found = await clients.identity.describeHuman({ humanId }).catch(() => undefined)
  return found?.displayName ? `${found.displayName} (${humanId})` : humanId
}

const lifeText = ({ time, summary, logIndex }: LifeEvent): string =>
  `  ${time?.toISOString()}  ${summary}  [#${logIndex}]`

function explanationLines(line: Explanation, names: Map<string, string>): string {
  const reasons = line.reasons.length > 0 ? `: ${line.reasons.join(', ')}` : ''
  const person = (id: string) => names.get(id) ?? id
  return toLines([
    [
      'effect',
      line.effect
        ? `${line.effect} (${line.agreement})${line.effectLogIndex >= 0n ? `  [#${line.effectLogIndex}]` : ''}`
        : `none seen (${line.agreement})`,
    ],
    [
      '← decision',
      `${line.decision}${reasons}  ${line.action} on ${line.resource}, from ${line.location}  [#${line.decisionLogIndex}]`,
    ],
    ['← grant', line.grantId],
    ['← task', line.taskId && `${line.taskId} “${line.taskPurpose}”`],
    ['← trigger', line.triggerType && `${line.triggerType} ${line.triggerId} from ${line.triggerSource}`],
    [
      '← delegation',
      line.delegationIds.length > 0 ? `${line.delegationIds.join(' ← ')} “${line.delegationPurpose}”` : undefined,
    ],
    ['← human', line.human && person(line.human)],
    ['agent', `${line.agentId} (${line.blueprint}), sponsor ${person(line.sponsor)}`],
    ['model', line.model && `${line.model} sha256:${line.modelDigest.slice(0, 16)}…`],
    ['attestation', line.attestationResultId && `${line.attestationStatus} (${line.attestationResultId})`],
    ['policy', line.policyVersion && `version ${line.policyVersion.slice(0, 16)}… ${line.policyIds.join(', ')}`],
  ])
}
