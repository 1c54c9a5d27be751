/** `npm run check`: lint, layers, types, proto. Runs all, then says which failed. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { dim, quietly } from './terminal.mjs'

export function runChecks(root, node) {
  const bin = (name) => join(root, 'node_modules', '.bin', name)
  const gen = 'packages/contracts/src/gen'
  const checks = [
    ['lint and layers (biome)', bin('biome'), ['check', '--error-on-warnings', '.']],
    ['types (tsc)', bin('tsc'), ['-p', 'tsconfig.json']],
    ['proto lint (buf)', bin('buf'), ['lint']],
    ['proto format (buf)', bin('buf'), ['format', '--diff', '--exit-code']],
    ['generated code is current (buf generate)', bin('buf'), ['generate']],
    ['', bin('buf'), ['build', '--exclude-path', 'proto/spiffe', '-o', `${gen}/credence.binpb`]],
    ['', 'git', ['diff', '--exit-code', '--stat', '--', gen]],
  ]
  const path = `${join(root, 'node_modules', '.bin')}:${join(node, '..')}:${process.env.PATH}`
  let failed = 0
  for (const [name, command, args] of checks) {
    if (command !== 'git' && !existsSync(command)) continue
    const began = Date.now()
    const { ok, output } = quietly(command, args, { cwd: root, env: { ...process.env, PATH: path } })
    if (name || !ok)
      process.stdout.write(
        `${ok ? '✓' : '✗'} ${name || args.join(' ')} ${dim(`${((Date.now() - began) / 1000).toFixed(1)} s`)}\n`,
      )
    if (!ok) {
      failed++
      process.stdout.write(`${output}\n`)
    }
  }
  return failed === 0 ? 0 : 1
}
