/** A start that cannot succeed says why in one line, and what to do. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePorts } from '../dev/ports.ts'
import { SERVICE_NAMES, type Stack, startStack } from '../dev/stack.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
let stack: Stack
let folder: string
let taken: Server

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'credence-start-'))
  stack = await startStack({ folder, services: [] })
  taken = createServer().listen(0, '127.0.0.1')
})
afterAll(async () => {
  taken?.close()
  await stack?.stop()
  rmSync(folder, { recursive: true, force: true })
})

function run(name: string, environment: Record<string, string>): Promise<{ code: number | null; said: string[] }> {
  const script = join(ROOT, 'services', name, 'src/main.ts')
  const args = ['--conditions=@credence/source', '--disable-warning=ExperimentalWarning', script]
  const child = spawn(process.execPath, args, { env: { PATH: process.env.PATH ?? '', ...environment } })
  let text = ''
  child.stderr.on('data', (chunk) => {
    text += chunk
  })
  return new Promise((resolve) => {
    child.on('exit', (code) => resolve({ code, said: text.trim().split('\n') }))
  })
}

describe('a start that cannot succeed', () => {
  for (const name of SERVICE_NAMES) {
    it(`${name}: names every variable that is missing, and exits with EX_CONFIG`, async () => {
      const { code, said } = await run(name, {})
      expect([code, said.length]).toEqual([78, 1])
      expect(said[0]).toContain('CREDENCE_TRUST_DOMAIN: is not set')
      expect(said[0]).toContain('README.md')
    })

    it(`${name}: names the address that something else uses`, async () => {
      const { port } = taken.address() as { port: number }
      const [other = 0] = await freePorts(1)
      const environment = await stack.environment(name)
      const { code, said } = await run(name, {
        ...environment,
        CREDENCE_GRPC_LISTEN: `127.0.0.1:${port}`,
        CREDENCE_GRPC_PUBLIC_LISTEN: `127.0.0.1:${other}`,
      })
      expect([code, said.length], said.join('\n')).toEqual([1, 1])
      expect(said[0]).toContain(`Cannot listen on 127.0.0.1:${port}`)
    })

    it(`${name}: names the file of roles that it cannot read`, async () => {
      const { code, said } = await run(name, {
        ...(await stack.environment(name)),
        CREDENCE_ROLES_FILE: '/nowhere.json',
      })
      expect([code, said.length]).toEqual([78, 1])
      expect(said[0]).toContain('CREDENCE_ROLES_FILE (/nowhere.json)')
    })
  }

  it('the stack names the port that is taken', async () => {
    const { port } = taken.address() as { port: number }
    const other = mkdtempSync(join(tmpdir(), 'credence-start-'))
    await expect(startStack({ folder: other, ports: { ...stack.ports, nats: port } })).rejects.toThrow(
      `Port ${port} (nats) is in use`,
    )
    rmSync(other, { recursive: true })
  })
})
