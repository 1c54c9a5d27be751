/** The command line as a builder's CI uses it: create, sign, verify. It needs no server and no profile. */
import { execFileSync } from 'node:child_process'
import { createHash, generateKeyPairSync } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readTools, toolManifestDigest } from '@credence/contracts/attestation/tools'
import { Command } from 'commander'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { credence as runCredence } from '../../../../infra/testing/credence.ts'
import { explainFailure } from '../failure.ts'
import { addManifestCommands } from './manifest.ts'

const folder = mkdtempSync(join(tmpdir(), 'credence-manifest-'))
const path = (name: string) => join(folder, name)
function put(name: string, text: string): string {
  writeFileSync(path(name), text)
  return path(name)
}
const credence = (...args: string[]) => runCredence(path('no-profile.json'), 'manifest', ...args)
const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest('hex')

const TOOLS = '{"tools":[{"name":"book","description":"Books.","inputSchema":{"type":"object"}}]}'
const files = {
  '--program': put('agent.ts', 'console.log(1)'),
  '--prompt': put('prompt.md', 'You book meetings.'),
  '--tools': put('tools.json', TOOLS),
  '--model': put('model.json', '{}'),
}
const parts = (part: Partial<typeof files> = {}) => Object.entries({ ...files, ...part }).flat()

function newKeyFiles(name: string, namedCurve = 'prime256v1'): { secret: string; open: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve })
  return {
    secret: put(`${name}.pem`, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()),
    open: put(`${name}.pub.pem`, publicKey.export({ type: 'spki', format: 'pem' }).toString()),
  }
}
const builder = newKeyFiles('builder')

beforeAll(async () => {
  const created = await credence('create', 'meeting-scheduler', '--label', '1.4.2', ...parts(), '--out', path('s.json'))
  expect(created).toMatchObject({ code: 0 })
  const signed = await credence('sign', path('s.json'), '--key', builder.secret, '--out', path('m.json'))
  expect(signed).toMatchObject({ code: 0 })
}, 60_000)
afterAll(() => rmSync(folder, { recursive: true }))

/** In this process: what goes wrong goes wrong before anything is written. */
async function failureOf(args: string[]) {
  const program = new Command('credence').exitOverride()
  addManifestCommands(program)
  const failed = program.parseAsync(['manifest', ...args], { from: 'user' }).then(() => undefined)
  return explainFailure(await failed.catch((error) => error))
}

