/** What evidence agents of a blueprint must show: written down, tried on the running agents, activated. */
import type { Command } from 'commander'
import { readProfile, toFile } from '../attestation/profile-file.ts'
import { lifeWord, profileText, toTable } from '../attestation/words.ts'
import { EXIT, Usage } from '../failure.ts'
import { say, toJson } from '../print.ts'
import type { Run } from '../run.ts'

export function addProfileCommands(program: Command, run: Run): void {
  const profile = program.command('profile').description('what evidence agents must show before they get anything')
  profile
    .command('define <file>')
    .description('writes the next version of a blueprint’s profile from a JSON file; it counts once it is activated')
    .action(
      run('security', async ({ attestation }, [file = '']) => {
        const defined = readProfile(file)
        const { version } = await attestation.defineProfile({ profile: defined })
        const { blueprint } = defined
        say(`Version ${version} of ${blueprint}. It does not count yet.`)
        say(`See which running agents would fail: credence profile preview ${blueprint} ${version}`)
        say(`Let it count:                        credence profile activate ${blueprint} ${version}`)
      }),
    )
  profile
    .command('preview <blueprint> <version>')
    .description('which running agents would not meet a version; ends with 1 when there are any')
    .option('--json', 'as JSON')
    .action(
      run('security', async ({ attestation }, [blueprint = '', version], { json }) => {
        const answer = await attestation.previewProfile({ blueprint, version: numberOf(version) })
        const { agents, failing } = answer
        if (failing.length > 0) process.exitCode = EXIT.error
        if (json) return say(toJson(answer))
        if (agents === 0) return say('No agent of it runs: none would fail.')
        say(`${failing.length} of ${agents} running agents would fail${failing.length > 0 ? ':' : '.'}`)
        if (failing.length > 0)
          say(
            toTable(
              ['agent', 'because'],
              failing.map(({ agentId, reasons }) => [agentId, reasons.join(', ')]),
            ),
          )
      }),
    )
  profile
    .command('activate <blueprint> <version>')
    .description('lets a version count; running agents that do not meet it are suspended until they do')
    .action(
      run('security', async ({ attestation }, [blueprint = '', version]) => {
        const { position } = await attestation.activateProfile({ blueprint, version: numberOf(version) })
        say(`Version ${version} of ${blueprint} counts from ${position} on.`)
      }),
    )
  profile
    .command('list <blueprint>')
    .description('versions, the newest first')
    .option('--json', 'as JSON')
    .action(
      run('security', async ({ attestation }, [blueprint = ''], { json }) => {
        const { profiles } = await attestation.listProfiles({ blueprint })
        if (json) return say(toJson(profiles))
        if (profiles.length === 0) return say(`${blueprint} has no profile: none of its agents can attest.`)
        const rows = profiles.map((one) => [
          String(one.version),
          one.active ? 'active' : '',
          lifeWord(one.maximumAgeSeconds),
          one.definedBy,
          one.activatedBy,
        ])
        say(toTable(['version', 'state', 'counts for', 'defined by', 'activated by'], rows))
      }),
    )
  profile
    .command('show <blueprint> [version]')
    .description('the active version, or another one')
    .option('--json', 'as a file that can be edited and defined again')
    .action(
      run('security', async ({ attestation }, [blueprint = '', version], { json }) => {
        const { profiles } = await attestation.listProfiles({ blueprint })
        const found = profiles.find((one) => (version ? one.version === numberOf(version) : one.active))
        if (!found) throw new Usage(`There is no ${version ? `version ${version}` : 'active profile'} of ${blueprint}.`)
        say(json ? toJson(toFile(found)) : profileText(found))
      }),
    )
}

function numberOf(text: string | undefined): number {
  const version = Number(text)
  if (!Number.isSafeInteger(version) || version < 1) throw new Usage(`"${text}" is no version: 1, 2, 3, …`)
  return version
}
