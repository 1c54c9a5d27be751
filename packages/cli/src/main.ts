#!/usr/bin/env node
/** credence: the command line. */
import { Command } from 'commander'
import { addApprovalCommands } from './commands/approval.ts'
import { addAttestAgentCommand } from './commands/attest-agent.ts'
import { addAttestationCommands } from './commands/attestation.ts'
import { addAuditCommands } from './commands/audit.ts'
import { addControlCommands } from './commands/control.ts'
import { addDecisionCommands } from './commands/decision.ts'
import { addIdentityCommands } from './commands/identity.ts'
import { addManifestCommands } from './commands/manifest.ts'
import { addPolicyCommands } from './commands/policy.ts'
import { addRiskCommands } from './commands/risk.ts'
import { addTpmCommands } from './commands/tpm.ts'
import { EXIT, explainFailure } from './failure.ts'
import { logIn } from './login.ts'
import { say } from './print.ts'
import { openProfile, saveSession } from './profile.ts'
import { createRun } from './run.ts'

// A reader that has seen enough (`| head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) =>
  process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.error),
)

const program = new Command('credence')
  .description('Identity, just-in-time permission, attestation and provable audit for AI agents')
  .option('--session <name>', 'speak as the person who logged in under this name')
  .exitOverride()
  .configureOutput({ outputError: (text, write) => write(text) })

program
  .command('login')
  .description('log in at the enterprise identity provider')
  .action(async () => {
    const name = program.opts<{ session?: string }>().session ?? 'me'
    const located = openProfile()
    const session = await logIn(located.profile, (url) => say(`Open this page in your browser:\n\n  ${url}\n`))
    saveSession(located, name, session)
    say(`Logged in as session "${name}" until ${session.expires_at}.`)
  })

const run = createRun(program)
addIdentityCommands(program, run)
addControlCommands(program, run)
addAttestationCommands(program, run)
addAttestAgentCommand(program)
addManifestCommands(program)
addTpmCommands(program, run)
addPolicyCommands(program, run)
addApprovalCommands(program, run)
addRiskCommands(program, run)
addDecisionCommands(program, run)
addAuditCommands(program, run)

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof Error && 'exitCode' in error) process.exit(error.exitCode === 0 ? EXIT.ok : EXIT.usage)
  const { text, code } = explainFailure(error)
  process.stderr.write(`${text}\n`)
  process.exit(code)
}
