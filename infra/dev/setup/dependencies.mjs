/** The packages of the workspace, by the pnpm that package.json pins, through npx. Works offline from a warm cache. */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { job, quietly, SetupFailed, tail } from './terminal.mjs'

export function installDependencies(root) {
  const stamp = join(root, 'node_modules', '.credence-installed')
  const wanted = fingerprint(root)
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return
  job('installing packages', () => {
    const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    const install = (...flags) =>
      quietly('npx', ['--yes', '--prefer-offline', packageManager, 'install', '--frozen-lockfile', ...flags], {
        cwd: root,
        env: { ...process.env, CI: '1', npm_config_update_notifier: 'false', npm_config_fund: 'false' },
      })
    const first = install('--prefer-offline')
    const result = first.ok ? first : install('--offline')
    if (!result.ok)
      throw new SetupFailed(
        `The packages could not be installed:\n${tail(first.output)}\n\nCheck the network, or run: npx ${packageManager} install`,
      )
    writeFileSync(stamp, wanted)
  })
}

/** Installed is what the lockfile and every manifest say, for this platform. */
function fingerprint(root) {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}\n`)
  for (const file of ['pnpm-lock.yaml', 'pnpm-workspace.yaml', 'package.json'])
    hash.update(readFileSync(join(root, file)))
  return hash.digest('hex')
}
