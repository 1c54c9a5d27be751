/** Policies as code, from a draft to the active version; and their test cases, which need no server. */
import { readFileSync } from 'node:fs'
import type { Finding, PoliciesVersion } from '@credence/contracts/gen/credence/policy/v1/policy'
import { FolderError, testFolder } from '@credence/policies/cases/folder'
import type { Command } from 'commander'
import { EXIT, Usage } from '../failure.ts'
import { say, toJson, toLines } from '../print.ts'
import type { Run } from '../run.ts'

/** Ten thousand policies are checked in some seconds, on a busy machine in more. */
const PATIENT = { deadlineMs: 150_000 }

export function addPolicyCommands(program: Command, run: Run): void {
  const policy = program.command('policy').description('Cedar policies: drafted, checked, signed off, active')
  policy
    .command('draft <file>')
    .description('keeps the policies in a file as a new version')
    .option('--schema <file>', 'Cedar schema of your own resource types and actions')
    .option('--comment <text>', 'why, for those who sign off', '')
    .action(
      run('security', async ({ policy: service }, [file = ''], { schema, comment = '' }) => {
        const texts = { cedar: readText(file), schema: schema ? readText(schema) : '' }
        const { version } = await service.draftPolicies({ ...texts, comment }, PATIENT)
        say(version)
      }),
    )
  policy
    .command('validate <version>')
    .description('checks a draft: syntax, types, lint')
    .action(
      run('security', async ({ policy: service }, [version = '']) => {
        const { valid, findings, policyIds } = await service.validatePolicies({ version }, PATIENT)
        for (const finding of findings) say(lineOfFinding(finding))
        say(valid ? `Valid: ${policyIds.length} policies.` : 'Not valid: it stays a draft.')
        if (!valid) process.exitCode = EXIT.error
      }),
    )
  policy
    .command('report <version>')
    .description('decides and records by it beside the active version, and enforces nothing')
    .option('--stop', 'no longer')
    .action(
      run('security', async ({ policy: service }, [version = ''], { stop }) => {
        await service.reportPolicies({ version, report: !stop }, PATIENT)
        say(stop ? 'No longer in report-only.' : 'In report-only: its decisions are recorded, and not enforced.')
      }),
    )
  policy
    .command('sign-off <version>')
    .description('agrees, as the second person')
    .option('--comment <text>', 'what you looked at', '')
    .action(
      run('reviewer', async ({ policy: service }, [version = ''], { comment = '' }) => {
        await service.signOffPolicies({ version, comment })
        say('Signed off.')
      }),
    )
  policy
    .command('activate <version>')
    .description('makes a version that was signed off the active one, at once')
    .action(
      run('security', async ({ policy: service }, [version = '']) => {
        const { previous } = await service.activatePolicies({ version }, PATIENT)
        say(previous ? `Active. To go back: credence policy activate ${previous}` : 'Active.')
      }),
    )
  policy
    .command('retire <version>')
    .description('ends a version that is not in use, for good')
    .action(
      run('security', async ({ policy: service }, [version = '']) => {
        await service.retirePolicies({ version })
        say('Retired.')
      }),
    )
  policy
    .command('list')
    .description('versions, the newest first')
    .option('--json', 'as JSON')
    .action(
      run('security', async ({ policy: service }, _args, { json }) => {
        let pageToken = ''
        do {
          const page = await service.listPolicies({ pageSize: 100, pageToken })
          for (const one of page.versions) say(json ? toJson(one) : lineOfVersion(one))
          pageToken = page.nextPageToken
        } while (pageToken)
      }),
    )
  policy
    .command('show [version]')
    .description('one version with its text; without a name, the active one')
    .option('--schema', 'the whole schema instead of the policies')
    .option('--json', 'all of it, as JSON')
    .action(
      run('security', async ({ policy: service }, [version = ''], { schema, json }) => {
        const found = await service.getPolicies({ version }, PATIENT)
        if (json) return say(toJson(found))
        if (found.policies) say(describe(found.policies))
        say(`\n${schema ? found.wholeSchema : found.cedar}`)
      }),
    )
  policy
    .command('diff <from> <to>')
    .description('what differs between two versions, policy by policy')
    .action(
      run('security', async ({ policy: service }, [from = '', to = '']) => {
        const { changes, schemaChanged } = await service.diffPolicies({ from, to }, PATIENT)
        for (const { policyId, change, before, after } of changes)
          say([`${change} ${policyId}`, ...marked('-', before), ...marked('+', after)].join('\n'))
        if (schemaChanged) say('The schema differs.')
        if (changes.length === 0 && !schemaChanged) say('No policy differs.')
      }),
    )
  policy
    .command('test <folder>')
    .description('runs the *.cases.json of a folder against its policies.cedar, without a server')
    .action(async (folder: string) => {
      if (!(await test(folder))) process.exitCode = EXIT.error
    })
}

/** @returns whether everything is as it should be */
async function test(folder: string): Promise<boolean> {
  const { version, findings, files } = await testFolder(folder).catch((error) => {
    throw error instanceof FolderError ? new Usage(error.message) : error
  })
  for (const { policy, ...finding } of findings) say(lineOfFinding({ ...finding, policyId: policy }))
  const count = { passed: 0, failed: 0 }
  for (const { file, results } of files) {
    say(file)
    for (const { name, differences } of results) {
      const passed = differences.length === 0
      count[passed ? 'passed' : 'failed']++
      say([`  ${passed ? 'pass' : 'FAIL'}  ${name}`, ...differences.map((line) => `        ${line}`)].join('\n'))
    }
  }
  const broken = findings.some(({ severity }) => severity === 'error')
  say(
    broken
      ? 'The policies do not pass the checks.'
      : `${count.passed} passed, ${count.failed} failed; version ${version}`,
  )
  return !broken && count.failed === 0
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    throw new Usage(`${file} cannot be read.`)
  }
}

const lineOfFinding = ({ severity, code, policyId, message }: Finding): string =>
  `${severity}  ${code}  ${policyId ? `${policyId}: ` : ''}${message}`

const stateOf = ({ state }: PoliciesVersion): string =>
  state.replace('POLICIES_STATE_', '').toLowerCase().replace('_', '-')

const lineOfVersion = (one: PoliciesVersion): string =>
  [one.version, stateOf(one).padEnd(11), one.signedOff ? 'signed off' : '          ', one.comment].join('  ').trimEnd()

const describe = (one: PoliciesVersion): string =>
  toLines([
    ['version', one.version],
    ['state', stateOf(one)],
    ['drafted', one.draftedAt?.toISOString()],
    ['author', one.author],
    ['signed off by', one.signedOffBy],
    ['comment', one.comment],
    ['policies', one.policyCount ? String(one.policyCount) : ''],
    ['findings', one.findings.map(lineOfFinding).join('; ')],
  ])

const marked = (mark: string, text: string): string[] =>
  text ? text.split('\n').map((line) => `  ${mark} ${line}`) : []
