/** `npm run build`: dist/ of every package, by turbo, which wants pnpm on PATH. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { job, quietly, tail } from './terminal.mjs'

export function runBuild(root, node) {
  const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const path = `${join(node, '..')}:${join(root, 'node_modules', '.bin')}:${process.env.PATH}`
  const { ok, output } = job('building', () =>
    quietly('npx', ['--yes', '--prefer-offline', '--package', packageManager, '--call', 'turbo run build'], {
      cwd: root,
      env: { ...process.env, PATH: path, TURBO_TELEMETRY_DISABLED: '1', NODE_OPTIONS: '' },
    }),
  )
  if (!ok) process.stderr.write(`${tail(output, 30)}\n`)
  return ok ? 0 : 1
}
