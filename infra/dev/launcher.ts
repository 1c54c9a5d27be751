/** `npm start`: the whole house on loopback, the story told once, then it stays up. `-- --once` ends after the story. */
import { mkdirSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { messageOf } from '@credence/shared/log'
import { openCompany } from './company.ts'
import { DEFAULT_PORTS, type Stack, startStack } from './stack.ts'
import { bold, dim, Otherwise } from './story/narrator.ts'
import { type Told, tellStory } from './story/story.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const say = (line: string) => process.stdout.write(`${line}\n`)

const { values: options } = parseArgs({
  options: {
    once: { type: 'boolean', default: false },
    fresh: { type: 'boolean', default: false },
    ports: { type: 'string', default: 'default' },
  },
})

const folder = join(ROOT, '.credence', options.once ? `once-${process.pid}` : 'dev')
let stack: Stack | undefined
let ending: Promise<void> | undefined

/** Stops everything that was started; nothing is left behind. */
function end(code: number): Promise<void> {
  ending ??= (async () => {
    await stack?.stop()
    if (options.once && code === 0) rmSync(folder, { recursive: true, force: true })
    process.exit(code)
  })()
  return ending
}
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    say(dim('\nStopping …'))
    void end(options.once ? 130 : 0)
  })

try {
  const began = Date.now()
  if (options.fresh) rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  say(bold('Credence'))
  const progress = (what: string) => say(dim(`  starting ${what} …`))
  const ports = options.once || options.ports === 'any' ? undefined : DEFAULT_PORTS
  stack = await startStack({ folder, ports, progress })
  progress('the demo company: identity provider, calendar, customer database')
  const company = await openCompany(stack)
  say(dim(`  all is up after ${((Date.now() - began) / 1000).toFixed(1)} s`))
  const told = await tellStory(stack, company, say)
  say('')
  if (options.once) await end(0)
  else showAround(stack, told)
} catch (error) {
  process.stderr.write(
    `\n${error instanceof Otherwise ? `The story came out otherwise than told: ${error.message}` : messageOf(error)}\n`,
  )
  process.stderr.write(dim(`The logs are in ${relative(process.cwd(), join(folder, 'logs'))}\n`))
  await end(1)
}

function showAround({ ports, issuer, idpIssuer }: Stack, { agentId, decisionId, decisionIndex }: Told): void {
  const at = (name: string, mesh: number, open: number) =>
    say(`  ${name.padEnd(12)} gRPC  localhost:${mesh} (workloads, mTLS)   localhost:${open} (agents and people)`)
  say(bold('It stays up. Listening on loopback:'))
  at('identity', ports.identityMesh, ports.identityPublic)
  at('policy', ports.policyMesh, ports.policyPublic)
  at('attestation', ports.attestationMesh, ports.attestationPublic)
  at('audit', ports.auditMesh, ports.auditPublic)
  say(`  ${'OAuth'.padEnd(12)} ${issuer}/.well-known/oauth-authorization-server`)
  say(`  ${'pages'.padEnd(12)} ${issuer}/delegations (sign in as a demo person: .credence/dev/passwords.json)`)
  say(`  ${'people'.padEnd(12)} ${idpIssuer} (the demo company’s identity provider)`)
  say('')
  say(bold('Try next, in another terminal:'))
  say(`  npm run -s credence -- explain ${agentId}`)
  say(`  npm run -s credence -- decision replay ${decisionId}`)
  say(`  npm run -s credence -- audit prove ${decisionIndex} --out booking`)
  say(`  npm run -s credence -- attestation show ${agentId}`)
  say('  npm run -s credence -- reference list')
  say('  npm run -s credence -- policy list')
  say('  npm run -s credence -- audit records --from 0')
  say('')
  say(dim('Ctrl-C stops all of it. Data stays in .credence/dev; "npm start -- --fresh" begins anew.'))
}
