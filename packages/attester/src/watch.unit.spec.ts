/** Real files, changed in every way that files are changed. */
import {
  appendFileSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Watch, watchFiles } from './watch.ts'
import type { Watched } from './watched.ts'

let folder: string
let watching: Watch[]
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'credence-watch-')))
  watching = []
})
afterEach(() => {
  for (const one of watching) one.close()
  rmSync(folder, { recursive: true, force: true })
})
const file = (name: string, content = name): string => {
  mkdirSync(dirname(join(folder, name)), { recursive: true })
  writeFileSync(join(folder, name), content)
  return join(folder, name)
}
const later = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
/** Longer than any notice takes on a busy machine, far shorter than the next look. */
const SOON_MS = 5_000
const NEVER_MS = 3_600_000

/** Watches, lets the file system’s clock move on, does it, and says what was told and after how long. */
async function told(
  watched: Watched[],
  change: () => void,
  { lookEveryMs = NEVER_MS, waitMs = SOON_MS }: { lookEveryMs?: number; waitMs?: number } = {},
): Promise<string[]> {
  let heard: (paths: string[]) => void = () => undefined
  const hearing = new Promise<string[]>((resolve) => {
    heard = resolve
  })
  let began = Number.POSITIVE_INFINITY
  const watch = await watchFiles(watched, (paths) => performance.now() > began && heard(paths), { lookEveryMs })
  watching.push(watch)
  await later(50)
  began = performance.now()
  change()
  return Promise.race([hearing, later(waitMs).then(() => [])])
}

describe('a watched file', () => {
  const changes: [name: string, change: (path: string) => void][] = [
    ['is written', (path) => writeFileSync(path, 'other')],
    ['is written with as many bytes', (path) => writeFileSync(path, 'AGENT.MJS')],
    ['grows', (path) => appendFileSync(path, 'more')],
    ['is truncated', (path) => truncateSync(path, 1)],
    ['is deleted', (path) => unlinkSync(path)],
    ['is renamed away', (path) => renameSync(path, `${path}.old`)],
    ['is replaced by rename', (path) => renameSync(file('draft', 'new'), path)],
    ['is replaced by a folder', (path) => [unlinkSync(path), mkdirSync(path)]],
    ['gets its old times back', (path) => [writeFileSync(path, 'AGENT.MJS'), utimesSync(path, 1, 1)]],
    [
      'moves with its whole folder',
      (path) => [renameSync(dirname(path), `${dirname(path)}-old`), file('app/agent.mjs', 'new')],
    ],
  ]
  for (const [name, change] of changes)
    it(`is told at once when it ${name}`, async () => {
      const path = file('app/agent.mjs', 'agent.mjs')
      // Nobody looks by itself here: the notice is what tells.
      expect(await told([{ file: path }], () => change(path))).toEqual([path])
    })

  it('is told when it comes into being', async () => {
    const path = join(folder, 'agent.mjs')
    expect(await told([{ file: path }], () => file('agent.mjs'))).toEqual([path])
  })

  it('is told each time, in the same way: replaced again and again', async () => {
    const path = file('agent.mjs')
    let times = 0
    const watch = await watchFiles([{ file: path }], () => times++, { lookEveryMs: NEVER_MS })
    watching.push(watch)
    await later(50)
    for (let round = 1; round <= 5; round++) {
      times = 0
      renameSync(file('draft', `${round}`), path)
      await later(100)
      expect(times, `round ${round}`).toBeGreaterThan(0)
    }
  })

  it('is told when a link on the way to it is swapped, as Kubernetes does it', async () => {
    file('volume/..one/prompt.md', 'one')
    file('volume/..two/prompt.md', 'two')
    symlinkSync('..one', join(folder, 'volume/..data'))
    symlinkSync('..data/prompt.md', join(folder, 'volume/prompt.md'))
    const path = join(folder, 'volume/prompt.md')
    const swap = () => {
      symlinkSync('..two', join(folder, 'volume/..tmp'))
      renameSync(join(folder, 'volume/..tmp'), join(folder, 'volume/..data'))
    }
    expect(await told([{ file: path }], swap)).toEqual([path])
  })

  it('is told when what a link leads to is written', async () => {
    const target = file('elsewhere/agent.mjs')
    mkdirSync(join(folder, 'app'))
    symlinkSync(target, join(folder, 'app/agent.mjs'))
    const path = join(folder, 'app/agent.mjs')
    expect(await told([{ file: path }], () => writeFileSync(target, 'other'))).toEqual([path])
  })

  it('is found by looking when there is no notice: written through another hard link', async () => {
    const path = file('app/agent.mjs')
    mkdirSync(join(folder, 'elsewhere'))
    linkSync(path, join(folder, 'elsewhere/link'))
    const write = () => writeFileSync(join(folder, 'elsewhere/link'), 'other')
    expect(await told([{ file: path }], write, { lookEveryMs: 200 })).toEqual([path])
  })

  it('is not told of because its neighbour changed, or it was read', async () => {
    const path = file('agent.mjs')
    const change = () => [file('neighbour'), file('agent.mjs.swp')]
    expect(await told([{ file: path }], change, { waitMs: 1_000 })).toEqual([])
  })
})

describe('a watched folder', () => {
  it('is told when a file in it, however deep, is written, added, or taken away', async () => {
    const deep = file('model/a/b/weights.gguf')
    const watched = [{ folder: join(folder, 'model') }]
    expect(await told(watched, () => writeFileSync(deep, 'other'))).toEqual([deep])
    const added = join(folder, 'model/modeling.py')
    expect(await told(watched, () => file('model/modeling.py'))).toEqual([added])
    expect(await told(watched, () => unlinkSync(added))).toEqual([added])
    expect(await told(watched, () => file('model/c/d/new.bin'))).toEqual([join(folder, 'model/c/d/new.bin')])
  })
})

it('many writes in a row are told together', async () => {
  const paths = ['a', 'b', 'c'].map((name) => file(name))
  const heard: string[][] = []
  const watch = await watchFiles(
    paths.map((path) => ({ file: path })),
    (changed) => heard.push(changed),
    { lookEveryMs: NEVER_MS },
  )
  watching.push(watch)
  await later(50)
  heard.length = 0
  for (const path of paths) writeFileSync(path, 'other')
  await later(200)
  expect(new Set(heard.flat())).toEqual(new Set(paths))
  expect(heard.length).toBeLessThanOrEqual(2)
})
