/** What README says of calling Credence by hand: `buf curl` with nothing but reflection, a certificate or a token. */
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type House, openHouse } from '../dev/house.ts'
import { SERVICE_NAMES } from '../dev/stack.ts'

const BUF = fileURLToPath(new URL('../../node_modules/.bin/buf', import.meta.url))
let house: House
let empty: string

beforeAll(async () => {
  house = await openHouse()
  empty = mkdtempSync(join(tmpdir(), 'credence-buf-'))
})
afterAll(async () => {
  await house?.close()
  rmSync(empty, { recursive: true, force: true })
})

async function curl(...args: string[]): Promise<string> {
  const { caFile } = house.stack.authority
  const run = promisify(execFile)
  const { stdout } = await run(BUF, ['curl', '--protocol', 'grpc', '--cacert', caFile, ...args], { cwd: empty })
  return stdout
}

describe('reflection', () => {
  it('tells the services and their methods', async () => {
    const tls = await house.stack.workload('platform/curl')
    for (const name of SERVICE_NAMES) {
      const url = `https://localhost:${house.stack.ports[`${name}Mesh`]}`
      const methods = await curl('--cert', tls.certFile, '--key', tls.keyFile, '--list-methods', url)
      expect(methods).toContain(`credence.${name}.v1.`)
    }
  })

  it('is enough to call a method with a certificate, or with a token', async () => {
    const { stack } = house
    const tls = await stack.workload('platform/curl')
    const method = 'credence.identity.v1.IdentityService/GetBlueprint'
    const body = ['-d', '{"name":"meeting-scheduler"}']
    const mesh = await curl(
      '--cert',
      tls.certFile,
      '--key',
      tls.keyFile,
      ...body,
      `https://localhost:${stack.ports.identityMesh}/${method}`,
    )
    expect(JSON.parse(mesh).blueprint.name).toBe('meeting-scheduler')
    const { access_token } = JSON.parse(readFileSync(join(stack.folder, 'sessions/auditor.json'), 'utf8'))
    const open = await curl(
      '-H',
      `authorization: Bearer ${access_token}`,
      ...body,
      `https://localhost:${stack.ports.identityPublic}/${method}`,
    )
    expect(JSON.parse(open)).toEqual(JSON.parse(mesh))
  })
})
