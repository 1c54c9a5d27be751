/** What an agent showed last, and the commands that say what it has to show. */
import type { GetResultResponse } from '@credence/contracts/gen/credence/attestation/v1/attestation'
import type { Command } from 'commander'
import { statusWord } from '../attestation/profile-file.ts'
import { toTable } from '../attestation/words.ts'
import { harmless, say, toJson, toLines } from '../print.ts'
import type { Run } from '../run.ts'
import { addAnchorCommands } from './anchor.ts'
import { addMeasurementCommands } from './measurement.ts'
import { addProfileCommands } from './profile.ts'
import { addReferenceCommands } from './reference.ts'

export function addAttestationCommands(program: Command, run: Run): void {
  addProfileCommands(program, run)
  addReferenceCommands(program, run)
  addAnchorCommands(program, run)
  addMeasurementCommands(program, run)
  program
    .command('attestation')
    .description('attestation results')
    .command('show <agent>')
    .description('what an agent showed last, and what came of it')
    .option('--json', 'as JSON, with all claims')
    .action(
      run('auditor', async ({ attestation }, [agentId = ''], { json }) => {
        const result = await attestation.getResult({ agentId, notBefore: [] })
        say(json ? toJson(result) : textOf(result, new Date()))
      }),
    )
}

function textOf(result: GetResultResponse, now: Date): string {
  const { accepted, revoked, expiresAt, evidence, sufficient } = result
  const until = expiresAt?.toISOString() ?? ''
  const standing = () => {
    if (!accepted) return 'refused: the agent gets nothing on it'
    if (revoked) return `revoked (${revoked}): the agent gets nothing on it until it attests again`
    return expiresAt && expiresAt > now ? `accepted, counts until ${until}` : `expired at ${until}`
  }
  const pieces = evidence.map(({ kind, status, reasons, measuredAt }) => [
    kind,
    statusWord(status),
    measuredAt?.toISOString() ?? '',
    reasons.map((reason) => reason.replace(`${kind}/`, '')).join(', '),
  ])
  const claims = evidence.flatMap((piece) => vectorLines(piece))
  return [
    `${result.resultId}: ${statusWord(result.status)}, ${standing()}`,
    toLines([
      ['agent', result.agentId],
      ['recorded', result.recordedAt?.toISOString()],
      ['profile', result.profileVersion ? `version ${result.profileVersion}` : 'none was active'],
      [
        'enough for',
        sufficient.map((one) => `${one.sensitivity} until ${one.expiresAt?.toISOString()}`).join('; ') || 'nothing',
      ],
      ['because', result.reasons.map(harmless).join(', ')],
      ['references', result.references.join(' ')],
      ['anchors', result.anchors.join(' ')],
    ]),
    '',
    toTable(['evidence', 'status', 'measured', 'because'], pieces),
    ...(claims.length > 0 ? ['', 'trust claims (AR4SI)', ...claims] : []),
  ].join('\n')
}

/** AR4SI §2.3.2: the tier of a claim’s value. */
function tierOf(value: number): string {
  if (value >= -1 && value <= 1) return 'none'
  if (value >= -32 && value <= 31) return 'affirming'
  return value >= -96 && value <= 95 ? 'warning' : 'contraindicated'
}

const vectorLines = ({ kind, trustworthinessVector }: GetResultResponse['evidence'][number]): string[] =>
  Object.entries(trustworthinessVector).map(
    ([category, value]) => `  ${category} ${value} (${tierOf(value)}), by ${kind}`,
  )
