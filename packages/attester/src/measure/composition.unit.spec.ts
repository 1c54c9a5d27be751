/** Real files and real processes. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { hostedModelDigest } from '@credence/contracts/attestation/model-manifest'
import { readTools, toolManifestDigest } from '@credence/contracts/attestation/tools'
import { sha256 } from '@credence/shared/digest'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { createHashing } from '../hashing/hashing.ts'
import { type Made, measureComposition } from './composition.ts'
import { loadedModels } from './loaded.ts'
import { lookAtProcess, startOf } from './process.ts'

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'credence-measure-')))
const hashing = createHashing()
afterAll(async () => {
  await hashing.close()
  rmSync(folder, { recursive: true, force: true })
})
const file = (name: string, content: string): string => {
  mkdirSync(dirname(join(folder, name)), { recursive: true })
  writeFileSync(join(folder, name), content)
  return join(folder, name)
}
const TOOLS = JSON.stringify({
  tools: [{ name: 'calendar.read', description: 'Reads', inputSchema: { type: 'object' } }],
})
const made = (part: Partial<Made> = {}): Made => ({
  program: { file: file('agent.mjs', 'program') },
  prompt: file('prompt.md', 'prompt'),
  tools: { file: file('tools.json', TOOLS) },
  model: { file: file('model.gguf', 'model') },
  ...part,
})
const measured = async (part: Partial<Made> = {}, pid?: number) => measureComposition(made(part), { hashing, pid })
const code = (work: Promise<unknown>) =>
  work.then(
    () => 'none',
    (error) => error.code,
  )

describe('what an agent is made of', () => {
  it('is measured from its files', async () => {
    const { composition } = await measured()
    expect(composition).toEqual({
      program: sha256('program'),
      prompt: sha256('prompt'),
      tool_manifest: toolManifestDigest(readTools(Buffer.from(TOOLS)).value ?? []),
      model: sha256('model'),
    })
  })

  it('a model folder counts with every name and every content, in whatever order it is read', async () => {
    for (const name of ['b/weights.safetensors', 'a.json', 'b-2.txt']) file(`model/${name}`, name)
    const model = { folder: join(folder, 'model') }
    const digestNow = async () => (await measured({ model })).composition.model
    const names = ['a.json', 'b-2.txt', 'b/weights.safetensors']
    const list = names.map((name) => ({ digest: sha256(name), name }))
    expect(await digestNow()).toBe(sha256(JSON.stringify(list)))
    file('model/.gitattributes', 'no part of it')
    expect(await digestNow()).toBe(sha256(JSON.stringify(list)))
    renameSync(join(folder, 'model/a.json'), join(folder, 'model/c.json'))
    const renamed = await digestNow()
    file('model/modeling_x.py', 'code')
    expect(new Set([sha256(JSON.stringify(list)), renamed, await digestNow()]).size).toBe(3)
  })

  it('a link inside a model folder is refused, unless it is to be followed', async () => {
    file('linked/config.json', '{}')
    symlinkSync(file('blob', 'weights'), join(folder, 'linked/weights.gguf'))
    const model = { folder: join(folder, 'linked') }
    expect(await code(measured({ model }))).toBe('link_in_folder')
    const { composition } = await measured({ model: { ...model, followLinks: true } })
    const list = [
      { digest: sha256('{}'), name: 'config.json' },
      { digest: sha256('weights'), name: 'weights.gguf' },
    ]
    expect(composition.model).toBe(sha256(JSON.stringify(list)))
    symlinkSync(join(folder, 'linked'), join(folder, 'linked/round'))
    expect(await code(measured({ model: { ...model, followLinks: true } }))).toBe('folder_too_large')
  })

  it('a signed model is its signed statement, by whatever bundle it came', async () => {
    const statement = JSON.stringify({ _type: 'https://in-toto.io/Statement/v1' })
    const bundle = {
      mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
      verificationMaterial: { publicKey: { hint: '' } },
      dsseEnvelope: {
        payload: Buffer.from(statement).toString('base64'),
        payloadType: 'application/vnd.in-toto+json',
        signatures: [{ sig: 'AAAA', keyid: '' }],
      },
    }
    file('signed/weights.gguf', 'weights')
    const signature = file('signed/model.sig', JSON.stringify(bundle))
    const { composition } = await measured({ model: { folder: join(folder, 'signed'), signature } })
    expect(composition.model).toBe(sha256(statement))
    // A changed file leaves the statement as it is; the seal tells that there is something to show.
    const { seal } = await measured({ model: { folder: join(folder, 'signed'), signature } })
    file('signed/weights.gguf', 'poison!')
    const changed = await measured({ model: { folder: join(folder, 'signed'), signature } })
    expect(changed.composition.model).toBe(sha256(statement))
    expect(changed.seal).not.toBe(seal)
    file('signed/model.sig', '{}')
    expect(await code(measured({ model: { folder: join(folder, 'signed'), signature } }))).toBe('signature_malformed')
  })

  it('a hosted model is what its provider signed, or only what it is said to be', async () => {
    const said = { iss: 'acme', iat: 1, exp: 2, name: 'large', version: '3', revision: 'r7' }
    const jws = ['{}', JSON.stringify(said), 'signature']
      .map((part) => Buffer.from(part).toString('base64url'))
      .join('.')
    const signed = await measured({ model: { providerStatement: file('statement.jwt', `${jws}\n`) } })
    expect(signed.composition.model).toBe(hostedModelDigest(said))
    const claimed = await measured({ model: { provider: 'acme', name: 'large', version: '3' } })
    expect(claimed.composition.model).toBe(sha256('{"name":"large","provider":"acme","version":"3"}'))
    expect(claimed.notes).toContainEqual({ part: 'model', known: 'told', what: 'acme large 3' })
  })

  it('in a container the program is the image, as it was told', async () => {
    const digest = sha256('image')
    const imageFile = file('image', `registry.example/agent@sha256:${digest}\n`)
    const { composition, notes } = await measured({ program: { imageFile } })
    expect(composition.program).toBe(digest)
    expect(notes[0]).toMatchObject({ part: 'program', known: 'told' })
    expect(await code(measured({ program: { imageFile: file('tag', 'registry.example/agent:latest') } }))).toBe(
      'image_unknown',
    )
  })

  it('tools that can be read in two ways are not measured', async () => {
    const twice = file('twice.json', '{"tools":[{"name":"a"}],"tools":[]}')
    expect(await code(measured({ tools: { file: twice } }))).toMatch(/^(json|tools|key)_/)
    expect(await code(measured({ tools: { file: join(folder, 'nowhere') } }))).toBe('file_missing')
  })
})

describe.skipIf(process.platform !== 'linux')('a running process', () => {
  const children: ChildProcess[] = []
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL')
  })
  /** Started, and told so on its output. */
  async function run(command: string, ...args: string[]): Promise<number> {
    const child = spawn(command, args, { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] })
    children.push(child)
    await new Promise((resolve) => child.stdout?.once('data', resolve))
    return child.pid as number
  }
  const stay = (before = '') => `${before}\nconsole.log('ready'); setInterval(() => {}, 1000)`

  it('is measured by its script, or by its executable when it is no interpreter', async () => {
    const script = file('runs.mjs', stay())
    const pid = await run(process.execPath, '--no-warnings', 'runs.mjs')
    const { composition, notes } = await measured({ program: { process: true } }, pid)
    expect(composition.program).toBe(sha256(readFileSync(script)))
    expect(notes).toContainEqual({ part: 'program', known: 'seen', what: script })

    const own = join(folder, 'own-program')
    copyFileSync('/bin/sleep', own)
    const child = spawn(own, ['60'])
    children.push(child)
    await new Promise((resolve) => child.once('spawn', resolve))
    const sleep = () => measured({ program: { process: true } }, child.pid)
    const { composition: before } = await sleep()
    expect(before.program).toBe(sha256(readFileSync(own)))
    // Replaced on disk: what runs is still the old one.
    renameSync(file('another-program', 'another'), own)
    expect((await sleep()).composition).toEqual(before)
    // Neither does its name make what lies there now what runs.
    const named = await measured({ program: { file: own } }, child.pid)
    expect(named.composition).toEqual(before)
    expect(named.faults).toMatchObject([{ code: 'other_program_runs' }])
  })

  it('is measured as what it runs, when that is not the named program', async () => {
    const script = file('runs.mjs', stay())
    const pid = await run(process.execPath, 'runs.mjs')
    const runs = sha256(readFileSync(script))
    const named = await measured({ program: { file: script } }, pid)
    expect(named).toMatchObject({ composition: { program: runs }, faults: [] })
    const other = await measured({ program: { file: file('other.mjs', 'other') } }, pid)
    expect(other).toMatchObject({ composition: { program: runs }, faults: [{ code: 'other_program_runs' }] })
    const inline = await run(process.execPath, '-e', stay())
    expect(await code(measured({ program: { process: true } }, inline))).toBe('program_inline')
    expect(await code(measured({ program: { process: true } }))).toBe('process_missing')
  })

  /** What the model is taken for, and what is wrong with it. */
  const modelOf = async (pid: number, model: Made['model']) => {
    const { composition, faults } = await measured({ program: { process: true }, model }, pid)
    return [composition.model, ...faults.map((fault) => fault.code)]
  }

  it('is measured by the model that it has open, when that is not the named one', async () => {
    const opens = (path: string) => stay(`import { openSync } from 'node:fs'; openSync(${JSON.stringify(path)})`)
    const model = { file: file('approved.gguf', 'approved') }
    file('good.mjs', opens(model.file))
    const good = await run(process.execPath, 'good.mjs')
    const { notes } = await measured({ program: { process: true }, model }, good)
    expect(notes).toContainEqual({ part: 'model', known: 'seen', what: `${model.file} is loaded` })

    // The same content in another place is the same model; another content is not.
    file('copy.mjs', opens(file('copy.gguf', 'approved')))
    const copy = await run(process.execPath, 'copy.mjs')
    expect(await modelOf(copy, model)).toEqual([sha256('approved')])
    file('bad.mjs', opens(file('poisoned.gguf', 'poisoned')))
    const bad = await run(process.execPath, 'bad.mjs')
    expect(await modelOf(bad, model)).toEqual([sha256('poisoned'), 'other_model_loaded'])
    // Replaced by the approved one after it was opened.
    renameSync(file('poisoned-2.gguf', 'approved'), join(folder, 'poisoned.gguf'))
    expect(await modelOf(bad, model)).toEqual([sha256('poisoned'), 'other_model_loaded'])
  })

  const python = spawnSync('python3', ['--version']).status === 0
  it.skipIf(!python)('is measured by the model that it has mapped, though no longer open', async () => {
    const map = (path: string) =>
      `import mmap, os, sys, time\nfd = os.open(${JSON.stringify(path)}, os.O_RDONLY)\nm = mmap.mmap(fd, 0, prot=mmap.PROT_READ)\nos.close(fd)\nprint('ready', flush=True)\ntime.sleep(60)`
    const model = { file: file('approved.gguf', 'approved') }
    const good = await run('python3', file('good.py', map(model.file)))
    expect(await modelOf(good, model)).toEqual([sha256('approved')])
    const bad = await run('python3', file('bad.py', map(file('mapped.gguf', 'poisoned'))))
    const [measuredAs, fault] = await modelOf(bad, model)
    expect(fault).toBe('other_model_loaded')
    // The kernel lets root read what is mapped; others learn that it is not the approved one.
    expect([sha256('poisoned'), '0'.repeat(64)]).toContain(measuredAs)
  })

  it('is not measured when not all that it has opened or mapped is seen', async () => {
    file('runs.mjs', stay())
    const pid = await run(process.execPath, 'runs.mjs')
    const loaded = (of: number, most?: number) => loadedModels(of, new Map(), async () => '', most)
    expect(await loaded(pid)).toEqual({ paths: [] })
    expect(await code(loaded(pid, 10))).toBe('process_too_large')
    // One that has ended a moment ago shows nothing.
    expect(await code(loaded(2 ** 22 - 1))).toBe('process_hidden')
  })

  it('has a start by which another process of the same number is told from it, and an end', async () => {
    file('runs.mjs', stay())
    const pid = await run(process.execPath, 'runs.mjs')
    const started = await startOf(pid)
    expect(started).toMatch(/^[0-9a-f-]{36}:\d+$/)
    expect((await lookAtProcess(pid)).started).toBe(started)
    expect(await startOf(process.pid)).not.toBe(started)
    const child = children[0] as ChildProcess
    child.kill('SIGKILL')
    await new Promise((resolve) => child.once('exit', resolve))
    expect(await startOf(pid)).toBeUndefined()
    expect(await code(measured({ program: { process: true } }, pid))).toBe('process_ended')
  })
})