describe('credence manifest', () => {
  it('create measures the parts', () => {
    expect(JSON.parse(readFileSync(path('s.json'), 'utf8'))).toMatchObject({
      subject: [{ name: 'agent.ts', digest: { sha256: sha256('console.log(1)') } }],
      predicate: {
        blueprint: 'meeting-scheduler',
        label: '1.4.2',
        prompt: { name: 'prompt.md', digest: { sha256: sha256('You book meetings.') } },
        model: { name: 'model.json', digest: { sha256: sha256('{}') } },
        tools: [{ server: 'local', name: 'book' }],
      },
    })
  })

  it('verify shows who and what, and agrees with the parts', async () => {
    const { out, code } = await credence('verify', path('m.json'), '--key', builder.open, ...parts())
    expect(code).toBe(0)
    const tools = toolManifestDigest(readTools(Buffer.from(TOOLS)).value ?? [])
    for (const line of [
      'meeting-scheduler',
      '1.4.2',
      `${sha256('{}')}  model.json`,
      `${tools}  1 of them`,
      'book of local',
    ])
      expect(out).toContain(line)
  })

  it('verify names each part that is another one', async () => {
    const changed = {
      '--prompt': put('other.md', 'You pay.'),
      '--tools': put('other.json', TOOLS.replace('Books', 'Pays')),
    }
    const { out, code } = await credence('verify', path('m.json'), '--key', builder.open, ...parts(changed))
    expect(code).toBe(1)
    expect(out).toContain('prompt: not what was signed\ntools: not what was signed\n')
    expect(out).not.toContain('program: not')
  })

  it('verify refuses another builder’s key, and a manifest that was changed', async () => {
    const other = newKeyFiles('other')
    expect(await credence('verify', path('m.json'), '--key', other.open)).toMatchObject({
      code: 1,
      error: expect.stringContaining('signature_invalid'),
    })
    const bundle = JSON.parse(readFileSync(path('m.json'), 'utf8'))
    bundle.dsseEnvelope.payload = Buffer.from(readFileSync(path('s.json'), 'utf8').replace('1.4.2', '1.4.3')).toString(
      'base64',
    )
    const tampered = put('tampered.json', JSON.stringify(bundle))
    expect(await credence('verify', tampered, '--key', builder.open)).toMatchObject({ code: 1 })
  })

  it('takes the digest of an image, the statement of a signed model, and the policies that were told', async () => {
    const args = ['--label', '2', '--prompt', files['--prompt'], '--tools', files['--tools']]
    const image = ['--program-digest', `sha256:${'1'.repeat(64)}`, '--program-name', 'ghcr.example/agent']
    // Any signed statement will do: its payload is what counts.
    const model = ['--model-bundle', path('m.json'), '--policy-version', '7'.repeat(64)]
    const { out, code } = await credence('create', 'meeting-scheduler', ...args, ...image, ...model)
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({
      subject: [{ name: 'ghcr.example/agent', digest: { sha256: '1'.repeat(64) } }],
      predicate: {
        model: { name: 'm.json', digest: { sha256: sha256(readFileSync(path('s.json'))) } },
        policyVersion: '7'.repeat(64),
      },
    })
  })

  it('takes a folder as the model: names and files count', async () => {
    const create = async (folder: string) => {
      const { out } = await credence('create', 'x', '--label', '1', ...parts({ '--model': folder }))
      return JSON.parse(out).predicate.model
    }
    const folder = path('model')
    mkdirSync(folder)
    put('model/a.bin', 'A')
    put('model/b.bin', 'B')
    const list = [
      { digest: sha256('A'), name: 'a.bin' },
      { digest: sha256('B'), name: 'b.bin' },
    ]
    expect(await create(folder)).toEqual({ name: 'model', digest: { sha256: sha256(JSON.stringify(list)) } })
  })

  it('tools puts the answers of servers together, all pages of each', async () => {
    const [first, second] = [
      put('1.json', '{"tools":[{"name":"a"}],"nextCursor":"x"}'),
      put('2.json', '{"tools":[{"name":"b"}]}'),
    ]
    const answers = [
      `https://a.example/mcp?x=1=${first}`,
      `https://b.example=${files['--tools']}`,
      `https://a.example/mcp?x=1=${second}`,
    ]
    const { out, code } = await credence('tools', ...answers)
    expect(code).toBe(0)
    expect(readTools(Buffer.from(out)).value?.map(({ server, name }) => `${server} ${name}`)).toEqual([
      'https://a.example/mcp?x=1 a',
      'https://a.example/mcp?x=1 b',
      'https://b.example book',
    ])
    expect(await credence('tools', `https://a.example=${first}`)).toMatchObject({
      code: 1,
      error: expect.stringContaining('tools_incomplete'),
    })
  })

  it('tools lets no answer speak for another server', async () => {
    const answer = put('evil.json', '{"tools":[]}]},{"server":"https://b.example","list":[{"tools":[]}')
    expect(await credence('tools', `https://a.example=${answer}`)).toMatchObject({ code: 2 })
  })

  it('OpenSSL makes the keys', async () => {
    const [secret, open] = [path('openssl.pem'), path('openssl.pub.pem')]
    execFileSync('openssl', ['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', secret], {
      stdio: 'ignore',
    })
    execFileSync('openssl', ['pkey', '-in', secret, '-pubout', '-out', open], { stdio: 'ignore' })
    const { out: signed } = await credence('sign', path('s.json'), '--key', secret)
    expect(await credence('verify', put('openssl.json', signed), '--key', open)).toMatchObject({ code: 0 })
  })

  const wrong: [name: string, code: number, error: string, args: () => string[]][] = [
    ['no program', 2, '--program', () => ['create', 'x', '--label', '1', ...parts().slice(2)]],
    [
      'two models',
      2,
      'one way only',
      () => ['create', 'x', '--label', '1', ...parts(), '--model-digest', '1'.repeat(64)],
    ],
    [
      'a digest that is none',
      2,
      '64 lower-case',
      () => ['create', 'x', '--label', '1', ...parts().slice(2), '--program-digest', 'xyz'],
    ],
    ['a blueprint that is none', 2, 'breaks a limit', () => ['create', 'X!', '--label', '1', ...parts()]],
    [
      'a missing file',
      2,
      'is not there',
      () => ['create', 'x', '--label', '1', ...parts({ '--prompt': path('none') })],
    ],
    [
      'tools that can be read in two ways',
      2,
      'json_name_twice',
      () => ['create', 'x', '--label', '1', ...parts({ '--tools': put('twice.json', '{"tools":[],"tools":[]}') })],
    ],
    [
      'a key on another curve',
      1,
      'P-256',
      () => ['sign', path('s.json'), '--key', newKeyFiles('large', 'secp384r1').secret],
    ],
    ['a key that is none', 2, 'private key in PEM', () => ['sign', path('s.json'), '--key', path('s.json')]],
    ['a statement that is none', 1, 'statement_malformed', () => ['sign', files['--model'], '--key', builder.secret]],
  ]
  for (const [name, code, error, args] of wrong)
    it(`refuses ${name}`, async () =>
      expect(await failureOf(args())).toMatchObject({ code, text: expect.stringContaining(error) }))
})
