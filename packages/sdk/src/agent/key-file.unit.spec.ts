import { generateKeyPairSync } from 'node:crypto'
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jwtVerify, SignJWT } from 'jose'
import { afterAll, describe, expect, it } from 'vitest'
import { openAgentKey } from './key-file.ts'

const folder = mkdtempSync(join(tmpdir(), 'credence-key-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const refusal = (path: string) => openAgentKey(path).catch((error) => error.reason)

describe('an agent’s key file', () => {
  it('is made when it is missing, for its owner alone, and is the same key afterwards', async () => {
    const path = join(folder, 'made', 'agent.pem')
    const made = await openAgentKey(path)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    const again = await openAgentKey(path)
    expect(again.thumbprint).toBe(made.thumbprint)
    expect(again.privateKey.extractable).toBe(false)
    const token = await new SignJWT({}).setProtectedHeader({ alg: 'ES256' }).sign(again.privateKey)
    await expect(jwtVerify(token, made.publicKey)).resolves.toBeDefined()
    expect(made.publicJwk).not.toHaveProperty('d')
  })

  it('is made once when several processes start together', async () => {
    const path = join(folder, 'race', 'agent.pem')
    const keys = await Promise.all(Array.from({ length: 8 }, () => openAgentKey(path)))
    expect(new Set(keys.map(({ thumbprint }) => thumbprint)).size).toBe(1)
    expect(readdirSync(join(folder, 'race'))).toEqual(['agent.pem'])
  })

  it('is refused when others may read or change it', async () => {
    for (const mode of [0o640, 0o604, 0o620, 0o602]) {
      const path = join(folder, `mode-${mode}.pem`)
      await openAgentKey(path)
      chmodSync(path, mode)
      expect(await refusal(path)).toBe('key_file_exposed')
    }
  })

  it('is refused when it is no P-256 key, a link, or no file', async () => {
    const write = (name: string, text: string) => {
      writeFileSync(join(folder, name), text, { mode: 0o600 })
      return join(folder, name)
    }
    const other = generateKeyPairSync('ec', { namedCurve: 'secp384r1' }).privateKey
    const edwards = generateKeyPairSync('ed25519').privateKey
    expect(await refusal(write('p384.pem', other.export({ type: 'pkcs8', format: 'pem' }) as string))).toBe(
      'key_file_invalid',
    )
    expect(await refusal(write('ed.pem', edwards.export({ type: 'pkcs8', format: 'pem' }) as string))).toBe(
      'key_file_invalid',
    )
    expect(await refusal(write('empty.pem', ''))).toBe('key_file_invalid')
    expect(await refusal(write('long.pem', 'x'.repeat(5000)))).toBe('key_file_invalid')
    await openAgentKey(join(folder, 'real.pem'))
    symlinkSync(join(folder, 'real.pem'), join(folder, 'link.pem'))
    expect(await refusal(join(folder, 'link.pem'))).toBe('key_file_invalid')
    expect(await refusal(folder)).toBe('key_file_invalid')
  })
})
