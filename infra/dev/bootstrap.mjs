/**
 * The way in, on a machine that has only Node ≥ 20 and npm: gets what is missing, then runs the program under Node 24.
 * `npm start`, `npm test`, `npm run bench`, `npm run credence` and `npm run check` all come here.
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runBuild } from './setup/build.mjs'
import { runChecks } from './setup/checks.mjs'
import { installDependencies } from './setup/dependencies.mjs'
import { findNatsServer } from './setup/nats-server.mjs'
import { findNode } from './setup/node.mjs'
import { SetupFailed } from './setup/terminal.mjs'

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const FLAGS = ['--conditions=@credence/source', '--disable-warning=ExperimentalWarning', '--disable-warning=DEP0123']
const VITEST = [
  'node_modules/vitest/vitest.mjs',
  'run',
  '--reporter=default',
  '--reporter=./infra/dev/test-reporter.ts',
]

const PROGRAMS = {
  start: { file: 'infra/dev/launcher.ts', nats: true },
  test: { file: VITEST[0], args: VITEST.slice(1), nats: true },
  bench: { file: 'bench/main.ts', nats: true },
  credence: { file: 'packages/cli/src/main.ts' },
}

const [what, ...args] = process.argv.slice(2)
try {
  if (Number(process.versions.node.split('.')[0]) < 20)
    throw new SetupFailed(`Node 20 or later is needed to begin; this is ${process.version}.`)
  installDependencies(ROOT)
  const node = findNode(ROOT)
  if (what === 'check') process.exit(runChecks(ROOT, node))
  if (what === 'build') process.exit(runBuild(ROOT, node))
  const program = PROGRAMS[what]
  if (!program || !existsSync(join(ROOT, program.file)))
    throw new SetupFailed(`There is no "${what}" here; there are: check, build, ${Object.keys(PROGRAMS).join(', ')}.`)
  const nats = program.nats ? { CREDENCE_NATS_SERVER: findNatsServer(ROOT) } : {}
  run(node, program, nats)
} catch (error) {
  if (!(error instanceof SetupFailed)) throw error
  process.stderr.write(`\n${error.message}\n`)
  process.exit(1)
}

function run(node, program, environment) {
  const tests = what === 'test'
  const child = spawn(node, [...FLAGS, join(ROOT, program.file), ...(program.args ?? []), ...args], {
    cwd: tests ? ROOT : process.cwd(),
    stdio: 'inherit',
    // Test workers, and what they start, resolve our packages to their sources as well.
    env: { ...process.env, ...environment, ...(tests ? { NODE_OPTIONS: FLAGS.join(' ') } : {}) },
  })
  // A terminal sends Ctrl-C to the child as well; it is the child that ends first.
  for (const signal of ['SIGINT', 'SIGTERM'])
    process.on(signal, () => {
      if (signal === 'SIGTERM') child.kill(signal)
    })
  child.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)))
}
