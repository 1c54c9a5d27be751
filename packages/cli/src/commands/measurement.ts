/** Digests that no agent may run on, and what the digest of something is. */
import { statSync } from 'node:fs'
import { createHashing } from '@credence/attester/hashing/hashing'
import { filesIn, folderDigest } from '@credence/attester/measure/model'
import { MeasureError } from '@credence/attester/measure-error'
import { toolManifestDigest } from '@credence/contracts/attestation/tools'
import type { Command } from 'commander'
import { showProgress } from '../attestation/progress.ts'
import { toTable, touched } from '../attestation/words.ts'
import { Usage } from '../failure.ts'
import { digestIn, toolsIn } from '../measured-parts.ts'
import { harmless, say, toJson } from '../print.ts'
import type { Run } from '../run.ts'

const WHY = 'why; it goes into the record'

export function addMeasurementCommands(program: Command, run: Run): void {
  const measurement = program.command('measurement').description('digests of what agents run on')
  measurement
    .command('of <paths...>')
    .description('measures files, and folders as models, as an attester does; needs no server')
    .option('--tools', 'they are tools (answers to tools/list): one digest over their definitions, and one for each')
    .option('--follow-links', 'in folders, measure what symbolic links lead to')
    .action(async (paths: string[], { tools, followLinks }: { tools?: boolean; followLinks?: boolean }) => {
      for (const path of paths) {
        if (!tools) say(`${await digestOf(path, followLinks ?? false)}  ${path}`)
        else {
          const all = toolsIn(path)
          say(`${toolManifestDigest(all)}  ${path}`)
          for (const { server, name, digest } of all) say(`  ${digest}  ${harmless(name)} of ${server}`)
        }
      }
    })
  measurement
    .command('block <digest>')
    .description('no agent of any blueprint may run on it, whatever was approved: refused from the next call on')
    .requiredOption('--reason <text>', WHY)
    .action(
      run('security', async ({ attestation }, [digest = ''], { reason = '' }) => {
        const { agents } = await attestation.blockMeasurement({ digest: digestIn(digest, 'the digest'), reason })
        say(`Blocked. ${touched(agents, 'quarantined')}`)
      }),
    )
  measurement
    .command('unblock <digest>')
    .description('what was approved counts again; agents that were quarantined stay so until somebody restores them')
    .requiredOption('--reason <text>', WHY)
    .action(
      run('security', async ({ attestation }, [digest = ''], { reason = '' }) => {
        await attestation.unblockMeasurement({ digest: digestIn(digest, 'the digest'), reason })
        say('No longer blocked.')
      }),
    )
  measurement
    .command('list')
    .description('what is blocked')
    .option('--json', 'as JSON')
    .action(
      run('security', async ({ attestation }, _args, { json }) => {
        const { measurements } = await attestation.listBlockedMeasurements({})
        if (json) return say(toJson(measurements))
        if (measurements.length === 0) return say('Nothing is blocked.')
        const rows = measurements.map(({ digest, blockedBy, reason }) => [digest, blockedBy, harmless(reason)])
        say(toTable(['digest', 'blocked by', 'because'], rows))
      }),
    )
}

async function digestOf(path: string, followLinks: boolean): Promise<string> {
  const hashing = createHashing()
  const progress = showProgress()
  try {
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory())
      return (await hashing.digests([path], progress.show)).get(path) ?? ''
    const files = await filesIn(path, { followLinks })
    const digests = await hashing.digests(
      files.map((file) => file.path),
      progress.show,
    )
    return folderDigest(files.map((file) => ({ name: file.name, digest: digests.get(file.path) ?? '' })))
  } catch (error) {
    throw error instanceof MeasureError ? new Usage(error.message) : error
  } finally {
    progress.end()
    await hashing.close()
  }
}
