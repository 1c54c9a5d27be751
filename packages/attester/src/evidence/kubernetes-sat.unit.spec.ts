/** The file as a kubelet keeps it: `token` leads through `..data` to a folder that is swapped when the token is renewed. */
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { createKubernetesSat } from './kubernetes-sat.ts'

const folder = mkdtempSync(join(tmpdir(), 'credence-token-'))
const tokenFile = join(folder, 'token')
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function renew(name: string, text: string): void {
  mkdirSync(join(folder, name))
  writeFileSync(join(folder, name, 'token'), text)
  symlinkSync(name, join(folder, '..data_tmp'))
  renameSync(join(folder, '..data_tmp'), join(folder, '..data'))
}
symlinkSync('..data/token', tokenFile)

const produce = createKubernetesSat({ tokenFile })
const text = async () => {
  const { kind, content } = await produce({ nonce: 'nonce', binding: Buffer.alloc(32), now: new Date() })
  expect(kind).toBe('kubernetes-sat')
  return Buffer.from(content).toString()
}

describe('the producer of service-account tokens', () => {
  it('reads the file anew each time, and what it leads to now', async () => {
    renew('..1', 'aaa.bbb.ccc\n')
    expect(await text()).toBe('aaa.bbb.ccc')
    renew('..2', 'ddd.eee.fff')
    expect(await text()).toBe('ddd.eee.fff')
  })

  it('says what is wrong, and nothing of what is in it', async () => {
    renew('..3', 'the secret of somebody else')
    const malformed = { code: 'token_malformed', message: `${tokenFile} does not hold a service-account token.` }
    await expect(text()).rejects.toMatchObject(malformed)
    renew('..4', `aaa.bbb.${'c'.repeat(20_000)}`)
    await expect(text()).rejects.toMatchObject(malformed)
    rmSync(join(folder, '..data'))
    await expect(text()).rejects.toMatchObject({ code: 'token_unreadable' })
  })
})
